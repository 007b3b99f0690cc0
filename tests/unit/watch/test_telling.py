"""Who is told of what and when; what does not arrive is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents.node.watch.delivery import Delivery
from agents.node.watch.senders import Secret
from agents.node.watch.telling import read_receivers
from appliance.errors import UnavailableError
from appliance.model.alert import Concern
from appliance.model.message import Event, Message
from appliance.model.receiver import RECEIVER_DIR, ReceiverSpec, document_of
from appliance.model.resource import Severity
from tests.unit.fakes import FakeProbe
from tests.unit.watch.node import HOOK, Node


class Sender:
    """Notes what is sent; some receivers are down."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Event]] = []
        self.down: set[str] = set()

    def __call__(self, name: str, spec: ReceiverSpec, message: Message, secret: Secret) -> None:
        if name in self.down:
            raise UnavailableError(f"{name} is down.", hint="-")
        self.sent.append((name, message.event))


def concern(severity: Severity = Severity.WARNING) -> Concern:
    return Concern(cause="c", subject="pool/tank", severity=severity, what="w", next_step="n")


def sync(node: Node, *concerns: Concern) -> None:
    node.alerts.sync(concerns, node.time, covers=lambda _: True, tell=node.telling.write_down)


def delivery(node: Node, sender: Sender) -> Delivery:
    return Delivery(node.telling, lambda _: "", send=sender)


def test_each_receiver_is_told_from_its_least_severity_on(node: Node) -> None:
    sender = Sender()
    strict = HOOK.model_copy(update={"least": Severity.CRITICAL})
    node.receivers = {"all": HOOK, "strict": strict}
    sync(node, concern(Severity.INFO))
    sync(node, concern(Severity.WARNING))
    sync(node, concern(Severity.CRITICAL))
    sync(node)
    delivery(node, sender).deliver()
    assert sender.sent == [
        ("all", Event.WORSE),
        ("all", Event.WORSE),
        ("strict", Event.WORSE),
        ("all", Event.CLEARED),
        ("strict", Event.CLEARED),
    ]


def test_a_receiver_that_is_down_holds_up_no_other_and_gets_all_in_order(node: Node) -> None:
    sender = Sender()
    node.receivers = {"a": HOOK, "b": HOOK}
    post, sender.down = delivery(node, sender), {"a"}
    sync(node, concern())
    sync(node)
    post.deliver()
    assert sender.sent == [("b", Event.RAISED), ("b", Event.CLEARED)]
    sender.down, sender.sent = set(), []
    post.deliver()
    assert sender.sent == []
    node.passes(30)
    post.deliver()
    assert sender.sent == [("a", Event.RAISED), ("a", Event.CLEARED)]


def test_messages_to_a_receiver_that_was_removed_are_dropped(node: Node) -> None:
    sender = Sender()
    sync(node, concern())
    node.receivers = {}
    delivery(node, sender).deliver()
    assert sender.sent == []
    assert node.messages() == []


def test_a_receiver_nobody_can_tell_becomes_a_finding(node: Node) -> None:
    sender = Sender()
    sender.down = {"hook"}
    sync(node, concern())
    delivery(node, sender).deliver()
    assert list(node.telling.troubles()) == []
    node.passes(16 * 60)
    (finding,) = node.telling.troubles()
    assert finding.subject == "receiver/hook"
    assert finding.why == "hook is down."


def test_the_thread_delivers_when_called_and_ends_when_told(node: Node) -> None:
    sender = Sender()
    post = delivery(node, sender)
    post.start()
    sync(node, concern())
    node.telling.hurry()
    for _ in range(500):
        if sender.sent:
            break
        post.join(0.01)
    post.stop()
    post.join(5)
    assert not post.is_alive()
    assert sender.sent == [("hook", Event.RAISED)]


@pytest.fixture
def morning(node: Node) -> Node:
    """A node whose receiver was set up yesterday noon."""
    node.time = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    node.telling.daily()
    assert node.messages() == []
    node.time = datetime(2026, 11, 24, 6, 59, tzinfo=UTC)
    node.telling.daily()
    return node


def test_once_a_day_all_is_well(morning: Node) -> None:
    assert morning.messages() == []
    assert morning.telling.patience_s() == 60
    morning.passes(60)
    morning.telling.daily()
    morning.telling.daily()
    (document,) = morning.messages()
    message = Message.model_validate_json(document)
    assert message.event is Event.DAILY
    assert message.title() == "node1: all is well"
    morning.time += timedelta(days=1)
    morning.telling.daily()
    assert len(morning.messages()) == 2


def test_the_daily_word_names_what_is_open_and_a_missed_hour_is_made_up(morning: Node) -> None:
    sync(morning, concern(Severity.INFO))
    morning.passes(5 * 3600)
    morning.telling.daily()
    (document,) = morning.messages()
    assert Message.model_validate_json(document).title() == "node1: 1 alert open"


def test_no_daily_word_for_those_who_want_none(morning: Node) -> None:
    morning.receivers = {"hook": HOOK.model_copy(update={"all_well": ""})}
    morning.passes(3600)
    morning.telling.daily()
    assert morning.messages() == []


def test_receivers_are_read_from_their_documents() -> None:
    probe = FakeProbe(
        files={
            f"{RECEIVER_DIR}/hook.json": document_of(HOOK),
            f"{RECEIVER_DIR}/broken.json": "{",
            f"{RECEIVER_DIR}/README": "no receiver",
        }
    )
    assert read_receivers(probe) == {"hook": HOOK}
