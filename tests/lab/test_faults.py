"""The agent killed at every step boundary: nothing lost, all named.

Here the kills go through the site of every kind; test_every_edge does it to the demo's plan.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from images.clinic import Clinic, appliance
from images.machine import Machine
from tests.lab.every_kind import EVERY_KIND, prepare

pytestmark = pytest.mark.lab

PYTHON = "/opt/appliance/venv/bin/python"
PROGRAMS = Path(__file__).parent / "on_node"
DATABASE = "/var/lib/appliance/state.db"
EDGES = ("begun", "performed", "ended")


@pytest.fixture(scope="module")
def small(node: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """The site of every kind, not yet applied: built by one test, taken apart by the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        site = Clinic(node, tmp_path_factory.mktemp("small"))
        prepare(site)
        node.copy_in(PROGRAMS, "/opt/tests")
        yield site


def slow_mirrors(node: Machine) -> None:
    """Their first synchronisation would take the emulated CPU from what is tested."""
    node.succeed("sysctl -qw dev.raid.speed_limit_max=2000")


def plan(node: Machine, spec: Path) -> dict[str, list[dict[str, str]]]:
    ran = appliance(node, "apply", str(spec), "--preview", "--json")
    assert not ran.status, ran.text
    found = json.loads(ran.stdout)
    assert isinstance(found, dict)
    return found


class Killed(NamedTuple):
    """How a run with kills went."""

    edges: list[str]
    """Where each kill was, in order: "edge: step / step", or "edge: step"."""
    plans: list[list[str]]
    """The titles of each round's plan; the one after a kill is the next one."""

    def was_after(self, step: str) -> bool:
        """Whether a kill was between a step and whatever the plan of that round had after it."""
        return any(edge.partition(": ")[2].startswith(f"{step} / ") for edge in self.edges)

    def makes_moot(self, step: str) -> bool:
        """Whether no round ever came to the end of a step.

        Cut off before an export is taken up, say, the server's start takes it up: then nobody
        plans to any more.
        """
        rounds = zip(self.plans, self.plans[1:], self.edges, strict=False)
        gone = [
            edge for these, following, edge in rounds if step in these and step not in following
        ]
        return step not in self.plans[-1] and all(edge.endswith(f" / {step}") for edge in gone)


def kill_at(site: Clinic, spec: Path, which: str) -> Killed:
    """Carry a spec out with a kill at the boundaries `which` names."""
    node = site.node
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
    killed = Killed(told["edges"], told["plans"])
    assert told["kills"] == len(killed.edges) == len(killed.plans) - 1
    return killed


def every_edge(site: Clinic, spec: Path) -> None:
    """Carry a spec out with a kill at every edge of every step that a round came to.

    The last round met no edge that was not hit before. What is left out is what a kill before it
    made needless: a step that was performed, say, is not planned again, so it never ends.
    """
    steps = [step["title"] for step in plan(site.node, spec)["steps"]]
    killed = kill_at(site, spec, "each")
    places = [edge.partition(": ") for edge in killed.edges]
    assert {edge for edge, _, _ in places} == set(EDGES)
    left_out = sorted(set(steps) - {step for _, _, step in places})
    print(f"{len(steps)} steps; needless after a kill before them: {left_out}")
    assert len(left_out) <= len(steps) // 8


def every_boundary(site: Clinic, spec: Path) -> None:
    """Build a site with a kill at every boundary between two of its steps; then it must stand."""
    slow_mirrors(site.node)
    steps = ["the start", *(step["title"] for step in plan(site.node, spec)["steps"])]
    killed = kill_at(site, spec, "turns")
    left_out = [step for step in steps if not killed.was_after(step)]
    moot = [step for step in left_out if killed.makes_moot(step)]
    print(f"{len(steps)} steps; needless after the kill before them: {moot}")
    assert left_out == moot
    assert len(moot) < len(steps) // 8
    stands(site, spec)


def stands(site: Clinic, spec: Path) -> None:
    """Nothing is left to do, and the services serve."""
    assert plan(site.node, spec)["steps"] == []
    print(site.prove_smb())
    print(site.prove_iscsi())


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
