"""A change on the command line: what is shown, what is asked, what is sent."""

from __future__ import annotations

import argparse
import builtins
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.api.contract import JOB_START, PLAN_MAKE
from appliance.api.wire import ApplyRequest
from appliance.cli.changes import carry_out
from appliance.cli.session import Session
from appliance.errors import BusyError, ConfirmationError, StepFailedError
from appliance.model.command import change
from appliance.model.disk import Signature
from appliance.model.job import Job, JobState
from appliance.model.plan import Confirmation, DiskClaim, Plan, PlanRequest
from appliance.model.resource import Resource
from appliance.model.steps import RunStep
from tests.unit.fakekinds import VolumeSpec

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
STEP = RunStep(title="Make the volume", resource="volume/a", command=change("lvcreate", "a"))
LOSS = RunStep(
    title="Remove it", resource="volume/a", destroys="volume a", command=change("lvremove", "a")
)


def plan(*steps: RunStep, **facts: Any) -> Plan:
    return Plan(id="p1", created_at=NOW, digest="d1", before=(), after=(), steps=steps, **facts)


NAMED = plan(LOSS, confirmations=(Confirmation(token="a", why="volume a and its data are lost"),))


def job(state: JobState = JobState.DONE, **facts: Any) -> Job:
    base: dict[str, Any] = {"number": 7, "plan_id": "p1", "state": state, "who": "ada",
                            "created_at": NOW, "summary": "volume/a (1 step)"}  # fmt: skip
    return Job(**base | facts)


