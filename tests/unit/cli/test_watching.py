"""Following a job: on a terminal, in a log, for a program."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.api.contract import JOB_GET, JobQuery
from appliance.cli.session import Session
from appliance.cli.watching import report, watch
from appliance.errors import StepFailedError
from appliance.model.job import ENDED, Job, JobState, StepRecord, StepState
from tests.unit.cli.test_changes import job


def steps(*states: StepState) -> tuple[StepRecord, ...]:
    return tuple(
        StepRecord(number=number, title=f"Step {number}", resource="volume/a", state=state,
                   line="x", has_undo=True)
        for number, state in enumerate(states, 1)
    )  # fmt: skip


P, B, E, F = StepState.PLANNED, StepState.BEGUN, StepState.ENDED, StepState.FAILED


class Node:
    """Answers each long poll with the next of these."""

    def __init__(self, *jobs: Job | BaseException) -> None:
        self.jobs = list(jobs)
        self.asked: list[JobQuery] = []

    def call(self, endpoint: Any, body: JobQuery, **parts: str) -> Job:
        assert (endpoint, parts) == (JOB_GET, {"number": "7"})
        self.asked.append(body)
        answer = self.jobs.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def follow(
    monkeypatch: pytest.MonkeyPatch, first: Job, *rest: Job | BaseException, as_json: bool = False
) -> tuple[Job, Node]:
    session, node = Session(as_json=as_json), Node(*rest)
    monkeypatch.setattr(session, "client", lambda: node)
    return watch(session, first), node


RUNNING = job(JobState.RUNNING, steps=steps(B, P), seq=1)
HALF = job(JobState.RUNNING, steps=steps(E, B), seq=4)
DONE = job(JobState.DONE, steps=steps(E, E), seq=9)


def test_a_line_a_step_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    last, node = follow(monkeypatch, RUNNING, HALF, HALF, DONE)
    assert last is DONE
    assert [query.after for query in node.asked] == [1, 4, 4]
    assert all(query.wait > 0 for query in node.asked)
    told = capsys.readouterr()
    assert told.err == "1/2 ended: Step 1\n2/2 ended: Step 2\n"
    assert told.out == ""


def test_a_bar_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    follow(monkeypatch, RUNNING, HALF, DONE)
    lines = capsys.readouterr().err.split("\r\033[K")
    assert lines == [
        "",
        "[....................] 0/2 Step 1",
        "[##########..........] 1/2 Step 2",
        "[####################] 2/2 done",
        "",
    ]


def test_a_program_gets_the_job_and_no_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    follow(monkeypatch, RUNNING, DONE, as_json=True)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("state", sorted(ENDED))
def test_a_job_at_rest_is_not_asked_about(monkeypatch: pytest.MonkeyPatch, state: JobState) -> None:
    assert follow(monkeypatch, job(state))[1].asked == []


def test_ctrl_c_lets_the_job_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt, match="goes on without you: appliance job watch 7"):
        follow(monkeypatch, RUNNING, HALF, KeyboardInterrupt())
    assert capsys.readouterr().err == "1/2 ended: Step 1\n"


def test_steps_that_are_taken_back_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    back = job(JobState.UNDOING, steps=steps(E, F), seq=5)
    undone = job(JobState.UNDONE, steps=steps(StepState.UNDONE, StepState.UNDONE), seq=7)
    follow(monkeypatch, RUNNING, back, undone)
    assert capsys.readouterr().err.splitlines() == [
        "1/2 ended: Step 1",
        "2/2 failed: Step 2",
        "1/2 undone: Step 1",
        "2/2 undone: Step 2",
    ]


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.UNKNOWN])
def test_an_end_that_is_not_good_is_an_error_with_a_way_on(state: JobState) -> None:
    with pytest.raises(StepFailedError, match=f"Job 7 is {state}") as raised:
        report(Session(), job(state))
    assert raised.value.hint == "See what ran: appliance job show 7"
    assert raised.value.subject == "job/7"


def at(words: str) -> Job:
    """The first of two steps is this far."""
    first, second = steps(B, P)
    told = first.model_copy(update={"output": words})
    return job(JobState.RUNNING, steps=(told, second), seq=len(words))


def test_a_long_step_tells_each_tenth_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    follow(monkeypatch, at("11 %, 1 GiB"), at("19 %, 2 GiB"), at("20 %, 2 GiB"), at("fsck"), DONE)
    assert capsys.readouterr().err.splitlines()[:2] == [
        "1/2 Step 1: 11 %, 1 GiB",
        "1/2 Step 1: 20 %, 2 GiB",
    ]


def test_a_terminal_shows_how_far_the_step_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    follow(monkeypatch, at("37 %, about 2 h 5 min left"), DONE)
    assert "0/2 Step 1: 37 %, about 2 h 5 min left" in capsys.readouterr().err
