"""The journal: moves that are allowed, events that wake, values that come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.errors import FullError, InternalError, NotFoundError
from appliance.model.command import change
from appliance.model.job import MOVES, JobState, StepState
from appliance.model.plan import Plan
from appliance.model.steps import RunStep
from appliance.planner.plan import make_plan
from appliance.planner.site import parse_site
from appliance.state.db import Store
from appliance.state.desired import Desired
from appliance.state.journal import OUTPUT_TAIL, Journal
from tests.unit.fakehost import NOW, FakeHost
from tests.unit.fakekinds import KINDS
from tests.unit.jobs.sites import SMALL


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def journal(store: Store) -> Journal:
    return Journal(store, lambda: NOW)


@pytest.fixture
def plan(tmp_path: Path, journal: Journal) -> Plan:
    after = parse_site(KINDS, SMALL)
    made = make_plan(KINDS, FakeHost(tmp_path).observe({}), (), after, plan_id="p1", now=NOW)
    journal.save_plan(made)
    return made


def opened(journal: Journal, plan: Plan) -> int:
    lines = [step.title for step in plan.steps]
    return journal.open_job(
        plan, lines, who="ann", origin="local", confirmed={"b", "a"}, summary="things"
    )


def test_a_job_is_opened_only_with_room_for_its_end(
    journal: Journal, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "full")

    reserve = tmp_path / "state.db.reserve"
    with monkeypatch.context() as patch:
        patch.setattr("os.statvfs", lambda _: SimpleNamespace(f_bavail=1023, f_frsize=4096))
        with pytest.raises(FullError, match="root file system is full"):
            opened(journal, plan)
    reserve.unlink()
    with monkeypatch.context() as patch:
        patch.setattr("os.posix_fallocate", full)
        with pytest.raises(FullError, match="root file system is full"):
            opened(journal, plan)
    assert journal.jobs() == ()
    opened(journal, plan)
    assert reserve.exists(), "the reserve is taken again"


def test_a_plan_comes_back(journal: Journal, plan: Plan) -> None:
    again = journal.plan("p1")
    assert again.model_dump(mode="json") == plan.model_dump(mode="json")
    assert again.steps == plan.steps
    with pytest.raises(NotFoundError, match="no plan 'p2'"):
        journal.plan("p2")


def test_old_previews_go_and_what_was_applied_stays(
    journal: Journal, plan: Plan, store: Store
) -> None:
    opened(journal, plan)
    journal.save_plan(plan.model_copy(update={"id": "p2"}))
    journal.save_plan(plan.model_copy(update={"id": "p3"}))
    later = Journal(store, lambda: NOW + timedelta(days=8))
    fresh = NOW + timedelta(days=2)
    later.save_plan(plan.model_copy(update={"id": "p4", "created_at": fresh}))
    later.save_plan(plan.model_copy(update={"id": "p5"}))
    ids = [row["id"] for row in store.rows("SELECT id FROM plan ORDER BY id")]
    assert ids == ["p1", "p4", "p5"]


def test_a_job_waits_with_all_its_steps(journal: Journal, plan: Plan) -> None:
    number = opened(journal, plan)
    job = journal.job(number)
    assert (job.number, job.plan_id, job.state, job.who) == (1, "p1", JobState.WAITING, "ann")
    assert [(step.number, step.state, step.line) for step in job.steps] == [
        (1, StepState.PLANNED, "Format d1"),
        (2, StepState.PLANNED, "Format d2"),
        (3, StepState.PLANNED, "Make tank"),
    ]
    assert job.created_at == NOW
    assert job.seq == 1
    assert journal.confirmed(number) == {"a", "b"}
    assert journal.jobs()[0].steps == ()


ROADS = {
    JobState.WAITING: (),
    JobState.RUNNING: (JobState.RUNNING,),
    JobState.PROVING: (JobState.RUNNING, JobState.PROVING),
    JobState.DONE: (JobState.RUNNING, JobState.PROVING, JobState.DONE),
    JobState.FAILED: (JobState.FAILED,),
    JobState.UNDOING: (JobState.RUNNING, JobState.UNDOING),
    JobState.UNDONE: (JobState.RUNNING, JobState.UNDOING, JobState.UNDONE),
    JobState.UNKNOWN: (JobState.UNKNOWN,),
}


@pytest.mark.parametrize("now", JobState)
@pytest.mark.parametrize("to", JobState)
def test_only_allowed_moves(journal: Journal, plan: Plan, now: JobState, to: JobState) -> None:
    number = opened(journal, plan)
    for state in ROADS[now]:
        journal.move(number, state)
    if to in MOVES[now]:
        journal.move(number, to, error="why")
        assert journal.job(number).state is to
        assert journal.job(number).error == "why"
        return
    with pytest.raises(InternalError, match=f"cannot go from {now} to {to}"):
        journal.move(number, to)
    assert journal.job(number).state is now


def test_the_wish_moves_with_the_job(journal: Journal, plan: Plan, store: Store) -> None:
    desired = Desired(store)
    number = opened(journal, plan)
    with pytest.raises(InternalError):
        journal.move(number, JobState.DONE, desired=plan.after)
    assert desired.resources() == ()
    journal.move(number, JobState.RUNNING, desired=plan.after)
    assert [item.model_dump(mode="json") for item in desired.resources()] == [
        item.model_dump(mode="json") for item in plan.after
    ]
    journal.move(number, JobState.FAILED, desired=())
    assert desired.resources() == ()


def test_a_step_from_begun_to_undone(journal: Journal, plan: Plan) -> None:
    number = opened(journal, plan)
    undo = (RunStep(title="Back", resource="pool/tank", command=change("back")),)
    journal.step_begun(number, 1, undo)
    journal.step_begun(number, 2, None)
    journal.step_ended(number, 2, StepState.FAILED, code=5, output="x" * 2 * OUTPUT_TAIL + "end")
    executed = journal.executed(number)
    assert [(item.number, item.state, item.undo) for item in executed] == [
        (1, StepState.BEGUN, undo),
        (2, StepState.FAILED, None),
    ]
    steps = journal.job(number).steps
    assert [step.has_undo for step in steps] == [True, False, False]
    assert len(steps[1].output) == OUTPUT_TAIL
    assert steps[1].output.endswith("end")
    assert (steps[1].code, steps[1].begun_at, steps[1].ended_at) == (5, NOW, NOW)
    journal.step_ended(number, 1, StepState.ENDED, code=0, output="made it")
    journal.step_undoing(number, 1)
    assert journal.executed(number)[0].state is StepState.BEGUN
    journal.step_stays(number, 1)
    assert journal.executed(number)[0].state is StepState.ENDED
    journal.step_undone(number, 1, "taken back")
    assert [item.number for item in journal.executed(number)] == [2]
    assert journal.job(number).steps[0].output == "made it\ntaken back"


def test_how_far_a_step_is_wakes_and_stands_until_it_ends(
    journal: Journal, plan: Plan, store: Store
) -> None:
    number = opened(journal, plan)
    journal.step_begun(number, 1, ())
    before = journal.job(number).seq
    journal.step_says(number, 1, "37 %, about 5 min left")
    job = journal.wait(number, before, 5)
    assert job.seq > before
    assert (job.steps[0].state, job.steps[0].output) == (StepState.BEGUN, "37 %, about 5 min left")
    (event,) = store.rows("SELECT what FROM event WHERE seq = ?", job.seq)
    assert event["what"] == "step 1: 37 %, about 5 min left"
    journal.step_ended(number, 1, StepState.ENDED, code=0, output="done")
    assert journal.job(number).steps[0].output == "done"


def test_a_chain_of_jobs_ends_together(journal: Journal, plan: Plan) -> None:
    first = opened(journal, plan)
    journal.move(first, JobState.UNKNOWN)
    stray = opened(journal, plan)
    journal.move(stray, JobState.FAILED)
    for link in (1, 3):
        more = plan.model_copy(update={"id": f"p{link + 1}", "continues": link})
        journal.save_plan(more)
        number = opened(journal, more)
        journal.move(number, JobState.RUNNING)
        journal.move(number, JobState.PROVING if link == 3 else JobState.UNKNOWN)
    assert journal.chain(4) == (4, 3, 1)
    assert [job.number for job in journal.jobs(unfinished=True)] == [4, 3, 2, 1]
    journal.finished(4, outdated=(2,))
    assert {job.number: (job.state, job.next_step) for job in journal.jobs()} == {
        1: (JobState.DONE, "Finished by job 4."),
        2: (JobState.FAILED, "Out of date since job 4 is done."),
        3: (JobState.DONE, "Finished by job 4."),
        4: (JobState.DONE, ""),
    }
    assert journal.jobs(unfinished=True) == ()


def test_whoever_waits_is_woken(journal: Journal, plan: Plan) -> None:
    number = opened(journal, plan)
    seen: list[JobState] = []
    asleep = threading.Event()

    def watch() -> None:
        asleep.set()
        seen.append(journal.wait(number, 1, 60).state)

    watcher = threading.Thread(target=watch)
    watcher.start()
    asleep.wait(10)
    journal.move(number, JobState.RUNNING)
    watcher.join(20)
    assert seen == [JobState.RUNNING]


def test_waiting_ends_at_once_or_by_time(journal: Journal, plan: Plan) -> None:
    number = opened(journal, plan)
    assert journal.wait(number, -1, 60).seq == 1
    assert journal.wait(number, 1, 0.01).seq == 1
    with pytest.raises(NotFoundError):
        journal.wait(7, 0, 1)


def test_every_change_is_an_event(store: Store, plan: Plan, tmp_path: Path) -> None:
    hours = iter(range(100))
    journal = Journal(store, lambda: NOW + timedelta(hours=next(hours)))
    number = opened(journal, plan)
    journal.move(number, JobState.RUNNING)
    journal.step_begun(number, 1, ())
    journal.close(number, "given up")
    assert [row["what"] for row in store.rows("SELECT what FROM event ORDER BY seq")] == [
        "waiting", "running", "step 1 begun", "given up",
    ]  # fmt: skip
    assert journal.job(number).seq == 4
