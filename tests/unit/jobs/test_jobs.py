"""Jobs from start to rest: done, refused, failed, taken back, given up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

import pytest

from appliance.errors import (
    BusyError,
    ConfirmationError,
    FullError,
    NotFoundError,
    RefusedError,
    StaleError,
    StepFailedError,
)
from appliance.model.command import Command
from appliance.model.job import Job, JobState, StepState
from appliance.model.resource import ActionRequest
from appliance.model.snapshot import NodeSnapshot
from tests.unit.jobs.node import WAIT_S, Node
from tests.unit.jobs.sites import FULL, GROWN, SMALL


def failing(verb: str, error: Exception | None = None):
    def fail(command: Command) -> None:
        if command.argv[0] == verb:
            raise error or StepFailedError(
                f"{verb} broke", hint="Mend it.", details=("first", "last"), exit_code=5
            )

    return fail


def test_a_wish_is_carried_out_and_applying_again_changes_nothing(node: Node) -> None:
    job = node.must(FULL)
    assert [step.state for step in job.steps] == [StepState.ENDED] * len(job.steps)
    assert job.steps[0].line == "format tank d1"
    assert job.steps[0].output == "format is done"
    assert job.steps[0].code == 0
    assert job.summary.startswith("pool/tank; volume/images; ")
    assert node.host.exports == {"images": "10.0.0.1"}
    ran = len(node.host.ran)
    again = node.preview(FULL)
    assert again.empty
    assert node.run(again).state is JobState.DONE
    assert len(node.host.ran) == ran
    assert [item.id for item in node.desired.resources()] == [
        "nfs/images", "pool/tank", "share/images", "volume/images", "volume/other",
    ]  # fmt: skip
    assert [item.state for item in node.told] == [JobState.DONE, JobState.DONE]


def test_whoever_wants_to_know_is_told_when_a_job_ends(node: Node) -> None:
    told: list[Job] = []
    node.jobs.tell(told.append)
    node.apply(SMALL)
    assert [(job.number, job.state) for job in told] == [(1, JobState.DONE)]
    assert told == node.told


def test_steps_are_committed_as_begun_before_they_run(node: Node) -> None:
    seen = []
    node.host.before = lambda command: seen.append(
        [step.state for step in node.journal.job(1).steps if step.state is not StepState.PLANNED]
    )
    node.must(SMALL)
    assert seen[0] == [StepState.BEGUN]
    assert seen[1] == [StepState.ENDED, StepState.BEGUN]


def test_edges_are_reported_in_order(node: Node) -> None:
    node.must(SMALL)
    assert node.edges == [
        (1, 0, "waiting"),
        (1, 0, "running"),
        *((1, step, edge) for step in (1, 2, 3) for edge in ("begun", "performed", "ended")),
        (1, 0, "proving"),
    ]


def test_a_removal_needs_its_name_typed(node: Node) -> None:
    node.must(SMALL)
    plan = node.preview({})
    with pytest.raises(ConfirmationError, match="tank: pool tank is destroyed") as raised:
        node.jobs.start(plan, frozenset({"other"}), "root", "local")
    assert raised.value.details == ("tank",)
    assert "--confirm tank" in raised.value.hint
    assert node.host.pools == {"tank"}
    assert node.run(plan).state is JobState.DONE
    assert node.host.formatted == {}
    assert node.desired.resources() == ()


def test_a_node_that_changed_since_the_preview_is_refused(node: Node) -> None:
    plan = node.preview(SMALL)
    node.host.volumes["alien"] = ("elsewhere", 1)
    with pytest.raises(StaleError, match="node is no longer"):
        node.jobs.start(plan, frozenset(), "root", "local")
    assert node.host.ran == []
    assert node.journal.jobs() == ()


def test_a_wish_that_changed_since_the_preview_is_refused(node: Node) -> None:
    node.host.formatted = {"d1": "tank", "d2": "tank"}
    node.host.pools = {"tank"}
    late = node.preview(SMALL)
    assert late.empty
    node.must(SMALL)
    with pytest.raises(StaleError, match="wish is no longer"):
        node.jobs.start(late, frozenset(), "root", "local")


def test_two_applies_at_once(node: Node) -> None:
    go_on, arrived = threading.Event(), threading.Event()

    def hold(command: Command) -> None:
        arrived.set()
        assert go_on.wait(WAIT_S)

    first, second = node.preview(SMALL), node.preview(SMALL)
    node.host.before = hold
    job = node.jobs.start(first, frozenset(), "root", "local")
    assert arrived.wait(WAIT_S)
    try:
        with pytest.raises(BusyError, match="Job 1 is running"):
            node.jobs.start(second, frozenset(), "root", "local")
        for act in (node.jobs.finish, node.jobs.undo, node.jobs.abandon):
            with pytest.raises(BusyError):
                act(job.number)
    finally:
        go_on.set()
    node.join()
    assert node.journal.job(1).state is JobState.DONE
    assert len(node.journal.jobs()) == 1


@pytest.mark.parametrize("patience_s", [0.05, WAIT_S], ids=["too long", "a moment"])
def test_two_starts_at_the_same_moment(
    node: Node, monkeypatch: pytest.MonkeyPatch, patience_s: float
) -> None:
    monkeypatch.setattr("agents.node.jobs.jobs.PREPARING_S", patience_s)
    go_on, arrived = threading.Event(), threading.Event()

    def hold(number: int, step: int, edge: str) -> None:
        if edge == "waiting":
            arrived.set()
            assert go_on.wait(WAIT_S)

    first, second = node.preview(SMALL), node.preview(SMALL)
    node.on_edge = hold
    starter = threading.Thread(target=node.jobs.start, args=(first, frozenset(), "root", "local"))
    starter.start()
    assert arrived.wait(WAIT_S)
    if patience_s == WAIT_S:
        threading.Timer(0.1, go_on.set).start()
    try:
        told = "being prepared" if patience_s < WAIT_S else "Job 1 is|no longer"
        with pytest.raises((BusyError, StaleError), match=told):
            node.jobs.start(second, frozenset(), "root", "local")
    finally:
        go_on.set()
        starter.join(WAIT_S)
    node.join()
    assert node.journal.job(1).state is JobState.DONE


def test_a_refresh_follows_the_files_on_the_way_back(node: Node) -> None:
    node.must(FULL)
    before = node.host.state()

    def fail_late(command: Command) -> None:
        if command.line() == "umount images":
            raise StepFailedError("umount broke", hint="Mend it.")

    node.host.before = fail_late
    changed = FULL | {"share": {"images": {"volume": "other", "nfs": {"clients": ["x"]}}}}
    assert node.apply(changed).state is JobState.UNDONE
    assert node.host.state() == before
    node.host.before = failing("never")
    without = FULL | {"share": {"images": {"volume": "images"}}}
    node.host.after = failing("exportfs")
    assert node.apply(without).state is JobState.UNDONE
    assert node.host.state() == before


def test_a_failure_says_what_broke_and_everything_is_as_before(node: Node) -> None:
    node.must(SMALL)
    before = node.host.state()
    node.host.before = failing("mount")
    job = node.apply(FULL)
    assert job.state is JobState.UNDONE
    assert job.error == "mount broke Mend it."
    assert "as before" in job.next_step
    assert node.host.state() == before
    failed = next(step for step in job.steps if step.line == "mount images images")
    assert failed.code == 5
    assert "mount broke\nfirst\nlast" in failed.output
    assert "tried to take back: umount images" in failed.output
    assert failed.state is StepState.UNDONE
    assert "taken back: lvremove images" in job.steps[0].output
    assert [item.id for item in node.desired.resources()] == ["pool/tank"]
    assert node.jobs.recover() == ()


def test_a_failure_behind_a_step_without_a_way_back_stays(node: Node) -> None:
    node.must(FULL)
    node.host.before = failing("mount")
    job = node.apply(GROWN)
    assert job.state is JobState.FAILED
    assert "It cannot be taken back: Remove other; Grow images" in job.error
    assert f"appliance job finish {job.number}" in job.next_step
    with pytest.raises(RefusedError, match="Grow images") as raised:
        node.jobs.undo(job.number)
    assert f"appliance job finish {job.number}" in raised.value.hint
    node.host.before = failing("never")
    plan = node.jobs.finish(job.number)
    assert plan.continues == job.number
    assert node.run(plan).state is JobState.DONE
    older = node.journal.job(job.number)
    assert older.state is JobState.DONE
    assert older.next_step == f"Finished by job {job.number + 1}."
    assert node.preview(GROWN).empty


def test_confirmations_carry_over_to_the_job_that_finishes(node: Node) -> None:
    node.must(FULL)
    node.host.before = failing("unformat")
    job = node.apply({})
    assert job.state is JobState.FAILED
    second = node.run(node.jobs.finish(job.number))
    assert second.state is JobState.FAILED
    node.host.before = failing("never")
    plan = node.jobs.finish(second.number)
    assert plan.confirmations == (), "typed once, whatever number of times it takes"
    assert node.run(plan).state is JobState.DONE
    assert node.host.formatted == {}


def test_an_undo_that_fails_keeps_the_job_and_says_where(node: Node) -> None:
    def both(command: Command) -> None:
        failing("mount")(command)
        failing("lvremove")(command)

    node.host.before = both
    job = node.apply(FULL)
    assert job.state is JobState.FAILED
    assert "(Create other) stays: lvremove broke" in job.error
    node.host.before = failing("never")
    assert node.undo(job.number).state is JobState.UNDONE
    assert node.host.formatted == {}


def test_a_job_is_done_only_when_nothing_is_left(node: Node) -> None:
    def sabotage(command: Command) -> None:
        if command.argv[0] == "vgcreate":
            node.host.pools.clear()

    node.host.after = sabotage
    job = node.apply(SMALL)
    assert job.state is JobState.FAILED
    assert "not as wanted: Make tank" in job.error


def test_a_failed_job_is_out_of_date_once_a_newer_one_is_done(node: Node) -> None:
    node.must(FULL)
    node.host.before = failing("mount")
    failed = node.apply(GROWN)
    node.host.before = failing("never")
    node.must(GROWN)
    assert "Out of date since job 3" in node.journal.job(failed.number).next_step
    with pytest.raises(RefusedError, match="nothing of it is left"):
        node.jobs.finish(failed.number)


def test_an_act_runs_once_and_is_not_proven(node: Node) -> None:
    node.must(FULL)
    plan = node.preview(action=ActionRequest(resource="volume/images", verb="poke"))
    assert node.run(plan).state is JobState.DONE
    assert node.host.ran[-1] == "poke images"


def test_an_act_that_was_cut_off_is_asked_again(node: Node) -> None:
    node.must(FULL)
    node.host.before = failing("poke")
    plan = node.preview(action=ActionRequest(resource="volume/images", verb="poke"))
    job = node.run(plan)
    assert job.state is JobState.UNDONE
    with pytest.raises(RefusedError):
        node.jobs.finish(job.number)


def test_a_defect_makes_the_job_unknown_and_is_logged(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    node.host.before = failing("vgcreate", KeyError("oops"))
    with caplog.at_level(logging.ERROR):
        job = node.apply(SMALL)
    assert job.state is JobState.UNKNOWN
    assert "oops" in job.error
    assert "KeyError" in caplog.text
    node.host.before = failing("never")
    with pytest.raises(BusyError, match="Job 1 was cut off") as raised:
        node.apply(FULL)
    assert "appliance job finish 1" in raised.value.hint
    assert node.run(node.jobs.finish(1)).state is JobState.DONE


def test_giving_up_leaves_all_as_it_stands(node: Node) -> None:
    node.host.before = failing("vgcreate", KeyError("oops"))
    node.apply(SMALL)
    state = node.host.state()
    job = node.jobs.abandon(1)
    assert job.state is JobState.FAILED
    assert "Given up" in job.next_step
    assert node.host.state() == state
    assert node.jobs.claims() == {}
    node.host.before = failing("never")
    with pytest.raises(RefusedError):
        node.jobs.abandon(1)


def test_giving_up_a_failed_job(node: Node) -> None:
    node.must(FULL)
    node.host.before = failing("mount")
    job = node.apply(GROWN)
    assert node.jobs.abandon(job.number).state is JobState.FAILED
    with pytest.raises(RefusedError):
        node.jobs.finish(job.number)


def test_an_unfinished_job_keeps_the_consent_for_its_disks(node: Node) -> None:
    node.host.before = failing("vgcreate", KeyError("oops"))
    node.apply(SMALL)
    assert node.jobs.claims() == {"d1": "tank", "d2": "tank"}


def test_a_stopping_agent_ends_the_step_and_no_more(node: Node) -> None:
    node.host.after = lambda command: node.jobs._stop.set()
    job = node.apply(SMALL)
    node.jobs.close(WAIT_S)
    assert job.state is JobState.UNKNOWN
    assert [step.state for step in job.steps][:2] == [StepState.ENDED, StepState.PLANNED]
    node.host.after = failing("never")
    node.crash()
    assert node.undo(1).state is JobState.UNDONE
    assert node.host.formatted == {}


def test_a_step_that_finds_no_room_fails_its_job_and_is_taken_back(node: Node) -> None:
    node.host.before = failing("lvcreate", FullError("No room.", hint="Make some."))
    job = node.apply(FULL)
    assert job.state is JobState.UNDONE
    assert job.error.startswith("No room.")
    assert node.host.formatted == {}


def test_the_journal_runs_full_in_the_middle(node: Node) -> None:
    """SQLite cannot grow: the step whose begin cannot be written never runs."""

    def fill(number: int, step: int, edge: str) -> None:
        if (step, edge) == (3, "ended"):
            pages = node.store.rows("PRAGMA page_count")[0]["page_count"]
            node.store.rows(f"PRAGMA max_page_count={pages}")

    node.on_edge = fill
    node.host.after = lambda command: None
    plan = node.preview(
        FULL | {"volume": {f"v{n}": {"pool": "tank"} for n in range(200)}, "share": {}}
    )
    job = node.run(plan)
    assert job.state in {JobState.RUNNING, JobState.UNDOING, JobState.UNKNOWN, JobState.FAILED}
    never_begun = {step.line for step in job.steps if step.state is StepState.PLANNED}
    assert never_begun
    assert not never_begun & set(node.host.ran)
    node.on_edge = lambda *_: None
    node.crash()
    settled = node.journal.job(job.number)
    assert settled.state in {JobState.UNKNOWN, JobState.FAILED}
    assert node.run(node.jobs.finish(job.number)).state is JobState.DONE
    assert len(node.host.volumes) == 200


def test_a_job_nobody_knows(node: Node) -> None:
    for act in (node.jobs.finish, node.jobs.undo, node.jobs.abandon):
        with pytest.raises(NotFoundError, match="no job 7"):
            act(7)


def test_what_is_done_cannot_be_undone(node: Node) -> None:
    node.must(SMALL)
    with pytest.raises(RefusedError, match="nothing of it is left"):
        node.jobs.undo(1)


class TestAcceptance:
    """What is to be recorded is recorded before anything is done, or nothing is done."""

    def full(self, _: Job) -> None:
        raise FullError("The audit has no room.", hint="Make room.")

    def test_it_is_told_before_the_first_edge(self, node: Node) -> None:
        told: list[tuple[JobState, int]] = []
        node.jobs.start(
            node.preview(SMALL),
            frozenset(),
            "root",
            "local",
            lambda job: told.append((job.state, len(node.edges))),
        )
        node.join()
        assert told == [(JobState.WAITING, 0)]

    def test_what_cannot_be_recorded_is_not_done(self, node: Node) -> None:
        with pytest.raises(FullError):
            node.jobs.start(node.preview(SMALL), frozenset(), "root", "local", self.full)
        assert not node.host.ran
        job = node.journal.job(1)
        assert job.state is JobState.FAILED
        assert "could not be recorded" in job.error
        assert node.jobs.recover() == ()
        node.must(SMALL)

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_a_way_back_or_a_giving_up_that_cannot_be_recorded_is_not_done(
        self, node: Node
    ) -> None:
        node.kill_at = 4
        number = node.apply(SMALL).number
        node.crash()
        ran = len(node.host.ran)
        for act in (node.jobs.undo, node.jobs.abandon):
            with pytest.raises(FullError):
                act(number, self.full)
        assert node.journal.job(number).state is JobState.UNKNOWN
        assert len(node.host.ran) == ran
        assert node.undo(number).state is JobState.UNDONE

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_the_end_of_a_job_that_was_cut_off_is_told_when_it_is_found(self, node: Node) -> None:
        for edge, state in ((0, JobState.FAILED), (2, JobState.UNKNOWN)):
            node.kill_at = edge
            number = node.apply(SMALL).number
            node.told.clear()
            node.crash()
            assert [(job.number, job.state) for job in node.told] == [(number, state)]
        node.told.clear()
        node.crash()
        assert node.told == []


def test_what_cannot_be_seen_is_not_proven(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is to be taken in again: the wish stays as it is, and LVM answers no more."""
    node.must(SMALL)
    node.host.formatted.pop("d2")
    node.edges.clear()
    plan = node.preview(SMALL)
    assert plan.steps
    seen = node.host.observe

    def blind(claims: Mapping[str, str]) -> NodeSnapshot:
        found = seen(claims)
        if not node.edges or node.edges[-1][2] != "proving":
            return found
        rest = {noun: items for noun, items in found.found.items() if noun != "pool"}
        return found.model_copy(update={"found": rest, "unread": frozenset({"pool"})})

    monkeypatch.setattr(node.host, "observe", blind)
    node.boot()
    job = node.run(plan)
    assert job.state is JobState.FAILED
    assert "could not be seen how pool/tank stands" in job.error
