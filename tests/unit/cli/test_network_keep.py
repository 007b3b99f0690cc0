"""Who may keep a change of the network: whoever shows that the node is still reached."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.api.contract import NETWORK_CONFIRM
from appliance.cli.network_keep import keep_network, waits_for_word
from appliance.cli.session import Session
from appliance.errors import RefusedError
from appliance.model.job import JobState, StepRecord, StepState
from appliance.model.link import CONFIRM_TITLE
from tests.unit.cli.test_changes import job
from tests.unit.cli.test_watching import HALF, follow, steps

WAITING = StepRecord(number=3, title=CONFIRM_TITLE, resource="link/lan", state=StepState.BEGUN,
                     line="x", has_undo=True)  # fmt: skip


class Calls:
    """What a session did, in order."""

    def __init__(self, patch: pytest.MonkeyPatch, session: Session) -> None:
        self.made: list[str] = []
        self.fails: Exception | None = None
        patch.setattr(session, "reconnect", lambda: self.made.append("reconnect"))
        patch.setattr(session, "client", lambda: self)

    def call(self, endpoint: Any) -> None:
        assert endpoint is NETWORK_CONFIRM
        if self.fails:
            raise self.fails
        self.made.append("confirm")


@pytest.fixture(autouse=True)
def _no_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)


def keep(
    patch: pytest.MonkeyPatch,
    node: str,
    *,
    yes: bool,
    answer: str | None = None,
    refuse: bool = False,
) -> list[str]:
    session = Session(node=node)
    calls = Calls(patch, session)
    if refuse:
        calls.fails = RefusedError("It was taken back.", hint="Apply it again.")
    patch.setattr("sys.stdin.isatty", lambda: answer is not None)
    patch.setattr("builtins.input", lambda _: answer)
    keep_network(session, yes=yes)
    return calls.made


REMOTE, LOCAL = "ssh://admin@node1", ""


@pytest.mark.parametrize("node", [REMOTE, LOCAL])
def test_agreed_to_beforehand_it_is_kept_by_a_connection_made_anew(
    monkeypatch: pytest.MonkeyPatch, node: str
) -> None:
    assert keep(monkeypatch, node, yes=True) == ["reconnect", "confirm"]


def test_a_shell_over_ssh_proves_nothing_by_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 50000 10.0.0.5 22")
    assert keep(monkeypatch, LOCAL, yes=True) == []
    assert "appliance network confirm" in capsys.readouterr().err
    # A remote node is reached by a connection of its own, wherever this shell comes from.
    assert keep(monkeypatch, REMOTE, yes=True) == ["reconnect", "confirm"]


def test_a_person_who_can_still_type_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 50000 10.0.0.5 22")
    assert keep(monkeypatch, LOCAL, yes=True, answer="y") == ["reconnect", "confirm"]
    assert keep(monkeypatch, LOCAL, yes=False, answer="yes") == ["reconnect", "confirm"]


def test_no_is_no(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert keep(monkeypatch, REMOTE, yes=False, answer="n") == []
    assert "goes back" in capsys.readouterr().err


def test_nobody_there_keeps_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keep(monkeypatch, REMOTE, yes=False) == []
    assert "appliance network confirm" in capsys.readouterr().err


def test_too_late_is_said_and_the_job_followed_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keep(monkeypatch, REMOTE, yes=True, refuse=True) == ["reconnect"]
    assert "Not confirmed: It was taken back." in capsys.readouterr().err


def test_following_a_job_asks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr("appliance.cli.watching.keep_network", lambda _, *, yes: asked.append(yes))
    waiting = HALF.model_copy(update={"steps": (WAITING,)})
    assert waits_for_word(waiting)
    assert not waits_for_word(HALF)
    done = job(JobState.DONE, steps=steps(StepState.ENDED), seq=9)
    follow(monkeypatch, HALF, waiting, waiting, done)
    assert asked == [False]
