"""Scrubs by schedule: a pool's whole content read and checked, and what came of it kept.

The kernel itself yields to other work: while clients read or write, a check goes on at
dev.raid.speed_limit_min only, 1 MB/s a disk unless it was set otherwise (md(4)).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from agents.node.care.means import Means
from agents.node.care.metrics import ScrubState
from appliance.errors import ApplianceError, BusyError, StaleError
from appliance.model.care import CareLine, ScrubRecord
from appliance.model.job import Job, JobState
from appliance.model.pool import SCRUB, PoolFound, PoolSpec, pools_in
from appliance.model.resource import ActionRequest, Finding, Severity
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.schedule import next_due
from appliance.state.care import CareBook

LOG: Final = logging.getLogger(__name__)
WHO: Final = "schedule"
LATE: Final = timedelta(days=7)
"""A scrub that could not begin for so long is told."""
BEGINS: Final = timedelta(seconds=5)
"""Between a scrub being written down and LVM having begun it."""
AGAIN: Final = timedelta(minutes=10)
"""Until one that was refused is tried again: a person has to act before."""
SOON: Final = timedelta(seconds=30)
"""Until one is tried again that something passing was in the way of."""
FAILED: Final = timedelta(hours=6)
"""Until one is tried again whose job failed: the job is told, and a person may look first."""
FOLLOW_S: Final = 30.0
"""While one runs, or waits for a job's end, the last look is considered this often, whoever took it."""
_WHOLE: Final = 100.0


