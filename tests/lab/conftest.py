"""Booted nodes for tests: built and booted once, frozen, cloned in seconds for each module.

A failing test leaves each node's serial log and journal in artefacts/<test>/.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator

import pytest

from agents.node.profiles import profile_named
from appliance.model.profile import Profile
from images.cache import REPO
from images.errors import CheckFailedError, RigError
from images.frozen import Frozen
from images.frozen import golden as build_golden
from images.machine import Machine, free_l2_port
from tests.lab.second_chance import ONCE, SecondChance

ARTEFACTS = REPO / "artefacts"
TEST_TIMEOUT_S = 900
SERIAL_TAIL_CHARS = 3000
MACHINES = pytest.StashKey[list[Machine]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the second run of a module be told that it is one."""
    parser.addoption(ONCE, action="store_true", help="do not run a module again when its rig broke")


def pytest_configure(config: pytest.Config) -> None:
    """Only the session that sees all reports gives second chances, not its workers."""
    if not config.getoption(ONCE, default=True) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SecondChance())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Emulated nodes are slow: a lab test gets its own limit, and building is not in it."""
    for item in items:
        if item.get_closest_marker("lab") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S, func_only=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what the nodes said when a test failed."""
    report = yield
    if report.failed:
        for machine in item.session.stash.get(MACHINES, []):
            keep_evidence(machine, item.nodeid)
            last = machine.serial_log()[-SERIAL_TAIL_CHARS:]
            report.sections.append((f"the end of {machine.name}'s serial console", last))
    return report


def keep_evidence(machine: Machine, test: str) -> None:
    """Write a machine's serial log and journal beside each other under artefacts/."""
    folder = ARTEFACTS / re.sub(r"[^A-Za-z0-9_.-]+", "-", test)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{machine.name}.serial.log").write_text(machine.serial_log())
    try:
        journal = machine.journal()
    except (RigError, CheckFailedError) as error:
        journal = f"The journal could not be read: {error.message}"
    (folder / f"{machine.name}.journal.log").write_text(journal)


@pytest.fixture(scope="session")
def profile() -> Profile:
    """The chassis all lab tests run on."""
    return profile_named("lab-12bay")


@pytest.fixture(scope="session")
def golden(profile: Profile) -> Frozen:
    """The image of the working tree, booted once and frozen."""
    return build_golden(profile)


@pytest.fixture(scope="session")
def l2_port() -> int:
    """The network between this session's nodes; another session has its own."""
    return free_l2_port()


@pytest.fixture(scope="module")
def node(golden: Frozen, l2_port: int, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A fresh node with blank disks, the same for all tests of a module."""
    with_stash = request.session.stash.setdefault(MACHINES, [])
    machine = golden.clone(f"test-{os.getpid()}-node", number=1, l2_port=l2_port)
    with_stash.append(machine)
    yield machine
    with_stash.remove(machine)
    machine.remove()


@pytest.fixture(scope="module")
def peer(golden: Frozen, l2_port: int, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A second node on the same network: the client that proves a service from outside."""
    with_stash = request.session.stash.setdefault(MACHINES, [])
    machine = golden.clone(f"test-{os.getpid()}-peer", number=2, l2_port=l2_port, nvme=False)
    with_stash.append(machine)
    yield machine
    with_stash.remove(machine)
    machine.remove()
