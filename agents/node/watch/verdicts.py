"""Verdicts on the node's disks: readings, history, what people know and what the kernel said."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

from agents.node.watch.accusing import DROPPED
from appliance.errors import FullError
from appliance.health.judge import judge, measure
from appliance.model.disk import Disk
from appliance.model.disk_record import AcknowledgedValue, KernelWord
from appliance.model.smart import SmartReading
from appliance.model.verdict import PastMeasures, Verdict
from appliance.state.disk_records import DiskRecords

T = TypeVar("T")
Show = Callable[[Sequence[tuple[Disk, Verdict]]], tuple[T, ...]]

LOG: Final = logging.getLogger(__name__)
_NEVER_READ: Final = "it has not been read since the agent knows it"
PASSING: Final = frozenset({"kernel-no-answer", DROPPED})
"""What is over when the disk comes or goes."""
IO_ERRORS: Final = "kernel-io-errors"
PULL: Final = timedelta(minutes=1)
"""Requests under way when a disk is pulled end with errors, which say nothing of the disk."""
QUIET_DAY: Final = timedelta(days=1)
"""Errors in the kernel's log count until there was none for a day; SMART keeps its own count."""


@dataclass
class _Known:
    """What is known of one disk now."""

    reading: SmartReading | None = None
    taken_at: datetime | None = None
    measures: Mapping[str, int] | None = None
    misses: int = 0
    """Polls in a row that brought nothing, though there was a reading before."""


class _Made(NamedTuple):
    """A list as it was shown last."""

    disks: tuple[Disk, ...]
    key: tuple[int, object]
    shown: tuple[Any, ...]


