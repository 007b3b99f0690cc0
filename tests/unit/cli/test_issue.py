"""The banner above the login prompt."""

from __future__ import annotations

import json

import pytest

from appliance.cli import session
from appliance.cli.main import main
from appliance.client.transport import Address
from appliance.errors import UnavailableError


class Node:
    """Answers the status, or not at all."""

    def __init__(self, **answer: object) -> None:
        host = {"hostname": "lab", "profile": "lab-12bay"}
        self.answer = {"version": "1.2.3", "host": host, "findings": [], "drift": [], **answer}

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        if "well" not in self.answer:
            raise UnavailableError("The agent is down.", hint="Start it.", subject="node")
        return 200, json.dumps(self.answer).encode()

    def close(self) -> None:
        """Nothing is held."""


def banner(node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    def dial(address: Address, identity: str = "") -> Node:
        return node

    monkeypatch.setattr(session, "open_transport", dial)
    assert main(["status", "--issue"]) == 0
    return capsys.readouterr().out


def test_name_health_version_and_addresses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert banner(Node(well=True), monkeypatch, capsys) == (
        "health   all is well\nversion  1.2.3 (lab-12bay)\naddress  \\4 \\6\n"
        "log in to begin; people of the appliance get its console\n\n"
    )


def test_a_new_machine_says_how_one_logs_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finding = {"what": "open", "subject": "account/setup", "severity": "info"}
    said = banner(Node(well=True, findings=[finding]), monkeypatch, capsys)
    assert said.startswith("health   all is well\n")
    assert "log in as setup, without a password" in said


def test_what_is_wrong_is_counted_not_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = {"what": "disk S3X is failing", "subject": "disk/S3X"}
    findings = [{"severity": word, **secret} for word in ("warning", "critical", "warning", "info")]
    said = banner(Node(well=False, findings=findings, drift=["x"]), monkeypatch, capsys)
    assert said.startswith("health   NOT WELL: 1 critical, 2 warning, not as wished\n")
    assert "S3X" not in said
    said = banner(Node(well=False), monkeypatch, capsys)
    assert said.startswith("health   NOT WELL: a job is unfinished\n")


def test_an_agent_that_is_down_is_said_and_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = banner(Node(), monkeypatch, capsys)
    assert said.startswith("health   UNKNOWN: the appliance's agent does not answer\naddress  \\4")
