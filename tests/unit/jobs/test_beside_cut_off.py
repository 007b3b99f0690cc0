"""Two jobs cut off beside each other: each is settled by itself, in any order, at every edge."""

from __future__ import annotations

import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import BusyError, RefusedError, StaleError
from appliance.model.command import Command
from appliance.model.job import JobState, StepState
from appliance.model.resource import ActionRequest
from tests.unit.fakehost import Killed
from tests.unit.jobs.beside import (
    AFTER,
    DEN,
    DEN_PUT,
    NEW,
    SHARES,
    VOLUMES,
    disks_wanted,
    never,
    replacing,
    wanted,
    whole,
)
from tests.unit.jobs.node import SHELF, Node

# A killed thread ends by an exception that nobody catches; the jobs' states tell the rest.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


def both_cut_off(node: Node) -> tuple[int, int]:
    """A replacement that waits and a share that is being made, when the agent is killed."""
    number = replacing(node)
    plan = node.preview(put=NEW)
    dead = threading.Event()

    def kill(command: Command) -> None:
        if command.line() == "mount new new":
            dead.set()
            raise Killed

    def die() -> None:
        if dead.is_set():
            raise Killed

    node.host.before, node.on_sleep = kill, die
    other = node.begin(plan)
    node.join()
    node.host.before, node.on_sleep = never, lambda: None
    assert [job.number for job in node.crash()] == [other, number]
    return number, other


class TestCutOff:
    def test_nothing_new_is_begun(self, node: Node) -> None:
        both_cut_off(node)
        with pytest.raises(BusyError, match="was cut off and must be settled"):
            node.begin(node.preview(action=ActionRequest(resource="volume/images", verb="poke")))
        assert node.jobs.claims() == {"d3": "tank"}
        assert node.jobs.aside() == frozenset()

    @pytest.mark.parametrize("first", ["replacement", "share"])
    @pytest.mark.parametrize("way", ["finish", "undo", "abandon"])
    def test_each_is_settled_by_itself(self, node: Node, first: str, way: str) -> None:
        number, other = both_cut_off(node)
        node.host.rebuilt["tank"] = 100.0 if first == "replacement" else 70.0
        if first == "replacement":
            self.finish(node, number)
            assert node.host.formatted == {"d1": "tank", "d3": "tank"}
            assert node.journal.job(other).state is JobState.UNKNOWN
        self.settle(node, other, way)
        assert disks_wanted(node) == ["d1", "d3"]
        if first == "share":
            assert node.journal.job(number).state is JobState.UNKNOWN
            assert node.jobs.claims() == {"d3": "tank"}
            node.host.rebuilt["tank"] = 100.0
            self.finish(node, number)
        assert ("volume/new" in wanted(node)) is (way != "undo")
        assert ("new" in node.host.volumes) is (way != "undo")
        assert node.journal.jobs(unfinished=True) == ()
        assert node.jobs.claims() == {}

    def test_one_is_settled_while_the_other_waits_again(self, node: Node) -> None:
        number, other = both_cut_off(node)
        plan = node.jobs.finish(number)
        last = node.begin(plan)
        assert node.until(last, JobState.FAILED, waits=True).waits
        with pytest.raises(BusyError, match=f"Job {other} was cut off"):
            node.begin(node.preview(action=ActionRequest(resource="volume/images", verb="poke")))
        settled = node.begin(node.jobs.finish(other))
        assert node.until(settled, JobState.DONE, JobState.FAILED).state is JobState.DONE
        assert node.journal.job(last).waits
        third = node.begin(node.preview(put=DEN_PUT))
        assert node.until(third, JobState.DONE, JobState.UNDONE).state is JobState.DONE
        with pytest.raises(RefusedError, match=f"Job {last} went on with job {number}"):
            node.jobs.abandon(number)
        assert whole(node, last).state is JobState.DONE
        assert node.journal.job(number).state is JobState.DONE

    def test_a_plan_to_finish_is_stale_when_the_wish_moved(self, node: Node) -> None:
        number, other = both_cut_off(node)
        plan = node.jobs.finish(number)
        assert node.undo(other).state is JobState.UNDONE
        with pytest.raises(StaleError):
            node.begin(plan)
        node.host.rebuilt["tank"] = 100.0
        self.finish(node, number)
        assert "volume/new" not in wanted(node)

    def test_giving_up_the_replacement_leaves_its_pool_to_nobody_else(self, node: Node) -> None:
        number, other = both_cut_off(node)
        node.jobs.abandon(number)
        self.finish(node, other)
        assert node.host.formatted == {"d1": "tank", "d2": "tank", "d3": "tank"}
        node.host.rebuilt["tank"] = 100.0
        left = node.preview(AFTER | {"volume": VOLUMES | NEW["volume"],
                                     "share": SHARES | NEW["share"]})  # fmt: skip
        assert [step.title for step in left.steps] == ["Free d2"]

    def finish(self, node: Node, number: int) -> None:
        last = node.run(node.jobs.finish(number))
        assert last.state is JobState.DONE, last.error
        assert node.journal.job(number).state is JobState.DONE

    def settle(self, node: Node, number: int, way: str) -> None:
        if way == "finish":
            self.finish(node, number)
        elif way == "undo":
            undo(node, number)
        else:
            assert node.jobs.abandon(number).state is JobState.FAILED