class Scrubs:
    """Begins scrubs that are due, one pool at a time, and follows all that run."""

    def __init__(self, means: Means, book: CareBook, booted_at: datetime) -> None:
        """`booted_at` is when the kernel started, which knows no check of the one before it."""
        self._means = means
        self._book = book
        self._booted_at = booted_at
        self._not_before: dict[str, datetime] = {}
        """Pool -> when it is tried again."""

    def round(self, seen: NodeSnapshot) -> float | None:
        """Do what is due; seconds until something is again. Raises FullError."""
        now = self._means.now()
        pools = pools_in(seen.found)
        for name, found in pools.items():
            self._follow(name, found, seen.taken_at)
        later: list[float] = []
        for name, found in pools.items():
            at, last = self._due(name, now), self._book.last_scrub(name)
            at = at and max(at, self._not_before.get(name, at))
            held_up = self._means.job_in_the_way(f"pool/{name}")
            if at and at <= now and _is_whole(found) and not held_up:
                self._not_before[name] = now + self._begin(name)
                return FOLLOW_S
            if at is not None:
                later.append(max(FOLLOW_S, (at - now).total_seconds()))
            elif last is not None and last.ended_at is None:
                later.append(FOLLOW_S)
        return min(later, default=None)

    def findings(self) -> Iterator[Finding]:
        """Scrubs that are late."""
        now = self._means.now()
        for name in self._specs():
            due = self._due(name, now)
            if due is not None and now - due > LATE:
                yield Finding(
                    severity=Severity.WARNING,
                    subject=f"pool/{name}",
                    what=f"pool {name} should have been scrubbed on {due:%Y-%m-%d} and was not",
                    why="it waits until the pool is whole and nothing differs from the wish",
                    next_step=f"See what is in the way: appliance status; then: appliance pool "
                    f"scrub {name}",
                    cause="scrub-late",
                )

    def states(self) -> Iterator[ScrubState]:
        """Each managed pool's last scrub and its next."""
        for name in self._specs():
            due = self._due(name, self._means.now())
            yield ScrubState(name, self._book.last_scrub(name), due)

    def lines(self, name: str) -> tuple[CareLine, ...]:
        """When a pool was scrubbed last and will be next."""
        spec = self._specs().get(name)
        if spec is None:
            return ()
        last = self._book.last_scrub(name)
        return (
            CareLine(
                what="scrub",
                rhythm=spec.scrub,
                last_at=last.begun_at if last else None,
                outcome=outcome_words(last) if last else "",
                next_at=self._due(name, self._means.now()),
            ),
        )

    def ask(self, name: str) -> None:
        """Scrub a pool at the next chance."""
        self._book.ask(_key(name), self._means.now())

    def _specs(self) -> dict[str, PoolSpec]:
        wanted = self._means.wanted()
        return {item.name: item.spec for item in wanted if isinstance(item.spec, PoolSpec)}

    def _due(self, name: str, now: datetime) -> datetime | None:
        """None while one runs, and for a pool that nobody manages or wants scrubbed."""
        spec, last = self._specs().get(name), self._book.last_scrub(name)
        if spec is None or (last is not None and last.ended_at is None):
            return None
        key = _key(name)
        asked_at = self._book.asked(key)
        if asked_at is not None:
            return asked_at
        since = self._book.since(key, now)
        return next_due(spec.scrub, key, since=since, last=last.begun_at if last else None)

    def _follow(self, name: str, found: PoolFound, taken_at: datetime) -> None:
        """A scrub a person began is written down as well, when it is seen."""
        last = self._book.last_scrub(name)
        if any(state.sync_action == SCRUB for state in found.tiers.values()):
            self._book.scrub_begun(name, self._means.now(), _failed(found))
        elif last and last.ended_at is None and taken_at > last.begun_at + BEGINS:
            self._ended(last, found)

    def _ended(self, last: ScrubRecord, found: PoolFound) -> None:
        """Nothing is checked any more: what came of it."""
        means, name = self._means, last.pool
        if last.begun_at < self._booted_at:
            self._cut_off(last, "a restart")
        elif means.job_runs(f"pool/{name}"):
            return
        elif last.job is not None and means.journal.job(last.job).state is not JobState.DONE:
            self._cut_off(last, f"the end of its job {last.job}")
            self._not_before[name] = means.now() + FAILED
        else:
            mismatches = sum(state.mismatches for state in found.tiers.values())
            corrected = max(0, _failed(found) - last.failed_before)
            self._book.scrub_ended(last.number, means.now(), mismatches, corrected)
            LOG.info("scrub of pool %s: %d sectors differ, %d blocks corrected",
                     name, mismatches, corrected)  # fmt: skip

    def _cut_off(self, last: ScrubRecord, by: str) -> None:
        """Nobody knows what it would have found: it begins anew."""
        self._book.scrub_ended(last.number, self._means.now(), None, None)
        self.ask(last.pool)
        LOG.warning("the scrub of pool %s was cut off by %s, and begins anew", last.pool, by)

    def _begin(self, name: str) -> timedelta:
        """Begin it; after how long it may be tried again."""
        means, action = self._means, ActionRequest(resource=f"pool/{name}", verb="scrub")
        try:
            seen = means.fresh()
            found = pools_in(seen.found).get(name)
            failed = _failed(found) if found else 0

            def begun(job: Job) -> None:
                self._book.scrub_begun(name, means.now(), failed, job.number)

            plan = means.plan(seen, means.wanted(), action)
            if not plan.steps:
                LOG.info("pool %s is scrubbed later: nothing of it can be checked now", name)
                return SOON
            means.start(plan, WHO, frozenset({f"pool/{name}"}), begun)
        except ApplianceError as error:
            LOG.info("pool %s is scrubbed later: %s", name, error.message)
            passes = isinstance(error, (BusyError, StaleError))
            return SOON if passes else AGAIN
        self._book.answered(_key(name))
        return timedelta()


def outcome_words(record: ScrubRecord) -> str:
    """What came of a scrub."""
    if record.ended_at is None:
        return "runs"
    if record.mismatches is None:
        return "cut off"
    found = f"{record.mismatches} sectors differ" if record.mismatches else "no mismatches"
    healed = f", {record.corrected} blocks corrected" if record.corrected else ""
    return f"{found}{healed}"


def _key(pool: str) -> str:
    return f"scrub/{pool}"


def _is_whole(found: PoolFound) -> bool:
    """All disks there and in sync: redundancy that is not there cannot be checked."""
    quiet = all(
        state.sync_percent >= _WHOLE and state.sync_action in ("", "idle")
        for state in found.tiers.values()
    )
    return quiet and not any(member.missing for member in found.members)


def _failed(found: PoolFound) -> int:
    return sum(member.mismatches or 0 for member in found.members)
