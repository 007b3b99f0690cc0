"""What Prometheus is told of scrubs and self-tests: when, what came of them, when again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from agents.node.watch.exposition import Family
from appliance.model.care import ScrubRecord, SelfTestRecord
from appliance.model.disk import Disk


class ScrubState(NamedTuple):
    """How it stands with a pool's scrubs."""

    pool: str
    last: ScrubRecord | None
    next_at: datetime | None


class SelfTestState(NamedTuple):
    """How it stands with one kind of self-test of a disk."""

    disk: Disk
    kind: str
    last: SelfTestRecord | None
    next_at: datetime | None


def scrub_families(states: Iterable[ScrubState]) -> Iterator[Family]:
    """Scrubs by pool."""
    running = Family("pool_scrub_running", "1 while the pool is scrubbed.")
    begun = Family("pool_scrub_begin_timestamp_seconds", "When the newest scrub began.")
    ended = Family("pool_scrub_end_timestamp_seconds", "When the newest scrub ended.")
    found = Family("pool_scrub_mismatched_sectors", "Sectors that differed in the newest scrub.")
    healed = Family("pool_scrub_corrected_blocks", "Blocks the newest scrub wrote anew.")
    due = Family("pool_scrub_next_timestamp_seconds", "When the next scrub is due.")
    for pool, last, next_at in states:
        running.add(last is not None and last.ended_at is None, pool=pool)
        if last is not None:
            begun.add(last.begun_at.timestamp(), pool=pool)
            ended.add(_seconds(last.ended_at), pool=pool)
            found.add(last.mismatches, pool=pool)
            healed.add(last.corrected, pool=pool)
        due.add(_seconds(next_at), pool=pool)
    yield from (running, begun, ended, found, healed, due)


def self_test_families(states: Iterable[SelfTestState]) -> Iterator[Family]:
    """Self-tests by disk and kind."""
    running = Family("disk_self_test_running", "1 while the drive tests itself.")
    begun = Family("disk_self_test_begin_timestamp_seconds", "When the newest self-test began.")
    passed = Family("disk_self_test_passed", "1 when the newest self-test passed, 0 when not.")
    due = Family("disk_self_test_next_timestamp_seconds", "When the next self-test is due.")
    for disk, kind, last, next_at in states:
        labels = {"serial": disk.serial, "bay": disk.bay, "kind": kind}
        running.add(last is not None and not last.outcome, **labels)
        if last is not None:
            begun.add(last.begun_at.timestamp(), **labels)
            passed.add(last.passed, **labels)
        due.add(_seconds(next_at), **labels)
    yield from (running, begun, passed, due)


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None
