"""What the node does by itself: spares that took over, scrubs and self-tests, and what came of it."""

from __future__ import annotations

from datetime import datetime

from appliance.model.base import Value
from appliance.model.pool import Rhythm


class CareLine(Value):
    """Something done by a schedule: when it was done last, what came of it, when it is due next."""

    what: str
    """In words: "scrub", "short self-test"."""
    rhythm: Rhythm
    last_at: datetime | None = None
    outcome: str = ""
    """Of the last time, in words; empty when there was none."""
    next_at: datetime | None = None
    """None when it is never done by itself."""


class TakeoverRecord(Value):
    """A spare that took a disk's place."""

    number: int
    pool: str
    spare: str = ""
    """Name of the global spare it was; empty for one of the pool's own."""
    old_serial: str
    old_bay: str
    new_serial: str
    new_bay: str
    spares_left: int = 0
    """How many spares of its own the pool had left then."""
    job: int
    at: datetime
    over_at: datetime | None = None
    """When there was a spare again."""


class ScrubRecord(Value):
    """One scrub of a pool."""

    number: int
    pool: str
    begun_at: datetime
    ended_at: datetime | None = None
    mismatches: int | None = None
    """Sectors whose copies or parity disagreed; None while it runs, and when it was cut off."""
    corrected: int | None = None
    """Blocks that failed their checksum meanwhile and were written anew from the other disks."""
    failed_before: int = 0
    """Blocks that had failed their checksum before it began, as dm-integrity counts them."""
    job: int | None = None
    """The job that began it; None for one that was only seen to run."""


class SelfTestRecord(Value):
    """A self-test that was begun by the schedule."""

    serial: str
    kind: str
    begun_at: datetime
    outcome: str = ""
    """In words; empty while it runs."""
    passed: bool | None = None
