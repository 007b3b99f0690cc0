"""The node's watch: what is heard and what the clock brings becomes alerts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from agents.node.observe.kernel import KernelSaid, disks_under
from agents.node.observe.udev import Action, DeviceEvent
from agents.node.watch.accusing import accusations, by_node, used_by_all
from agents.node.watch.concerns import (
    Replacing,
    about_disk,
    concerns_of,
    disk_findings,
    missing_disk,
    node_findings,
)
from agents.node.watch.ears import Heard, Listens
from agents.node.watch.looking import Looking
from agents.node.watch.telling import Telling
from agents.node.watch.verdicts import Verdicts
from appliance.errors import ApplianceError
from appliance.kinds.base import Probe
from appliance.kinds.registry import AnyKind
from appliance.model.alert import AlertTurn, Concern
from appliance.model.pool import FULL_CAUSES
from appliance.model.resource import Finding
from appliance.model.snapshot import NodeSnapshot
from appliance.state.alerts import Alerts

LOG: Final = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 300.0
"""What nothing tells of by itself, such as a file system filling up, is seen this soon."""
LEAST_GAP_S: Final = 5.0
"""Between two looks that are not urgent: device-mapper has an event for every step of a job."""
SHARE: Final = 20
"""A look that took a second is followed by twenty without one, so watching takes 5 % at most."""


def _in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="look", daemon=True).start()


@dataclass(frozen=True)
class Watched:
    """What the watch works with."""

    kinds: Mapping[str, AnyKind]
    looking: Looking
    probe: Callable[[], Probe]
    verdicts: Verdicts
    alerts: Alerts
    telling: Telling
    busy: Callable[[], bool]
    """Whether a job acts: what it has half built is no reason for an alert."""
    now: Callable[[], datetime]
    aside: Callable[[], frozenset[str]] = frozenset
    """What jobs that wait are changing: its pools are as half built meanwhile."""
    disk_came: Callable[[], None] = lambda: None
    """Called when a disk was put in."""
    told: Callable[[], Iterable[Finding]] = tuple
    """What others have to tell of the node: spares that took over, scrubs that are late."""
    replacing: Callable[[], tuple[Replacing, ...]] = tuple
    """The replacements that run."""
    seen: Callable[[NodeSnapshot], None] = lambda _: None
    """Called with what a look saw."""
    looked: Callable[[], None] = lambda: None
    """Called when the node was looked at, or a disk went."""
    clock: Callable[[], float] = time.monotonic
    apart: Callable[[Callable[[], None]], None] = _in_a_thread
    """Does a look beside the hearing."""


class Watch(threading.Thread):
    """Listens until told to stop. It is never deaf: looks are taken beside it."""

    def __init__(self, parts: Watched, ears: Listens) -> None:
        super().__init__(name="watch", daemon=True)
        self._parts = parts
        self._ears = ears
        self._over = False
        self._polled = threading.Event()
        self._settled = threading.Event()
        self._turn = threading.Lock()
        """Held while alerts are brought in line with what was heard or seen."""
        self._looks = False
        """A look is under way."""
        self._moved = False
        """Disks came or went, or a job ended, since the last look began."""
        self._moves = 0
        self._again = False
        """Something was told since the last look began that a look would explain."""
        self._came = False
        """A disk was put in since the last look."""
        self._look_at = parts.clock()
        """When the next look is due, by the clock."""
        self._next_gap_s = LEAST_GAP_S
        self._looked_at = parts.clock() - LEAST_GAP_S

    def run(self) -> None:
        """See Thread."""
        while not self._over:
            try:
                self.hear(self._ears.listen(self.patience_s()))
            except ApplianceError as error:
                LOG.warning("the watch goes on in spite of: %s %s", error.message, error.hint)
                self._look_at = self._parts.clock() + LEAST_GAP_S

    def stop(self) -> None:
        """Listen no more."""
        self._over = True
        self._ears.wake()

    def polled(self) -> None:
        """SMART was read: judge anew. Safe from any thread."""
        self._polled.set()
        self._ears.wake()

    def settled(self) -> None:
        """A job has come to rest: what it changed is looked at now. Safe from any thread."""
        self._settled.set()
        self._ears.wake()

    def patience_s(self) -> float:
        """How long to listen before the clock brings something."""
        patience_s = self._parts.telling.patience_s()
        if self._looks:
            return patience_s  # its end wakes
        return max(0.0, min(self._look_at - self._parts.clock(), patience_s))

    def hear(self, heard: Heard) -> None:
        """Act on what was heard, then on what is due. Raises ApplianceError."""
        clock = self._parts.clock
        if heard != Heard():
            self._parts.looking.forget()
        with self._turn:
            if self._devices(heard.devices) or heard.lost:
                self._moved = True
                self._moves += 1
            news = self._kernel(heard.said)
        if self._settled.is_set():
            self._settled.clear()
            self._moved = True
        if self._moved:
            self._look_at = clock()
        elif heard.mapper or news:
            self._again = True
            self._look_at = min(self._look_at, max(clock(), self._looked_at + self._next_gap_s))
        if self._polled.is_set():
            self._polled.clear()
            with self._turn:
                self._judge(self._parts.looking.last())
        if clock() >= self._look_at and not self._looks:
            self._looks = True
            self._parts.apart(self.look)
        self._parts.telling.daily()

    def look(self) -> None:
        """Look at the node and bring the alerts in line; what cannot be read is tried again soon.

        In a thread of its own: a dying disk may hold a look up, and pulls are heard meanwhile.
        """
        parts, begun, moves = self._parts, self._parts.clock(), self._moves
        urgent, pause_s = self._moved, LOOK_EVERY_S
        self._moved = self._again = False
        try:
            seen = parts.looking.anew() if urgent else parts.looking.recent()
            if self._came:
                self._came = False
                parts.disk_came()
            self._bring_in_line(seen, moves)
            parts.seen(seen)
        except ApplianceError as error:
            LOG.warning("the watch goes on in spite of: %s %s", error.message, error.hint)
            pause_s = LEAST_GAP_S
        finally:
            ended = parts.clock()
            self._next_gap_s = max(LEAST_GAP_S, SHARE * (ended - begun))
            pause_s = min(pause_s, self._next_gap_s) if self._again else pause_s
            self._looked_at, self._look_at = ended, ended + (0 if self._moved else pause_s)
            self._looks = False
            parts.looked()
            self._ears.wake()

    def _bring_in_line(self, seen: NodeSnapshot, moves: int) -> None:
        """Alerts by a look. One that disks came or went during is not to be believed."""
        parts = self._parts
        with self._turn:
            if moves != self._moves:
                return
            if parts.busy():
                self._judge(seen)
                return
            parts.verdicts.taken_in(used_by_all(seen), seen.taken_at)
            disks = {disk.serial: disk for disk in seen.disks}
            findings = node_findings(parts.kinds, seen, parts.verdicts)
            told = (*parts.told(), *parts.telling.troubles())
            aside = {item for item in parts.aside() if item.startswith("pool/")}
            open_to_all = (
                item
                for item in (*findings, *told)
                if item.subject not in aside or item.cause in FULL_CAUSES
            )
            concerns = concerns_of(open_to_all, disks, parts.verdicts)
            # What could not be read is not over: its alerts stay until it is seen again.
            self._sync(
                concerns,
                covers=lambda subject: (
                    subject not in aside and subject.partition("/")[0] not in seen.unread
                ),
            )

    def _judge(self, seen: NodeSnapshot | None) -> None:
        """Alerts of disks only."""
        if seen is None:
            return
        verdicts = self._parts.verdicts
        disks, replacing = {disk.serial: disk for disk in seen.disks}, self._parts.replacing()
        own = (
            finding
            for disk in seen.disks
            for finding in disk_findings(disk, verdicts.verdict(disk), replacing)
        )
        told = (item for item in self._parts.told() if item.subject.startswith("disk/"))
        concerns = tuple(concerns_of((*own, *told), disks, verdicts))
        self._sync(concerns, covers=lambda subject: subject.startswith("disk/"))

    def _devices(self, events: Iterable[DeviceEvent]) -> bool:
        """A member that went is told before the look, which a dying disk may hold up.

        Whether a look is due: the kernel and udev both tell of a disk that went.
        """
        seen = self._parts.looking.last()
        disks = by_node(seen)
        gone: list[Concern] = []
        moved = False
        for event in events:
            disk = disks.get(event.node)
            if event.action is Action.ADD:
                LOG.info("disk %s was put in", event.serial or event.node)
                self._came = moved = True
                self._parts.verdicts.moved(event.serial)
                self._parts.looking.came(event.node)
            elif disk is not None:
                LOG.info("the disk in %s went", disk.where)
                moved = True
                self._parts.verdicts.moved(disk.serial)
                if disk.pool and disk.paths in {(), (event.node,)}:
                    lost = missing_disk(disk, self._parts.replacing())
                    gone.append(about_disk(lost, disk, self._parts.verdicts))
        if gone:
            self._parts.looking.gone({concern.serial for concern in gone})
            self._sync(gone, covers=lambda _: False)
        if self._came:
            self._judge(self._parts.looking.last())
        return moved

    def _kernel(self, said: Collection[KernelSaid]) -> bool:
        """Count what was said of each disk, and tell of it before the look.

        Whether any of it is new: looking at a dead disk makes the kernel say the same again.
        """
        if not said:
            return False
        parts, seen, probe = self._parts, self._parts.looking.last(), self._parts.probe()
        told = accusations(said, seen, lambda node: disks_under(probe, node), self._known)
        news = False
        for serial, measure, count, line in told:
            if measure not in self._known(serial):
                LOG.warning("disk %s, %d x %s: %s", serial, count, measure, line)
                news = True
            parts.verdicts.hear(serial, measure, count, line)
        if told:
            self._judge(seen)
        return news

    def _known(self, serial: str) -> frozenset[str]:
        return frozenset(word.measure for word in self._parts.verdicts.kernel_words(serial))

    def _sync(self, concerns: Iterable[Concern], *, covers: Callable[[str], bool]) -> None:
        parts = self._parts
        turns = parts.alerts.sync(
            concerns, parts.now(), covers=covers, tell=parts.telling.write_down
        )
        for item in turns:
            _log(item)
        if turns:
            parts.telling.hurry()


def _log(item: AlertTurn) -> None:
    alert = item.alert
    LOG.warning(
        "alert %d %s: %s: %s (next: %s)",
        alert.number, item.turn, alert.severity, alert.what, alert.next_step,
    )  # fmt: skip
