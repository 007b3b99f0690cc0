"""A job that waits for a rebuild lets others in, and neither spoils the other's work or wish."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import BusyError, RefusedError, StaleError, StepFailedError
from appliance.model.command import Command, Effect
from appliance.model.job import Job, JobState, StepState
from appliance.model.resource import ActionRequest
from tests.unit.fakehost import Killed
from tests.unit.jobs.node import SHELF, WAIT_S, Node

# A killed thread ends by an exception that nobody catches; the jobs' states tell the rest.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

VOLUMES: dict[str, Any] = {"images": {"pool": "tank", "size": 5}}
SHARES: dict[str, Any] = {"images": {"volume": "images"}}


def site(*disks: str, **more: Any) -> dict[str, Any]:
    """A wish with a pool of these disks."""
    pools = {"tank": {"disks": disks, "slow": True}, **more.pop("pools", {})}
    return {"pool": pools, "volume": VOLUMES, "share": SHARES, **more}


BEFORE = site("d1", "d2")
AFTER = site("d1", "d3")
NEW: dict[str, Any] = {
    "volume": {"new": {"pool": "tank"}},
    "share": {"new": {"volume": "new", "nfs": {"clients": ["10.0.0.1"]}}},
}
DEN: dict[str, Any] = {"den": {"disks": ["d4"]}}


def replacing(node: Node, after: dict[str, Any] = AFTER, before: dict[str, Any] = BEFORE) -> int:
    """The number of a job that replaces d2 by d3, and waits."""
    node.must(before)
    number = node.begin(node.preview(after))
    waits = node.until(number, JobState.FAILED, JobState.UNDONE, waits=True)
    assert waits.waits.startswith("Wait until tank is whole"), waits
    return number


def whole(node: Node, number: int, pool: str = "tank") -> Job:
    """The job at rest, once all is rebuilt."""
    node.host.rebuilt[pool] = 100.0
    node.join()
    return node.journal.job(number)


def wanted(node: Node) -> list[str]:
    return [item.id for item in node.desired.resources()]


def disks_wanted(node: Node) -> list[str]:
    (pool,) = (item for item in node.desired.resources() if item.id == "pool/tank")
    return list(pool.spec.model_dump()["disks"])


def never(command: Command) -> None:
    """Nothing is in the way."""


def failing(line: str) -> Callable[[Command], None]:
    def fail(command: Command) -> None:
        if command.line() == line:
            raise StepFailedError(f"{line} broke", hint="Mend it.")

    return fail


class TestBeside:
    def test_what_leaves_the_pool_alone_is_done_meanwhile(self, node: Node) -> None:
        number = replacing(node)
        other = node.begin(node.preview(put=NEW))
        assert node.until(other, JobState.DONE, JobState.UNDONE).state is JobState.DONE
        assert node.journal.job(number).waits
        assert node.host.exports["new"] == "10.0.0.1"
        assert node.host.formatted == {"d1": "tank", "d2": "tank", "d3": "tank"}
        job = whole(node, number)
        assert (job.state, job.waits, job.error) == (JobState.DONE, "", "")
        assert node.host.formatted == {"d1": "tank", "d3": "tank"}
        assert {"volume/new", "share/new", "nfs/new"} <= set(wanted(node))
        assert disks_wanted(node) == ["d1", "d3"]
        assert node.preview(AFTER | {"volume": VOLUMES | NEW["volume"],
                                     "share": SHARES | NEW["share"]}).empty  # fmt: skip
        assert {item.number for item in node.told[-2:]} == {other, number}

    def test_both_are_seen(self, node: Node) -> None:
        number = replacing(node)
        go_on, held = threading.Event(), threading.Event()

        def hold(command: Command) -> None:
            if command.effect is not Effect.READ:
                held.set()
                assert go_on.wait(WAIT_S)

        plan = node.preview(put=NEW)
        node.host.before = hold
        other = node.begin(plan)
        assert held.wait(WAIT_S)
        node.host.rebuilt["tank"] = 42.0
        for _ in range(1000):
            if "42" in node.journal.job(number).waits:
                break
            threading.Event().wait(0.01)
        listed = {job.number: job for job in node.journal.jobs(unfinished=True)}
        assert listed[number].waits.startswith("Wait until tank is whole: 42 %")
        assert not listed[number].acts
        assert (listed[other].waits, listed[other].acts) == ("", True)
        with pytest.raises(BusyError, match=f"Job {other} is running; one job changes"):
            node.begin(node.preview(put=DEN_PUT))
        go_on.set()
        node.until(other, JobState.DONE)
        assert whole(node, number).state is JobState.DONE

    def test_what_the_waiting_job_changes_is_refused_and_why(self, node: Node) -> None:
        number = replacing(node)
        node.host.rebuilt["tank"] = 17.0
        for changed in (site("d1", "d4"), BEFORE, site("d1")):
            with pytest.raises(BusyError) as raised:
                node.preview(changed)
            assert f"Job {number} changes pool/tank and waits (Wait until tank" in (
                raised.value.message
            )
            assert f"appliance job watch {number}" in raised.value.hint
        with pytest.raises(RefusedError, match="d3\\) belongs to pool 'tank'"):
            node.preview(put={"pool": {"den": {"disks": ["d3"]}}})
        for act in (node.jobs.finish, node.jobs.undo, node.jobs.abandon):
            with pytest.raises(BusyError, match="is running \\(Wait until tank is whole"):
                act(number)
        assert whole(node, number).state is JobState.DONE

    def test_moving_on_makes_no_plan_stale(self, node: Node) -> None:
        number = replacing(node)
        node.host.rebuilt["tank"] = 10.0
        plan = node.preview(put=NEW)
        node.host.rebuilt["tank"] = 50.0
        node.until(node.begin(plan), JobState.DONE)
        assert whole(node, number).state is JobState.DONE

    def test_a_plan_from_before_the_wait_is_stale(self, node: Node) -> None:
        node.must(BEFORE)
        early = node.preview(put=NEW)
        number = replacing(node)
        with pytest.raises(StaleError):
            node.begin(early)
        assert whole(node, number).state is JobState.DONE

    def test_a_plan_from_before_the_end_is_stale_after_it(self, node: Node) -> None:
        number = replacing(node)
        late = node.preview(put=NEW)
        assert whole(node, number).state is JobState.DONE
        with pytest.raises(StaleError):
            node.begin(late)

    def test_an_act_is_let_in(self, node: Node) -> None:
        number = replacing(node)
        plan = node.preview(action=ActionRequest(resource="volume/images", verb="poke"))
        node.until(node.begin(plan), JobState.DONE)
        assert whole(node, number).state is JobState.DONE

    def test_a_job_that_makes_other_things_as_well_lets_nobody_in(self, node: Node) -> None:
        node.must(BEFORE)
        number = node.begin(node.preview(AFTER | {"volume": VOLUMES | NEW["volume"]}))
        waits = threading.Event()
        node.on_sleep = waits.set
        assert waits.wait(WAIT_S)
        assert node.journal.job(number).waits == ""
        with pytest.raises(BusyError, match=f"Job {number} is running; one job"):
            node.begin(node.preview(action=ActionRequest(resource="volume/images", verb="poke")))
        assert whole(node, number).state is JobState.DONE

    def test_two_pools_are_rebuilt_at_once(self, node: Node) -> None:
        node.host.disks = ("d1", "d2", "d3", "d4", "d5")
        pools = {"den": {"disks": ["d3"], "slow": True}}
        first = replacing(node, site("d1", "d4", pools=pools), site("d1", "d2", pools=pools))
        node.host.before = never
        swapped = {"pool": {"den": {"disks": ["d5"], "slow": True}}}
        second = node.begin(node.preview(put=swapped))
        assert node.until(second, JobState.FAILED, waits=True).waits
        with pytest.raises(BusyError, match="changes pool/den"):
            node.preview(put={"pool": {"den": {"disks": ["d3"], "slow": True}}})
        third = node.begin(node.preview(put=NEW))
        assert node.until(third, JobState.DONE, JobState.UNDONE).state is JobState.DONE
        node.host.rebuilt["den"] = 100.0
        assert node.until(second, JobState.DONE, JobState.FAILED).state is JobState.DONE
        assert node.journal.job(first).waits
        assert whole(node, first).state is JobState.DONE
        assert node.host.formatted == {"d1": "tank", "d4": "tank", "d5": "den"}


DEN_PUT: dict[str, Any] = {"pool": DEN}


class TestTurn:
    def test_one_acts_at_a_time(self, node: Node) -> None:
        """The wait ends in the middle of another job's step: the next step waits for its end."""
        number = replacing(node)
        go_on, held = threading.Event(), threading.Event()
        acting: list[str] = []

        def hold(command: Command) -> None:
            if command.effect is Effect.READ:
                return
            acting.append(command.argv[0])
            if command.argv[0] == "lvcreate":
                held.set()
                assert go_on.wait(WAIT_S)

        plan, busy = node.preview(put=NEW), node.preview(put=DEN_PUT)
        node.host.before = hold
        other = node.begin(plan)
        assert held.wait(WAIT_S)
        node.host.rebuilt["tank"] = 100.0
        arrived = threading.Event()
        node.on_sleep = arrived.set
        for _ in range(1000):
            if (number, 3, "reached") in node.edges:
                break
            threading.Event().wait(0.005)
        assert (number, 3, "reached") in node.edges
        assert (number, 3, "turn") not in node.edges
        with pytest.raises(BusyError):
            node.begin(busy)
        go_on.set()
        node.join()
        assert "unformat" in acting
        assert acting.index("unformat") == len(acting) - 1, acting
        assert {node.journal.job(item).state for item in (number, other)} == {JobState.DONE}

    def test_what_was_reached_is_looked_at_again_in_ones_turn(self, node: Node) -> None:
        number = replacing(node)

        def lost_again(at: int, step: int, edge: str) -> None:
            if (at, edge) == (number, "reached") and node.host.rebuilt["tank"] == 100.0:
                node.host.rebuilt["tank"] = 60.0
                node.on_edge = lambda *_: None

        node.on_edge = lost_again
        node.host.rebuilt["tank"] = 100.0
        for _ in range(1000):
            if node.edges.count((number, 3, "aside")) > 1:
                break
            threading.Event().wait(0.005)
        assert node.journal.job(number).waits
        assert "d2" in node.host.formatted
        assert whole(node, number).state is JobState.DONE

    def test_a_wait_that_is_in_vain_is_told_in_its_turn(self, node: Node) -> None:
        number = replacing(node)
        go_on, held = threading.Event(), threading.Event()

        def hold(command: Command) -> None:
            if command.argv[0] == "lvcreate":
                held.set()
                assert go_on.wait(WAIT_S)

        plan = node.preview(put=NEW)
        node.host.before = hold
        other = node.begin(plan)
        assert held.wait(WAIT_S)
        node.ahead_s = 2000
        threading.Event().wait(0.1)
        assert node.journal.job(number).state is JobState.RUNNING
        go_on.set()
        node.join()
        assert node.journal.job(other).state is JobState.DONE
        job = node.journal.job(number)
        assert job.state is JobState.FAILED
        assert "'Wait until tank is whole' was not reached within 1000 s" in job.error
        assert {item.number for item in node.told[-2:]} == {other, number}
        node.host.rebuilt["tank"] = 100.0
        assert node.run(node.jobs.finish(number)).state is JobState.DONE
        assert "volume/new" in wanted(node)

    def test_a_stopping_agent_leaves_all(self, node: Node) -> None:
        number = replacing(node)
        go_on, held = threading.Event(), threading.Event()

        def hold(command: Command) -> None:
            if command.argv[0] == "lvcreate":
                held.set()
                assert go_on.wait(WAIT_S)

        plan = node.preview(put=NEW)
        node.host.before = hold
        other = node.begin(plan)
        assert held.wait(WAIT_S)
        assert not node.jobs.close(0.2)
        assert (
            node.until(number, JobState.UNKNOWN).error == "The agent was stopped while the job ran."
        )
        go_on.set()
        assert node.jobs.close(WAIT_S)
        assert node.journal.job(other).state is JobState.UNKNOWN
        assert "new" in node.host.volumes, "the step that ran has ended"

    def test_one_that_waits_for_its_turn_is_left_as_well(self, node: Node) -> None:
        number = replacing(node)
        go_on, held = threading.Event(), threading.Event()

        def hold(command: Command) -> None:
            if command.argv[0] == "lvcreate":
                held.set()
                assert go_on.wait(WAIT_S)

        plan = node.preview(put=NEW)
        node.host.before = hold
        node.begin(plan)
        assert held.wait(WAIT_S)
        node.host.rebuilt["tank"] = 100.0
        for _ in range(1000):
            if (number, 3, "reached") in node.edges:
                break
            threading.Event().wait(0.005)
        assert not node.jobs.close(0.2)
        node.until(number, JobState.UNKNOWN)
        go_on.set()
        assert node.jobs.close(WAIT_S)


