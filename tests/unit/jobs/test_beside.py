"""A job that waits for a rebuild lets others in, and neither spoils the other's work or wish."""

from __future__ import annotations

import threading

import pytest

from appliance.errors import BusyError, RefusedError, StaleError
from appliance.model.command import Command, Effect
from appliance.model.job import JobState
from appliance.model.resource import ActionRequest
from tests.unit.jobs.beside import (
    AFTER,
    BEFORE,
    DEN_PUT,
    NEW,
    SHARES,
    VOLUMES,
    disks_wanted,
    failing,
    held_up,
    never,
    replacing,
    site,
    wanted,
    whole,
)
from tests.unit.jobs.node import WAIT_S, Node

# A killed thread ends by an exception that nobody catches; the jobs' states tell the rest.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


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

    def test_a_plan_from_before_the_end_fits_after_it(self, node: Node) -> None:
        number = replacing(node)
        late = node.preview(put=NEW)
        assert whole(node, number).state is JobState.DONE
        job = node.until(node.begin(late), JobState.DONE, JobState.UNDONE)
        assert job.state is JobState.DONE, job.error
        assert disks_wanted(node) == ["d1", "d3"]
        assert "volume/new" in wanted(node)

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
        other, go_on = held_up(node, node.preview(put=NEW))
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
        other, go_on = held_up(node, node.preview(put=NEW))
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
