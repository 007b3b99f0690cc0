"""Each way to a receiver against a real server on loopback."""

from __future__ import annotations

import email
import email.policy
import json
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from agents.node.apply.files import NodeFiles
from agents.node.apply.secrets import SecretStore
from agents.node.watch.senders import send
from agents.node.watch.testing import send_test
from appliance.errors import NotFoundError, UnavailableError
from appliance.model.alert import Alert, AlertState
from appliance.model.message import Event, Message
from appliance.model.receiver import (
    RECEIVER_DIR,
    MailEncryption,
    MailWay,
    ReceiverSpec,
    SyslogTransport,
    SyslogWay,
    WebhookWay,
    document_of,
)
from appliance.model.resource import Severity
from tests.unit.fakehost import NOW
from tests.unit.watch.servers import http_server, smtp_server, syslog_server

pytestmark = pytest.mark.usefixtures("allow_sockets", "allow_sleep")

ALERT = Alert(
    number=7,
    cause="disk-missing",
    subject="disk/ZSAS0000",
    severity=Severity.CRITICAL,
    what="the disk in bay 3 (serial ZSAS0000) of pool clinic does not answer",
    why="it was pulled, its cable is loose, or it has died",
    next_step="Seat it again.",
    bay="3",
    serial="ZSAS0000",
    pool="clinic",
    state=AlertState.RAISED,
    raised_at=NOW,
    changed_at=NOW,
)
RAISED = Message(event=Event.RAISED, host="node1", at=NOW, alerts=(ALERT,))


def secret(name: str) -> str:
    return {"hook-token": "s3cret"}[name]


def mail(port: int, **settings: object) -> ReceiverSpec:
    way = {"to": ("oncall@example.org",), "sender": "node1@example.org", "encryption": "none"}
    return ReceiverSpec.model_validate(
        {"mail": {"server": "127.0.0.1", "port": port, **way, **settings}}
    )


def hook(port: int, path: str = "/alerts?node=1", token: str | None = None) -> ReceiverSpec:
    return ReceiverSpec(webhook=WebhookWay(url=f"http://127.0.0.1:{port}{path}", token=token))


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)


def test_a_mail_says_what_where_and_what_next() -> None:
    with smtp_server() as told:
        send("oncall", mail(told.port), RAISED, secret)
    letter = email.message_from_string(told.got[0], policy=email.policy.default)
    assert letter["Subject"] == f"node1: CRITICAL: {ALERT.what}"
    assert letter["To"] == "oncall@example.org"
    assert letter["Auto-Submitted"] == "auto-generated"
    text = letter.get_content()
    for line in (
        "bay: 3",
        "serial: ZSAS0000",
        "pool: clinic",
        "next: Seat it again.",
        "why: it was",
    ):
        assert line in text


def test_a_webhook_gets_json_with_the_token() -> None:
    with http_server() as told:
        send("hook", hook(told.port, token="hook-token"), RAISED, secret)
    document = json.loads(told.got[0])
    assert document["event"] == "raised"
    assert document["alerts"][0]["bay"] == "3"
    assert document["title"].startswith("node1: CRITICAL")
    assert told.heads[0]["authorization"] == "Bearer s3cret"
    assert told.heads[0]["content-type"] == "application/json"


@pytest.mark.parametrize("transport", list(SyslogTransport))
def test_syslog_by_rfc_5424(transport: SyslogTransport) -> None:
    kind = socket.SOCK_DGRAM if transport is SyslogTransport.UDP else socket.SOCK_STREAM
    with syslog_server(kind) as told:
        way = SyslogWay(server="127.0.0.1", port=told.port, transport=transport)
        send("log", ReceiverSpec(syslog=way), RAISED, secret)
        until(lambda: told.got)
    (frame,) = told.got
    if transport is SyslogTransport.TCP:
        length, _, frame = frame.partition(" ")
        assert int(length) == len(frame.encode())
    assert re.match(r"<26>1 2026-\S+ node1 appliance-agent - raised - node1: CRITICAL", frame)
    assert "\n" not in frame


def closed_port() -> int:
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return int(plug.getsockname()[1])


@pytest.mark.parametrize("make", [mail, hook])
def test_a_server_that_is_down_is_told_with_the_reason(make: Callable[[int], ReceiverSpec]) -> None:
    with pytest.raises(
        UnavailableError, match=r"receiver 'x' could not be told: .*refused"
    ) as raised:
        send("x", make(closed_port()), RAISED, secret)
    assert "appliance receiver test x" in raised.value.hint


