"""SMART self-tests by schedule: short weekly, long monthly, spread over the days, one an HBA.

A disk that sleeps is left asleep, and asked again an hour later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from agents.node.apply.handles import Runs
from agents.node.care.metrics import SelfTestState
from agents.node.observe.smart import SmartCache, SmartTarget, read_smart, smart_targets
from agents.node.observe.smart_device import SelfTestKind, SelfTests, StartOutcome
from appliance.errors import ApplianceError
from appliance.model.care import CareLine, SelfTestRecord
from appliance.model.disk import Disk
from appliance.model.pool import Rhythm
from appliance.model.resource import Finding
from appliance.model.smart import SelfTest, SmartReading
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.schedule import next_due
from appliance.state.care import CareBook

LOG: Final = logging.getLogger(__name__)
RHYTHMS: Final[Mapping[str, Rhythm]] = {"long": Rhythm.MONTHLY, "short": Rhythm.WEEKLY}
"""The thorough one first: it covers the other. smartd.conf(5)'s example is daily and weekly, for a
few disks at home; a chassis has redundancy, and scrubs that read every block in use."""
LOGGED_AS: Final = {"long": "extended", "short": "short"}
LATER: Final = timedelta(hours=1)
"""Until a disk that sleeps is asked again."""
MUCH_LATER: Final = timedelta(days=1)
"""Until one that tells nothing of itself is."""
LONGEST: Final = timedelta(days=4)
"""A long test reads all of a disk: 30 TB at 100 MB/s take three and a half days."""
NO_WORD: Final = "nothing was heard of it"
SETTLES: Final = timedelta(minutes=1)
"""A drive's log may not show a test that has just begun."""

Begin = Callable[[SmartTarget, str], tuple[bool, str]]
"""Begins a self-test: whether it runs now, and the drive's words."""


class _Due(NamedTuple):
    at: datetime
    kind: str
    disk: Disk
    target: SmartTarget


class SelfTestRounds:
    """Begins self-tests that are due and keeps what came of them."""

    def __init__(
        self,
        book: CareBook,
        cache: SmartCache,
        executor: Runs,
        now: Callable[[], datetime],
        *,
        note: Callable[[str, str, str, str], None],
        begin: Begin | None = None,
    ) -> None:
        """`note` writes a line into the audit: who, what, subject, outcome."""
        self._book = book
        self._cache = cache
        self._executor = executor
        self._now = now
        self._note = note
        self._begin = begin or self._begin_on_drive
        self._not_before: dict[str, datetime] = {}

    def round(self, seen: NodeSnapshot) -> float | None:
        """Do what is due; seconds until something is again. Raises FullError."""
        now = self._now()
        self._finish()
        waiting = sorted(self._waiting(seen.disks), key=lambda item: item.at)
        for item in waiting:
            if item.at > now:
                return (item.at - now).total_seconds()
            if not self._taken(item.target, seen.disks):
                self._start(item)
                return 1.0
        return LATER.total_seconds() if waiting else None

    def findings(self) -> Iterator[Finding]:
        """None: a failed self-test is in the drive's log, and the verdict tells it."""
        return iter(())

    def states(self, disks: Iterable[Disk]) -> Iterator[SelfTestState]:
        """Each disk's last self-test and its next, by kind."""
        by_serial = {disk.serial: disk for disk in disks}
        for target in smart_targets(by_serial.values()):
            for kind in RHYTHMS:
                last = self._book.last_test(target.serial, kind)
                due = self._due(target.serial, kind)
                yield SelfTestState(by_serial[target.serial], kind, last, due)

    def lines(self, disk: Disk) -> tuple[CareLine, ...]:
        """When a disk was tested last and will be next."""
        if not smart_targets((disk,)):
            return ()
        return tuple(
            CareLine(
                what=f"{kind} self-test",
                rhythm=rhythm,
                last_at=last.begun_at if last else None,
                outcome=(last.outcome or "runs") if last else "",
                next_at=self._due(disk.serial, kind),
            )
            for kind, rhythm in RHYTHMS.items()
            for last in (self._book.last_test(disk.serial, kind),)
        )

    def _waiting(self, disks: Iterable[Disk]) -> Iterator[_Due]:
        by_serial = {disk.serial: disk for disk in disks}
        for target in smart_targets(by_serial.values()):
            for kind in RHYTHMS:
                at = self._due(target.serial, kind)
                if at is not None:
                    later = self._not_before.get(target.serial, at)
                    yield _Due(max(at, later), kind, by_serial[target.serial], target)

    def _due(self, serial: str, kind: str) -> datetime | None:
        """None while one runs."""
        last = self._book.last_test(serial, kind)
        if last is not None and not last.outcome:
            return None
        key = f"{kind}-test/{serial}"
        since = self._book.since(key, self._now())
        return next_due(RHYTHMS[kind], key, since=since, last=last.begun_at if last else None)

    def _taken(self, target: SmartTarget, disks: Iterable[Disk]) -> bool:
        """A test runs on it or on a neighbour at the same HBA, whoever began it."""
        hbas = {item.serial: item.hba for item in smart_targets(disks)}
        ours = {record.serial for record in self._book.running_tests()}
        others = {
            serial
            for serial, reading in self._cache.readings().items()
            if reading.self_test_remaining_percent is not None
        }
        return any(hbas.get(serial) == target.hba for serial in ours | others)

    def _start(self, due: _Due) -> None:
        reading = read_smart(self._executor.run, due.target)
        if reading.standby or reading.error:
            wait = LATER if reading.standby else MUCH_LATER
            self._not_before[due.disk.serial] = self._now() + wait
            return
        try:
            runs, words = self._begin(due.target, due.kind)
        except ApplianceError as error:
            runs, words = False, error.message
        LOG.info("%s self-test of %s: %s", due.kind, due.disk.where, words)
        self._book.test_begun(
            SelfTestRecord(
                serial=due.disk.serial,
                kind=due.kind,
                begun_at=self._now(),
                outcome="" if runs else f"not begun: {words}",
            )
        )
        self._note("schedule", f"{due.kind} self-test", f"disk/{due.disk.serial}", words)

    def _begin_on_drive(self, target: SmartTarget, kind: str) -> tuple[bool, str]:
        result = SelfTests(target, self._executor.run).start(SelfTestKind(kind))
        runs = result.outcome in (StartOutcome.STARTED, StartOutcome.ALREADY_RUNNING)
        return runs, result.message

    def _finish(self) -> None:
        readings, shorts, now = self._cache.readings(), self._cache.shorts(), self._now()
        for record in self._book.running_tests():
            reading, short = readings.get(record.serial), shorts.get(record.serial)
            if now - record.begun_at > LONGEST:
                self._book.test_begun(record.model_copy(update={"outcome": NO_WORD}))
                continue
            if reading is None or short is None or reading.error:
                continue
            taken_at = now - timedelta(seconds=short.age_s)
            over = reading.self_test_remaining_percent is None
            if over and taken_at > record.begun_at + SETTLES:
                self._book.test_begun(_ended(record, reading))


def _ended(record: SelfTestRecord, reading: SmartReading) -> SelfTestRecord:
    logged: SelfTest | None = next(
        (item for item in reading.self_tests if item.kind == LOGGED_AS[record.kind]), None
    )
    outcome = logged.outcome if logged else ""
    facts = {
        "outcome": outcome or "the drive does not tell what came of it",
        "passed": logged.passed if logged else None,
    }
    return record.model_copy(update=facts)
