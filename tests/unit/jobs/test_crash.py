"""Power cuts: at every edge of a job, and while it is being finished or undone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import BusyError, RefusedError
from appliance.model.job import JobState
from tests.unit.fakehost import Killed
from tests.unit.jobs.node import SHELF, Node
from tests.unit.jobs.sites import FULL, GROWN, SMALL

# A killed thread ends by an exception that nobody catches; the jobs' states tell the rest.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

NAMES = ("a", "b", "c")


@st.composite
def sites(draw: st.DrawFn) -> dict[str, Any]:
    """Wishes in which everything stands on something."""
    disks = draw(st.permutations(["d1", "d2", "d3", "d4"]))
    cut = draw(st.integers(1, 3))
    pools = {"p": {"disks": disks[:cut]}}
    if draw(st.booleans()):
        pools["q"] = {"disks": disks[cut:]}
    volumes = {
        name: {"pool": draw(st.sampled_from(sorted(pools))), "size": draw(st.integers(1, 3))}
        for name in draw(st.sets(st.sampled_from(NAMES)))
    }
    names = draw(st.sets(st.sampled_from(NAMES))) if volumes else set()
    unused = sorted(volumes)
    shares: dict[str, Any] = {}
    for name in sorted(names):
        if unused:
            shares[name] = {"volume": unused.pop(draw(st.integers(0, len(unused) - 1)))}
            if draw(st.booleans()):
                shares[name]["nfs"] = {"clients": draw(st.sampled_from([["x"], ["x", "y"]]))}
    return {"pool": pools, "volume": volumes, "share": shares}


def edges_of(before: dict[str, Any], after: dict[str, Any]) -> int:
    with tempfile.TemporaryDirectory(dir=SHELF) as folder:
        node = prepared(Path(folder), before)
        node.edges.clear()
        node.must(after)
        node.close()
        return len(node.edges)


def prepared(folder: Path, site: dict[str, Any]) -> Node:
    node = Node(folder)
    node.must(site)
    return node


def settle_by_finishing(node: Node, number: int, site: dict[str, Any]) -> None:
    job = node.run(node.jobs.finish(number))
    assert job.state is JobState.DONE, job.error
    assert node.journal.job(number).state is JobState.DONE
    assert node.preview(site).empty
    assert node.jobs.claims() == {}


TRIPS = {
    "build": ({}, FULL),
    "add": (SMALL, FULL),
    "change": (FULL, GROWN),
    "remove": (FULL, {}),
}


@pytest.mark.parametrize("trip", TRIPS)
@pytest.mark.parametrize("way", ["finish", "undo"])
def test_killed_at_every_edge(trip: str, way: str) -> None:
    before, after = TRIPS[trip]
    total = edges_of(before, after)
    assert total > 10
    undone = 0
    for edge in range(total):
        with tempfile.TemporaryDirectory(dir=SHELF) as folder:
            node = prepared(Path(folder), before)
            start = node.host.state()
            node.kill_at = edge
            job = node.apply(after)
            assert job.state not in {JobState.DONE, JobState.FAILED}
            unknown = node.crash()
            if not unknown:
                judge_not_started(node, job.number, start)
                node.must(after)
            elif way == "undo" and back_to(node, job.number, start, after):
                undone += 1
            else:
                settle_by_finishing(node, job.number, after)
            node.close()
    assert way == "finish" or undone > 2 or trip in {"change", "remove"}


def judge_not_started(node: Node, number: int, start: str) -> None:
    job = node.journal.job(number)
    assert (job.state, node.host.state()) == (JobState.FAILED, start)
    assert "before the job started" in job.error


def back_to(node: Node, number: int, start: str, after: dict[str, Any]) -> bool:
    """Undo a job, if it can be, and come again; whether it could."""
    with pytest.raises(BusyError, match="was cut off"):
        node.apply(after)
    if not undo_if_it_can(node, number):
        return False
    assert node.journal.job(number).state is JobState.UNDONE, node.journal.job(number).error
    assert node.host.state() == start
    node.must(after)
    return True


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(wishes=st.lists(sites(), min_size=1, max_size=4))
def test_every_wish_is_reached_and_then_nothing_is_left(wishes: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory(dir=SHELF) as folder:
        node = Node(Path(folder))
        for wish in wishes:
            reachable = clear_the_way(node, wish)
            node.must(reachable)
            assert node.preview(reachable).empty
        node.close()


def clear_the_way(node: Node, wish: dict[str, Any]) -> dict[str, Any]:
    """Empty the node where the kinds refuse: volumes neither shrink nor move, disks do not
    change pools, an exported file system is not unmounted."""
    for name, volume in wish["volume"].items():
        pool, size = node.host.volumes.get(name, (volume["pool"], 0))
        if pool != volume["pool"] or size > volume["size"]:
            node.must({})
    for name, pool in wish["pool"].items():
        if any(node.host.formatted.get(disk, name) != name for disk in pool["disks"]):
            node.must({})
    for name, share in wish["share"].items():
        if name in node.host.exports and node.host.mounts[name] != share["volume"]:
            node.must({})
    return wish


def test_a_refresh_waits_for_files_of_an_earlier_job_of_the_chain(node: Node) -> None:
    """The file went in the first job, the refresh ran in the one that went on with it."""
    node.must(FULL)
    start = node.host.state()
    without = FULL | {"share": {"images": {"volume": "images"}}}
    node.edges.clear()
    node.on_edge = kill_after("ended")
    first = node.apply(without)
    node.on_edge = lambda *_: None
    node.crash()
    plan = node.jobs.finish(first.number)
    node.on_edge = kill_after("ended")
    second = node.run(plan)
    node.on_edge = lambda *_: None
    node.crash()
    assert node.host.exports == {}
    assert node.undo(second.number).state is JobState.UNDONE
    assert node.host.state() == start


def kill_after(edge: str) -> Callable[[int, int, str], None]:
    def kill(number: int, step: int, now: str) -> None:
        if now == edge:
            raise Killed

    return kill


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(before=sites(), after=sites(), data=st.data())
def test_two_power_cuts_anywhere(
    before: dict[str, Any], after: dict[str, Any], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory(dir=SHELF) as folder:
        node = prepared(Path(folder), before)
        clear_the_way(node, after)
        start = node.host.state()
        node.edges.clear()
        node.kill_at = data.draw(st.integers(0, 40))
        first = node.apply(after)
        if first.state is JobState.DONE or not node.crash():
            node.close()
            return
        newest = first.number
        if data.draw(st.booleans(), label="finish, cut again"):
            plan = node.jobs.finish(newest)
            node.kill_at = data.draw(st.integers(0, 20))
            newest = node.run(plan).number
            node.crash()
        elif data.draw(st.booleans(), label="undo, cut again"):
            node.kill_at = data.draw(st.integers(0, 10))
            undo_if_it_can(node, newest)
            node.crash()
        settle(node, newest, start, after)
        node.close()


def undo_if_it_can(node: Node, number: int) -> bool:
    """Whether it can; what stands in the way is named if not."""
    try:
        node.undo(number)
    except RefusedError as error:
        return not error.details
    return True


def settle(node: Node, number: int, start: str, after: dict[str, Any]) -> None:
    state = node.journal.job(number).state
    if state is JobState.DONE:
        assert node.preview(after).empty
        return
    if state is JobState.UNDONE:
        assert node.host.state() == start
        return
    unknown = [job.number for job in node.jobs.recover()]
    if number not in unknown:
        number = unknown[0]
    if undo_if_it_can(node, number):
        assert node.journal.job(number).state is JobState.UNDONE, node.journal.job(number).error
        assert node.host.state() == start
    else:
        settle_by_finishing(node, number, after)