MEANWHILE: dict[str, dict[str, Any]] = {
    "share": NEW,
    "pool": {"pool": DEN, "volume": {"new": {"pool": "den"}}},
}


@pytest.mark.parametrize(
    ("order", "way", "what"),
    [
        ("old-first", "finish", "share"),
        ("new-first", "finish", "pool"),
        ("old-first", "undo", "pool"),
        ("new-first", "undo", "share"),
    ],
)
def test_killed_at_every_edge_of_both(order: str, way: str, what: str) -> None:
    """The agent dies at each edge of either job; each is settled by itself, then all is well."""
    edge, both = 0, 0
    while True:
        with tempfile.TemporaryDirectory(dir=SHELF) as folder:
            node = Node(Path(folder))
            number = replacing(node)
            node.edges.clear()
            killed = run_until_killed(node, edge, MEANWHILE[what])
            unknown = [job.number for job in node.crash()]
            both += len(unknown) > 1
            if len(unknown) > 1:
                expected = {"d3": "tank"} | ({"d4": "den"} if what == "pool" else {})
                assert node.jobs.claims() == expected
            for item in sorted(unknown, reverse=order == "new-first"):
                settle_one(node, item, way)
            judge(node, number)
            node.close()
            if not killed:
                break
            edge += 1
    assert edge > 15
    assert both > 5


def judge(node: Node, number: int) -> None:
    """Everything is at rest, the disk is replaced, and the rest is there as a whole or not."""
    for job in node.journal.jobs():
        assert job.state in {JobState.DONE, JobState.UNDONE, JobState.FAILED}, job
    assert node.jobs.claims() == {}
    assert node.journal.job(number).state is JobState.DONE
    tank = {disk: pool for disk, pool in node.host.formatted.items() if pool == "tank"}
    assert tank == {"d1": "tank", "d3": "tank"}
    assert disks_wanted(node) == ["d1", "d3"]
    assert ("volume/new" in wanted(node)) is ("new" in node.host.volumes)
    assert ("pool/den" in wanted(node)) is ("den" in node.host.pools)
    assert {"volume/images", "share/images"} <= set(wanted(node))
    assert node.preview(put={"pool": AFTER["pool"]}).empty


def run_until_killed(node: Node, edge: int, meanwhile: dict[str, Any]) -> bool:
    """Begin another job beside the one that waits, let the wait end; whether the agent was
    killed at that edge."""
    dead, left, lock = threading.Event(), [edge], threading.Lock()

    def die_at_the_edge(*_: object) -> None:
        with lock:
            if left[0] == 0:
                dead.set()
            left[0] -= 1
        die_with_it()

    def die_with_it(*_: object) -> None:
        if dead.is_set():
            raise Killed

    plan = node.preview(put=meanwhile)
    node.on_edge, node.on_sleep, node.host.before = die_at_the_edge, die_with_it, die_with_it
    with suppress(Killed):
        node.begin(plan)
        threading.Event().wait(0.01)
    node.host.rebuilt["tank"] = 100.0
    node.join()
    node.on_edge, node.on_sleep, node.host.before = lambda *_: None, lambda: None, never
    return dead.is_set()


def undo(node: Node, number: int) -> None:
    """Take it back. Of a step that was cut off nobody can say that all is as before where another
    job has changed the node since; then it is said, and asked for once more."""
    job = node.undo(number)
    if "Perhaps not all is as before" in job.error:
        job = node.undo(number)
    assert job.state is JobState.UNDONE, job.error


def settle_one(node: Node, number: int, way: str) -> None:
    if way == "undo":
        try:
            undo(node, number)
        except RefusedError:
            pass
        else:
            return
    last = node.run(node.jobs.finish(number))
    assert last.state is JobState.DONE, last.error
    assert all(step.state is StepState.ENDED for step in last.steps)
