"""Carries messages to their receivers in a thread of its own: a slow server holds up nobody."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from agents.node.watch.senders import Secret, send
from agents.node.watch.telling import Telling
from appliance.errors import ApplianceError
from appliance.model.message import Message
from appliance.model.receiver import ReceiverSpec
from appliance.state.outbox import Parcel

LOG: Final = logging.getLogger(__name__)
AFTER_TROUBLE_S: Final = 60.0

Send = Callable[[str, ReceiverSpec, Message, Secret], None]


class Delivery(threading.Thread):
    """Delivers what is due, and sleeps until the next is, or somebody calls."""

    def __init__(self, telling: Telling, secret: Secret, *, send: Send = send) -> None:
        super().__init__(name="delivery", daemon=True)
        self._outbox = telling.outbox
        self._receivers = telling.receivers
        self._secret = secret
        self._now = telling.now
        self._waiting = telling.waiting
        self._send = send
        self._over = threading.Event()

    def run(self) -> None:
        """See Thread."""
        pause_s: float | None = 0.0
        while not self._over.is_set():
            self._waiting.wait(pause_s)
            self._waiting.clear()
            try:
                self.deliver()
                pause_s = self._pause_s()
            except ApplianceError as error:
                LOG.warning("messages are not delivered now: %s", error.message)
                pause_s = AFTER_TROUBLE_S

    def stop(self) -> None:
        """No further message; one that is being sent is not waited for."""
        self._over.set()
        self._waiting.set()

    def deliver(self) -> None:
        """Try everything that is due. One receiver's trouble does not hold up another's messages."""
        receivers, troubled = self._receivers(), set[str]()
        for parcel in self._outbox.due(self._now()):
            spec = receivers.get(parcel.receiver)
            if self._over.is_set() or parcel.receiver in troubled:
                continue
            if spec is None:
                self._outbox.delivered(parcel)
            elif not self._try(parcel, spec):
                troubled.add(parcel.receiver)

    def _try(self, parcel: Parcel, spec: ReceiverSpec) -> bool:
        message = Message.model_validate_json(parcel.document)
        try:
            self._send(parcel.receiver, spec, message, self._secret)
        except ApplianceError as error:
            kept = self._outbox.failed(parcel, error.message, self._now())
            fate = "tried again later" if kept else "given up"
            LOG.warning("%s Message %d is %s.", error.message, parcel.number, fate)
            return False
        self._outbox.delivered(parcel)
        return True

    def _pause_s(self) -> float | None:
        due = self._outbox.next_due()
        return None if due is None else max(1.0, (due - self._now()).total_seconds())
