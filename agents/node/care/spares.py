"""Hot spares: a lost or failing member's place is taken by a spare, without anybody asking."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from agents.node.care.means import Means
from agents.node.care.spare_words import in_vain, takeover_finding
from appliance.errors import ApplianceError, BusyError, StaleError
from appliance.kinds.pool_disks import disks_of
from appliance.kinds.pool_steps import tag_text
from appliance.model.care import TakeoverRecord
from appliance.model.disk import Disk, DiskRole
from appliance.model.job import Job, JobState
from appliance.model.pool import PoolSpec, SparesFor
from appliance.model.resource import ActionRequest, Finding, Resource
from appliance.model.snapshot import NodeSnapshot
from appliance.model.verdict import Confidence, Grade, Part
from appliance.planner.spares import Takeover, has_spares, refilled, takeover
from appliance.state.care import CareBook

LOG: Final = logging.getLogger(__name__)
WHO: Final = "spare"
"""Whose jobs these are, in the journal and the audit."""
GRACE_S: Final = 300.0
"""A disk that is seated again within five minutes needs no spare and no rebuild."""
RETRY_S: Final = 30.0
"""While a job runs, or the node moved between plan and start."""


class _Loss(NamedTuple):
    disk: Disk
    spec: PoolSpec


class Spares:
    """Looks for losses in every look at the node, and acts when one has lasted."""

    def __init__(
        self,
        means: Means,
        book: CareBook,
        clock: Callable[[], float],
        taken: Callable[[Disk, int], None],
    ) -> None:
        """`taken` hears of each disk whose place is taken, and of the job."""
        self._means = means
        self._book = book
        self._clock = clock
        self._taken = taken
        self.grace_s = GRACE_S
        self._since: dict[str, float] = {}
        """Serial -> when its loss was noticed."""
        self._in_vain: dict[str, ApplianceError] = {}
        """Serial -> why no spare took its place."""

    def round(self, seen: NodeSnapshot) -> float | None:
        """Do what is due; seconds until something is due again. Raises FullError."""
        wanted = self._means.wanted()
        losses = tuple(self._losses(seen, wanted))
        serials = {loss.disk.serial for loss in losses}
        self._since = {key: at for key, at in self._since.items() if key in serials}
        self._in_vain = {key: error for key, error in self._in_vain.items() if key in serials}
        now = self._clock()
        for serial in serials:
            self._since.setdefault(serial, now)
        due = [loss for loss in losses if now >= self._since[loss.disk.serial] + self.grace_s]
        later = [self._since[serial] + self.grace_s - now for serial in serials]
        if (due or self._refills(seen)) and self._means.job_in_the_way():
            return RETRY_S
        if due:
            # A pool whose rebuild is waited for does not keep another pool's spare waiting.
            free = [loss for loss in due if not self._held(loss.disk.pool)]
            settled = any(self._take_over(loss.disk, wanted) for loss in free)
            return None if settled and len(due) == 1 else RETRY_S
        self._forget_what_is_over(seen, wanted)
        self._refill(seen, wanted)
        return min((item for item in later if item > 0), default=None)

    def findings(self) -> Iterator[Finding]:
        """Spares at work, what to do about the disks whose places they took, and failed tries."""
        for record in self._book.takeovers():
            yield takeover_finding(record, self._means.journal.job(record.job))
        for serial, error in self._in_vain.copy().items():
            yield in_vain(serial, error)

    # --- who is lost

    def _losses(self, seen: NodeSnapshot, wanted: tuple[Resource, ...]) -> Iterator[_Loss]:
        """Members no spare took the place of yet; lost ones first, one that only fails after."""
        specs = {
            item.name: item.spec
            for item in wanted
            if isinstance(item.spec, PoolSpec) and has_spares(wanted, item.name)
        }
        tried = {record.old_serial for record in self._book.takeovers()}
        busy = {record.pool for record in self._book.takeovers() if not self._done(record)}
        members = [
            _Loss(disk, specs[disk.pool])
            for disk in seen.disks
            if disk.role is not DiskRole.SPARE and disk.pool in specs and disk.pool not in busy
            if disk.serial not in tried
        ]
        yield from (loss for loss in members if loss.disk.missing)
        yield from (loss for loss in members if not loss.disk.missing and self._fails(loss))

    def _fails(self, loss: _Loss) -> bool:
        if loss.spec.spares_for is not SparesFor.FAILING:
            return False
        verdict = self._means.verdicts.verdict(loss.disk)
        sure = verdict.confidence is not Confidence.LOW
        return sure and verdict.verdict is Grade.FAILING and verdict.part is Part.DISK

    def _held(self, pool: str) -> bool:
        return self._means.job_in_the_way(f"pool/{pool}")

    def _done(self, record: TakeoverRecord) -> bool:
        return self._means.journal.job(record.job).state is JobState.DONE

    # --- taking over

    def _take_over(self, lost: Disk, wanted: tuple[Resource, ...]) -> bool:
        """Whether trying again soon would be of no use, for good or bad."""
        means = self._means
        try:
            seen = means.fresh()
            old = seen.disk(lost.serial)
            if old is None or old.missing is not lost.missing or old.pool != lost.pool:
                return False
            taken = takeover(seen, wanted, old)
            asked = ActionRequest(
                resource=f"disk/{old.serial}", verb="replace", arguments={"with": taken.new.serial}
            )
            plan = means.plan(seen, taken.wish.after, asked=asked)
            touches = frozenset({f"pool/{old.pool}", f"spare/{taken.spare}"})
            begun = partial(self._begun, taken, _left(taken))
            names = frozenset({old.serial, tag_text(old.serial)})
            job = means.start(plan, WHO, touches, begun, gives_up=names)
        except (BusyError, StaleError) as error:
            LOG.info("a spare takes over later: %s", error.message)
            return False
        except ApplianceError as error:
            LOG.warning("no spare takes the place of %s: %s", lost.where, error.message)
            self._in_vain[lost.serial] = error
        else:
            self._in_vain.pop(lost.serial, None)
            LOG.warning("the spare %s takes the place of %s, job %d",
                        taken.new.where, old.where, job.number)  # fmt: skip
        return True

    def _begun(self, taken: Takeover, left: int, job: Job) -> None:
        self._book.took_over(
            TakeoverRecord(
                number=0,
                pool=taken.old.pool,
                spare=taken.spare,
                old_serial=taken.old.serial,
                old_bay=taken.old.bay,
                new_serial=taken.new.serial,
                new_bay=taken.new.bay,
                spares_left=left,
                job=job.number,
                at=self._means.now(),
            )
        )
        self._taken(taken.old, job.number)

    # --- a spare again

    def _refills(self, seen: NodeSnapshot) -> tuple[tuple[TakeoverRecord, Disk], ...]:
        """Blank disks put where one was lost, of its kind; a new one is admitted by the plan."""
        found = []
        for record in self._book.takeovers():
            used = seen.disk(record.new_serial)
            for disk in seen.disks if self._done(record) and record.old_bay and used else ():
                fits = disk.on_hand and disk.serial != record.old_serial
                like = used is not None and disk.medium is used.medium
                if fits and like and disk.bay == record.old_bay:
                    found.append((record, disk))
        return tuple(found)

    def _refill(self, seen: NodeSnapshot, wanted: tuple[Resource, ...]) -> None:
        for record, disk in self._refills(seen):
            if self._held(record.pool):
                continue
            try:
                after = refilled(wanted, record.pool, record.spare, disk)
                plan = self._means.plan(self._means.fresh(), after)
                touches = frozenset({f"pool/{record.pool}", f"spare/{record.spare}"})
                self._means.start(plan, WHO, touches)
            except ApplianceError as error:
                LOG.info("%s does not become the spare yet: %s", disk.where, error.message)
            return

    def _forget_what_is_over(self, seen: NodeSnapshot, wanted: tuple[Resource, ...]) -> None:
        for record in self._book.takeovers():
            state = self._means.journal.job(record.job).state
            old = seen.disk(record.old_serial)
            back = state is JobState.UNDONE and old is not None and not old.missing
            if back or is_over(record, wanted, done=state is JobState.DONE):
                self._book.takeover_over(record.number, self._means.now())


def is_over(record: TakeoverRecord, wanted: tuple[Resource, ...], *, done: bool) -> bool:
    """Whether a spare was named again, somebody replaced the disk otherwise, or the pool is gone."""
    pool = next((item for item in wanted if item.id == f"pool/{record.pool}"), None)
    if pool is None or not isinstance(pool.spec, PoolSpec):
        return True
    members = {serial for serial in disks_of(pool.spec) if serial not in pool.spec.spares}
    if not done:
        return not members & {record.old_serial, record.new_serial}
    if record.spare:
        return any(item.id == f"spare/{record.spare}" for item in wanted)
    return len(pool.spec.spares) > record.spares_left


def _left(taken: Takeover) -> int:
    pools = (item.spec for item in taken.wish.after if item.id == f"pool/{taken.old.pool}")
    return next((len(spec.spares) for spec in pools if isinstance(spec, PoolSpec)), 0)