class Verdicts:
    """Judges disks when asked; remembers verdicts until something is new. Safe in threads."""

    def __init__(self, records: DiskRecords, now: Callable[[], datetime]) -> None:
        self._records = records
        self._now = now
        self._lock = threading.Lock()
        self._words = dict(records.kernel_words())
        self._judged: dict[str, Verdict] = {}
        self._made: _Made | None = None
        self._known = {
            serial: _Known(reading, at, measure(reading))
            for serial, (at, reading) in records.last_readings().items()
        }
        self.version = 0
        """Grows whenever a verdict may have changed."""

    def take(self, serial: str, reading: SmartReading) -> None:
        """A new reading. One that brought nothing does not replace one that did."""
        now = self._now()
        with self._lock:
            known = self._known.setdefault(serial, _Known())
            if not reading.has_health and known.measures is not None:
                known.misses += not reading.standby
            else:
                known.reading, known.taken_at, known.misses = reading, now, 0
                known.measures = measure(reading) if reading.has_health else None
            self._changed()
        if known.measures is not None and known.reading is reading:
            self._answered(serial)
            try:
                self._records.keep(serial, reading, known.measures, now)
            except FullError as error:
                LOG.warning("%s", error.message)

    def hear(self, serial: str, key: str, count: int, line: str) -> None:
        """The kernel said this of the disk."""
        self._records.heard(serial, key, count, line, self._now())
        self._reload()

    def moved(self, serial: str) -> None:
        """The disk was pulled or put in: what was said of its seat is over, and so are the errors
        that began with the pull."""
        since = self._now() - PULL
        with self._lock:
            words = self._words.get(serial, ())
        pulled = {item.measure for item in words if item.first_at >= since} & {IO_ERRORS}
        self._over(serial, {item.measure for item in words} & PASSING | pulled)

    def taken_in(self, serials: Collection[str], seen_at: datetime) -> None:
        """RAIDs were seen to use these disks: that they left them out before that is over."""
        with self._lock:
            over = [
                serial
                for serial in serials
                for item in self._words.get(serial, ())
                if item.measure == DROPPED and item.last_at < seen_at
            ]
        for serial in over:
            self._over(serial, {DROPPED})

    def acknowledge(self, serial: str, who: str) -> None:
        """What is measured of the disk now is known, until it rises."""
        values = {**(self._measures(serial) or {}), **self._noticed(serial)}
        self._records.acknowledge(serial, values, who, self._now())
        with self._lock:
            self._changed()

    def verdict(self, disk: Disk) -> Verdict:
        """What is thought of the disk now."""
        with self._lock:
            known = self._judged.get(disk.serial)
        if known is None:
            known = self._judge(disk)
        return known

    def judged(self, disks: tuple[Disk, ...], show: Show[T]) -> tuple[T, ...]:
        """What `show` makes of the disks and their verdicts: worked out once for one look and one
        state of knowledge, as lists are asked for far more often than anything changes."""
        with self._lock:
            made = self._made
        if made is not None and made.disks is disks and made.key == (self.version, show):
            shown: tuple[T, ...] = made.shown
            return shown
        version = self.version
        shown = show([(disk, self.verdict(disk)) for disk in disks])
        with self._lock:
            self._made = _Made(disks, (version, show), shown)
        return shown

    def taken_at(self, serial: str) -> datetime | None:
        """When the reading behind the verdict was taken; None without one."""
        known = self._known.get(serial)
        return known.taken_at if known else None

    def history(self, serial: str) -> tuple[PastMeasures, ...]:
        """The kept looks, oldest first."""
        return self._records.history(serial)

    def acknowledged(self, serial: str) -> tuple[AcknowledgedValue, ...]:
        """What is accepted of the disk."""
        return self._records.acknowledged(serial)

    def kernel_words(self, serial: str) -> tuple[KernelWord, ...]:
        """What the kernel said of the disk lately."""
        since = self._now() - QUIET_DAY
        with self._lock:
            words = self._words.get(serial, ())
        return tuple(item for item in words if item.measure in PASSING or item.last_at > since)

    def measures(self, serial: str) -> Mapping[str, int]:
        """The numbers of the last reading."""
        return self._measures(serial) or {}

    def _judge(self, disk: Disk) -> Verdict:
        with self._lock:
            version = self.version
            known = self._known.get(disk.serial, _Known())
            reading = known.reading or SmartReading(model=disk.model, error=_NEVER_READ)
            peers = [
                other.measures
                for serial, other in self._known.items()
                if serial != disk.serial
                and other.measures is not None
                and other.reading is not None
                and other.reading.model == reading.model
            ]
        accepted = {item.measure: item.value for item in self._records.acknowledged(disk.serial)}
        verdict = judge(
            reading,
            history=self._records.lowest(disk.serial),
            acknowledged=accepted,
            peers=peers,
            noticed=self._noticed(disk.serial),
        )
        with self._lock:
            if self.version == version:
                self._judged[disk.serial] = verdict
        return verdict

    def _measures(self, serial: str) -> Mapping[str, int] | None:
        with self._lock:
            known = self._known.get(serial)
            return known.measures if known else None

    def _noticed(self, serial: str) -> dict[str, int]:
        noticed = {item.measure: item.count for item in self.kernel_words(serial)}
        with self._lock:
            known = self._known.get(serial)
        if known and known.misses:
            noticed["smart-silent"] = known.misses
        return noticed

    def _heard(self, serial: str) -> frozenset[str]:
        with self._lock:
            return frozenset(item.measure for item in self._words.get(serial, ()))

    def _answered(self, serial: str) -> None:
        """It told its health, so it does answer."""
        self._over(serial, self._heard(serial) & {"kernel-no-answer"})

    def _over(self, serial: str, measures: Collection[str]) -> None:
        """What the kernel said is over."""
        if measures:
            self._records.unhear(serial, measures)
            self._reload()

    def _reload(self) -> None:
        words = dict(self._records.kernel_words())
        with self._lock:
            self._words = words
            self._changed()

    def _changed(self) -> None:
        """Held by the lock. Peers are judged against each other, so all are judged anew."""
        self.version += 1
        self._judged.clear()
