"""The power cut in the middle, the agent killed at every step boundary: nothing lost, all named.

Here the kills go through the site of every kind; test_every_edge does it to the demo's plan.
"""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from images.clinic import SPEC, Clinic, appliance
from images.frozen import Frozen
from images.machine import Machine
from tests.lab.every_kind import EVERY_KIND, prepare

pytestmark = pytest.mark.lab

PYTHON = "/opt/appliance/venv/bin/python"
PROGRAMS = Path(__file__).parent / "on_node"
DATABASE = "/var/lib/appliance/state.db"


@pytest.fixture(scope="module")
def small(node: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """The site of every kind, not yet applied: built by one test, taken apart by the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        site = Clinic(node, tmp_path_factory.mktemp("small"))
        prepare(site)
        node.copy_in(PROGRAMS, "/opt/tests")
        yield site


@pytest.fixture
def clinic(golden: Frozen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    """The demo's site, not yet applied, on a node whose power is cut."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    machine = golden.clone("test-power", number=3)
    try:
        site = Clinic(machine, tmp_path / "clinic")
        site.prepare()
        yield site
    finally:
        machine.remove()


def slow_mirrors(node: Machine) -> None:
    """Their first synchronisation would take the emulated CPU from what is tested."""
    node.succeed("sysctl -qw dev.raid.speed_limit_max=2000")


def job(node: Machine, number: int) -> dict[str, object]:
    ran = appliance(node, "job", "show", str(number), "--json")
    assert not ran.status, ran.text
    found = json.loads(ran.stdout)
    assert isinstance(found, dict)
    return found


def plan(node: Machine, spec: Path) -> dict[str, list[dict[str, str]]]:
    ran = appliance(node, "apply", str(spec), "--preview", "--json")
    assert not ran.status, ran.text
    found = json.loads(ran.stdout)
    assert isinstance(found, dict)
    return found


def kill_at(site: Clinic, spec: Path, which: str) -> list[str]:
    """Carry a spec out with a kill at the boundaries `which` names; the edges that were hit."""
    node = site.node
    slow_mirrors(node)
    node.succeed("systemctl", "stop", "appliance-agent")
    wish = json.dumps(tomllib.loads(spec.read_text()))
    node.succeed("cat > /opt/tests/site.json", stdin=wish.encode())
    words = ("/opt/tests/killed_at_each_edge.py", "/opt/tests/site.json", DATABASE, which)
    ran = node.execute(PYTHON, *words, timeout_s=4200)
    assert not ran.status, ran.text
    told = json.loads(ran.stdout.splitlines()[-1])
    print(f"{told['kills']} kills in {told['seconds']} s")
    node.succeed("systemctl", "start", "appliance-agent")
    node.wait_for_agent(timeout_s=180)
    edges = told["edges"]
    assert isinstance(edges, list)
    assert told["kills"] == len(edges)
    return edges


def every_boundary(site: Clinic, spec: Path) -> None:
    """Build a site with a kill at every boundary between two of its steps; then it must stand."""
    steps = [step["title"] for step in plan(site.node, spec)["steps"]]
    boundaries = pairwise(("the start", *steps, "the end"))
    places = {edge.partition(": ")[2] for edge in kill_at(site, spec, "turns")}
    assert places >= {f"{one} / {other}" for one, other in boundaries}, "one was left out"
    stands(site, spec)


def stands(site: Clinic, spec: Path) -> None:
    """Nothing is left to do, and the services serve."""
    assert plan(site.node, spec)["steps"] == []
    print(site.prove_smb())
    print(site.prove_iscsi())


@pytest.mark.timeout(1800, func_only=True)
def test_power_cut_in_the_middle_is_finished_on_request(clinic: Clinic) -> None:
    node = clinic.node
    slow_mirrors(node)
    started = appliance(node, "apply", str(SPEC), "--yes", "--no-wait", "--json")
    assert not started.status, started.text
    number = json.loads(started.stdout)["number"]
    deadline = time.monotonic() + 900
    while True:
        steps = job(node, number)["steps"]
        assert isinstance(steps, list)
        done = sum(step["state"] == "ended" for step in steps)
        if done > len(steps) // 2:
            break
        assert time.monotonic() < deadline, f"{done} of {len(steps)} steps"
        time.sleep(0.5)
    node.cut_power()
    node.start()
    slow_mirrors(node)
    node.wait_for_agent(timeout_s=180)
    cut_off = job(node, number)
    assert cut_off["state"] == "unknown", cut_off
    assert f"appliance job finish {number}" in str(cut_off["next_step"])
    refused = appliance(node, "apply", str(SPEC), "--yes")
    assert refused.status == 75, refused.text
    assert not appliance(node, "status").status
    clinic.run("job", "finish", str(number), "--yes")
    assert job(node, number)["state"] == "done"
    stands(clinic, SPEC)


@pytest.mark.timeout(2400, func_only=True)
def test_sigkill_at_every_step_boundary(small: Clinic) -> None:
    every_boundary(small, EVERY_KIND)


@pytest.mark.timeout(1500, func_only=True)
def test_the_real_unit_killed_in_a_step_of_every_kind(small: Clinic, tmp_path: Path) -> None:
    """All is removed; systemd starts the agent after each kill, the job goes on by request."""
    node = small.node
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    removal = plan(node, empty)["steps"]
    nouns = list(dict.fromkeys(step["resource"].partition("/")[0] for step in removal))
    assert set(nouns) == {"pool", "volume", "user", "share", "nfs", "smb", "lun", "vm"}
    node.succeed("echo {} > /opt/tests/empty.json")
    ran = node.execute(
        PYTHON, "/opt/tests/killed_units.py", "/opt/tests/empty.json", DATABASE, timeout_s=1300
    )
    assert not ran.status, ran.text
    told = json.loads(ran.stdout.splitlines()[-1])
    assert list(told["killed"]) == nouns
    restarts = node.succeed("systemctl show -P NRestarts appliance-agent")
    assert int(restarts) == len(nouns)
    assert plan(node, empty)["steps"] == []
    assert node.succeed("wipefs --noheadings /dev/sd[a-h] /dev/nvme?n1").strip() == ""
    assert node.succeed("dmsetup ls").strip() == "No devices found"