@pytest.mark.parametrize(
    "spec",
    [
        ReceiverSpec(webhook=WebhookWay(url="http://a..b/hook")),
        ReceiverSpec(webhook=WebhookWay(url="http://127.0.0.1:9/h\u00fc")),
        ReceiverSpec(webhook=WebhookWay(url="http://127.0.0.1:9/h", token="hook-token")),
        mail(9, server="a..b"),
    ],
)
def test_what_no_protocol_can_carry_is_the_receivers_trouble(spec: ReceiverSpec) -> None:
    with pytest.raises(UnavailableError, match="receiver 'x' could not be told"):
        send("x", spec, RAISED, lambda _: "s\u20accret")


def test_a_server_that_refuses_is_told_with_its_words() -> None:
    with (
        smtp_server(refuse="550 no such mailbox") as told,
        pytest.raises(UnavailableError, match="no such mailbox"),
    ):
        send("oncall", mail(told.port), RAISED, secret)
    with http_server() as told:
        told.answer = 500
        with pytest.raises(UnavailableError, match="it answered 500"):
            send("hook", hook(told.port), RAISED, secret)


def test_no_mail_goes_in_the_clear_when_encryption_is_asked_for() -> None:
    with smtp_server() as told:
        with pytest.raises(UnavailableError, match="STARTTLS"):
            send("oncall", mail(told.port, encryption="starttls"), RAISED, secret)
        assert told.got == []


def test_a_secret_that_is_gone_is_named() -> None:
    def none(name: str) -> str:
        raise NotFoundError(f"There is no secret '{name}'.", hint="-")

    with http_server() as told, pytest.raises(NotFoundError, match="hook-token"):
        send("hook", hook(told.port, token="hook-token"), RAISED, none)


def test_the_test_message_goes_by_the_receivers_document(tmp_path: Path) -> None:
    files = NodeFiles(tmp_path)
    SecretStore(files).put("hook-token", SecretStr("s3cret"))
    files.write("/etc/hostname", "node1\n", 0o644)
    with http_server() as told:
        spec = hook(told.port, token="hook-token")
        files.write(f"{RECEIVER_DIR}/hook.json", document_of(spec), 0o600)
        send_test("hook", files)
    assert json.loads(told.got[0])["title"] == "node1: test message of the appliance"
    with pytest.raises(NotFoundError, match="no receiver 'nobody'"):
        send_test("nobody", files)


@pytest.mark.parametrize(
    ("event", "alerts", "title", "severity"),
    [
        (Event.DAILY, (), "node1: all is well", Severity.INFO),
        (Event.DAILY, (ALERT,), "node1: 1 alert open", Severity.CRITICAL),
        (Event.DAILY, (ALERT, ALERT), "node1: 2 alerts open", Severity.CRITICAL),
        (Event.CLEARED, (ALERT,), f"node1: over: {ALERT.what}", Severity.INFO),
        (Event.WORSE, (ALERT,), f"node1: worse, CRITICAL: {ALERT.what}", Severity.CRITICAL),
    ],
)
def test_messages_in_words(
    event: Event, alerts: tuple[Alert, ...], title: str, severity: Severity
) -> None:
    message = Message(event=event, host="node1", at=NOW, alerts=alerts)
    assert (message.title(), message.severity) == (title, severity)
    assert message.text()
    assert Message.model_validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"syslog": {"server": "log"}, "webhook": {"url": "http://h/"}},
        {"webhook": {"url": "ftp://h/"}},
        {"webhook": {"url": "https://user:password@h/"}},
        {"mail": {"server": "m", "to": [], "sender": "a@b"}},
        {"mail": {"server": "m", "to": ["a@b"], "sender": "a@b", "user": "u"}},
        {"mail": {"server": "m", "to": ["a@b\nBcc: c@d"], "sender": "a@b"}},
        {"mail": {"server": "m", "to": ["a@b"], "sender": "a@b", "user": "u", "password": "p",
                  "encryption": "none"}},
        {"syslog": {"server": "log"}, "all_well": "25:00"},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(spec: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ReceiverSpec.model_validate(spec)


def test_the_way_to_a_mail_server_is_encrypted_unless_asked_otherwise() -> None:
    way = MailWay(server="m", to=("a@b",), sender="a@b")
    assert way.encryption is MailEncryption.STARTTLS
