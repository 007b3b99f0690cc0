"""Starts and ends the threads that watch the node beside those that answer."""

from __future__ import annotations

import threading
from functools import partial
from typing import Final

from agents.node.care.care import Care
from agents.node.handlers.compose import Outside
from agents.node.handlers.context import Context
from agents.node.handlers.filling import note_fills
from agents.node.handlers.replacing import replacing
from agents.node.watch.delivery import Delivery
from agents.node.watch.ears import Ears
from agents.node.watch.polling import SmartPoll
from agents.node.watch.telling import Telling, read_receivers
from agents.node.watch.watch import Watch, Watched

LEAVE_S: Final = 5.0


class Watching:
    """The watch, the SMART poll and the delivery of messages."""

    def __init__(
        self, context: Context, outside: Outside, *, smart_every_s: float, spare_after_s: float
    ) -> None:
        telling = Telling(
            receivers=lambda: read_receivers(outside.probe()),
            alerts=context.alerts,
            outbox=context.outbox,
            host=partial(_hostname, outside),
            now=context.now,
            waiting=threading.Event(),
        )
        parts = Watched(
            kinds=context.kinds,
            looking=context.looking,
            probe=outside.probe,
            verdicts=context.verdicts,
            alerts=context.alerts,
            telling=telling,
            busy=lambda: any(job.acts for job in context.journal.jobs(unfinished=True)),
            aside=context.jobs.aside,
            now=context.now,
            disk_came=self._read_soon,
            told=context.told,
            replacing=partial(replacing, context.kinds, context.journal, context.alerts),
            seen=partial(note_fills, context.fills),
            looked=self._looked,
        )
        self._ears = Ears()
        self._watch = Watch(parts, self._ears)
        context.jobs.tell(lambda _: self._watch.settled())
        self._poll = SmartPoll(
            outside.smart,
            lambda: context.looking.recent().disks,
            outside.executor,
            self._watch.polled,
            smart_every_s,
        )
        self._delivery = Delivery(telling, outside.secrets.value)
        self._care = context.care
        if self._care is not None:
            self._care.spares.grace_s = spare_after_s

    def _looked(self) -> None:
        if self._care is not None:
            self._care.looked()

    def _read_soon(self) -> None:
        self._poll.soon()

    def start(self) -> None:
        """Begin to watch."""
        for thread in self._threads():
            thread.start()

    def stop(self) -> None:
        """End; a drive that is being read and a server that does not answer are not waited for."""
        for thread in self._threads():
            thread.stop()
        self._watch.join(LEAVE_S)
        if not self._watch.is_alive():
            self._ears.close()

    def _threads(self) -> tuple[Watch | SmartPoll | Delivery | Care, ...]:
        own = (self._watch, self._poll, self._delivery)
        return own if self._care is None else (*own, self._care)


def _hostname(outside: Outside) -> str:
    return (outside.files.read("/etc/hostname") or "").strip()