class Node:
    """A node whose answers are given; it remembers what was asked."""

    def __init__(self, plan: Plan, answer: Job | BaseException | None = None) -> None:
        self.plan = plan
        self.answer = answer or job()
        self.started: list[ApplyRequest] = []

    def call(self, endpoint: Any, body: Any = None, **parts: str) -> Any:
        if endpoint is PLAN_MAKE:
            return self.plan
        assert endpoint is JOB_START
        self.started.append(body)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Carries a plan out with these options; `typed` is what a person at a terminal answers."""

    def carry(node: Node, *, typed: list[str] | None = None, as_json: bool = False, **given: Any):
        session = Session(as_json=as_json)
        monkeypatch.setattr(session, "client", lambda: node)
        monkeypatch.setattr(sys.stdin, "isatty", lambda: typed is not None)
        answers = iter(typed or ())

        def answer(question: str) -> str:
            word = next(answers, None)
            if word is None:
                raise EOFError
            if word == "^C":
                raise KeyboardInterrupt
            print(question)
            return word

        monkeypatch.setattr(builtins, "input", answer)
        options = {"preview": False, "confirm": [], "yes": False, "no_wait": False} | given
        return carry_out(session, PlanRequest(site={}), argparse.Namespace(**options))

    return carry


def test_a_preview_shows_and_starts_nothing(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    claim = DiskClaim(
        bay="3", serial="S1", model="M", size=2**30, signatures=(Signature(type="ext4"),)
    )
    node = Node(plan(STEP, LOSS, claims=(claim,), notes=("n1",), warnings=("w1",)))
    assert run(node, preview=True) == 0
    shown = capsys.readouterr().out
    assert "2 steps:\n  1. [volume/a] Make the volume\n" in shown
    assert "Remove it  DESTROYS volume a" in shown
    assert shown.splitlines()[-3].split() == ["3", "S1", "M", "1", "GiB", "ext4"]
    assert "note: n1\nwarning: w1\n" in shown
    assert node.started == []


def test_a_preview_for_programs_is_the_plan(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Node(NAMED), preview=True, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == NAMED.model_dump(mode="json")


def test_nothing_to_do_starts_no_job(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    node = Node(plan())
    assert run(node) == 0
    assert capsys.readouterr().out == "Nothing to do: the node is as wished.\n"
    assert node.started == []


def test_a_wish_that_only_the_record_lacks_is_recorded(
    run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    after = (Resource(kind="volume", name="a", spec=VolumeSpec(pool="p")),)
    node = Node(plan().model_copy(update={"after": after}))
    assert run(node) == 0
    assert "only the record changes" in capsys.readouterr().out
    assert len(node.started) == 1


def test_what_was_shown_is_what_is_sent(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    node = Node(plan(STEP))
    assert run(node, yes=True) == 0
    assert node.started == [ApplyRequest(plan_id="p1", digest="d1")]
    assert capsys.readouterr().out.endswith("job 7 done: volume/a (1 step)\n")


def test_nobody_is_there_to_agree(run: Any) -> None:
    node = Node(plan(STEP))
    with pytest.raises(ConfirmationError, match="Nobody is there") as raised:
        run(node)
    assert "--yes" in raised.value.hint
    assert node.started == []


def test_yes_does_not_confirm_a_loss(run: Any) -> None:
    node = Node(NAMED)
    with pytest.raises(ConfirmationError) as raised:
        run(node, yes=True)
    assert raised.value.hint.endswith("--confirm a")
    assert raised.value.details == ("a: volume a and its data are lost",)
    assert node.started == []


def test_a_confirmed_loss_needs_no_other_yes(run: Any) -> None:
    node = Node(NAMED)
    assert run(node, confirm=["a", "unasked"]) == 0
    assert node.started[0].confirm == {"a", "unasked"}


@pytest.mark.parametrize("word", ["y", "YES", " y "])
def test_a_person_agrees(run: Any, word: str) -> None:
    node = Node(plan(STEP))
    assert run(node, typed=[word]) == 0
    assert len(node.started) == 1


@pytest.mark.parametrize("word", ["", "n", "yess", "j"])
def test_anything_else_is_no(run: Any, word: str) -> None:
    node = Node(plan(STEP))
    with pytest.raises(ConfirmationError, match="nothing was done"):
        run(node, typed=[word])
    assert node.started == []


def test_a_person_types_the_name_and_agrees(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    node = Node(NAMED)
    assert run(node, typed=["a", "y"]) == 0
    assert node.started[0].confirm == {"a"}
    assert "destroys data: volume a and its data are lost" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["", "A", "aa", "yes"])
def test_another_name_is_no_confirmation(run: Any, word: str) -> None:
    node = Node(NAMED)
    with pytest.raises(ConfirmationError, match="'a' was not confirmed; nothing was done"):
        run(node, typed=[word, "y"])
    assert node.started == []


def test_input_that_ends_is_no(run: Any) -> None:
    node = Node(NAMED)
    with pytest.raises(ConfirmationError, match="not answered; nothing was done"):
        run(node, typed=["a"])
    assert node.started == []


def test_ctrl_c_at_a_question_says_that_nothing_was_done(run: Any) -> None:
    node = Node(NAMED)
    with pytest.raises(KeyboardInterrupt, match="nothing was done"):
        run(node, typed=["^C"])
    assert node.started == []


def test_ctrl_c_while_the_job_starts_says_how_to_find_out(run: Any) -> None:
    with pytest.raises(KeyboardInterrupt, match="appliance job list"):
        run(Node(plan(STEP), KeyboardInterrupt()), yes=True)


def test_what_the_node_refuses_is_passed_on(run: Any) -> None:
    busy = BusyError("Job 3 runs.", hint="Wait.")
    with pytest.raises(BusyError, match="Job 3"):
        run(Node(plan(STEP), busy), yes=True)


@pytest.mark.parametrize("as_json", [True, False])
def test_not_waiting_tells_the_number(
    run: Any, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    assert (
        run(Node(plan(STEP), job(JobState.WAITING)), yes=True, no_wait=True, as_json=as_json) == 0
    )
    shown = capsys.readouterr().out
    if as_json:
        assert json.loads(shown)["number"] == 7
    else:
        assert "appliance job watch 7" in shown


def test_a_failed_job_is_an_error_with_the_next_step(run: Any) -> None:
    failed = job(JobState.FAILED, error="lvcreate broke.", next_step="appliance job finish 7")
    with pytest.raises(StepFailedError, match="Job 7 is failed: lvcreate broke") as raised:
        run(Node(plan(STEP), failed), yes=True)
    assert raised.value.hint == "appliance job finish 7"