class TestWish:
    def test_one_that_fails_beside_it_is_taken_back_alone(self, node: Node) -> None:
        number = replacing(node)
        plan = node.preview(put=NEW)
        node.host.before = failing("mount new new")
        other = node.until(node.begin(plan), JobState.UNDONE, JobState.FAILED)
        assert other.state is JobState.UNDONE, other.error
        assert "volume/new" not in wanted(node)
        assert disks_wanted(node) == ["d1", "d3"]
        assert whole(node, number).state is JobState.DONE

    def test_one_that_failed_beside_it_is_taken_back_after_it(self, node: Node) -> None:
        """The wish the other was planned with knows the pool only as it was meanwhile."""
        number = replacing(node, site("d3", "d1"))
        plan = node.preview(put=NEW)

        def both(command: Command) -> None:
            failing("mount new new")(command)
            failing("lvremove new")(command)

        node.host.before = both
        other = node.begin(plan)
        node.until(other, JobState.FAILED)
        node.host.before = never
        assert whole(node, number).state is JobState.DONE
        assert [job.number for job in node.journal.jobs(unfinished=True)] == [other]
        assert node.undo(other).state is JobState.UNDONE, node.journal.job(other).error
        assert "volume/new" not in wanted(node)
        assert disks_wanted(node) == ["d3", "d1"]

    def test_one_that_failed_beside_it_is_finished_meanwhile(self, node: Node) -> None:
        number = replacing(node)
        plan = node.preview(put=NEW)

        def both(command: Command) -> None:
            failing("mount new new")(command)
            failing("lvremove new")(command)

        node.host.before = both
        other = node.begin(plan)
        node.until(other, JobState.FAILED)
        node.host.before = never
        last = node.begin(node.jobs.finish(other))
        assert node.until(last, JobState.DONE, JobState.FAILED).state is JobState.DONE
        assert node.journal.job(other).state is JobState.DONE
        assert node.journal.job(number).waits
        assert whole(node, number).state is JobState.DONE

    def test_a_replacement_taken_back_keeps_what_was_wished_since(self, node: Node) -> None:
        """It waits for a rebuild that runs already, and breaks in its first real step."""
        node.must(BEFORE)
        node.host.rebuilt["tank"] = 30.0
        plan = node.preview(AFTER)
        assert plan.steps[0].title == "Wait until tank is whole"
        number = node.begin(plan)
        assert node.until(number, JobState.FAILED, waits=True).waits
        other = node.begin(node.preview(put=NEW))
        node.until(other, JobState.DONE)
        node.host.before = failing("rebuild tank")
        job = whole(node, number)
        assert job.state is JobState.UNDONE, job.error
        assert disks_wanted(node) == ["d1", "d2"]
        assert {"volume/new", "share/new", "nfs/new"} <= set(wanted(node))
        assert node.host.formatted == {"d1": "tank", "d2": "tank"}

    def test_what_broke_after_the_wait_is_finished_with_the_wish_of_today(self, node: Node) -> None:
        number = replacing(node)
        node.host.before = failing("unformat tank d2")
        node.until(node.begin(node.preview(put=NEW)), JobState.DONE)
        job = whole(node, number)
        assert job.state is JobState.FAILED
        assert "Rebuild tank" in job.error
        node.host.before = never
        last = node.run(node.jobs.finish(number))
        assert last.state is JobState.DONE, last.error
        assert "volume/new" in wanted(node)

    def test_what_failed_before_is_out_of_date_and_what_failed_beside_is_not(
        self, node: Node
    ) -> None:
        node.must(BEFORE)
        node.host.before = failing("unformat tank d2")
        node.host.rebuilt["tank"] = 100.0
        node.host.after = lambda command: node.host.rebuilt.update(tank=100.0)
        failed = node.apply(AFTER)
        assert failed.state is JobState.FAILED
        node.host.after = never
        node.host.before = never
        node.host.rebuilt["tank"] = 20.0
        number = node.begin(node.preview(AFTER))
        assert node.until(number, JobState.FAILED, waits=True).waits
        with pytest.raises(BusyError, match=f"Job {number} changes"):
            node.jobs.finish(failed.number)
        plan = node.preview(put=NEW)

        def both(command: Command) -> None:
            failing("mount new new")(command)
            failing("lvremove new")(command)

        node.host.before = both
        beside = node.begin(plan)
        node.until(beside, JobState.FAILED)
        node.host.before = never
        assert whole(node, number).state is JobState.DONE
        assert "Out of date" in node.journal.job(failed.number).next_step
        assert [job.number for job in node.journal.jobs(unfinished=True)] == [beside]


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
