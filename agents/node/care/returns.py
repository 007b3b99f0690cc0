"""Disks that are back: their pool takes them in again, without anybody asking.

Not where a disk of the pool ails: then a person looks first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final

from agents.node.care.means import Means
from appliance.errors import ApplianceError, BusyError, StaleError
from appliance.kinds.pool_closed import is_back
from appliance.model.disk import Disk
from appliance.model.pool import pools_in
from appliance.model.resource import Finding, Severity
from appliance.model.snapshot import NodeSnapshot
from appliance.model.verdict import Grade

LOG: Final = logging.getLogger(__name__)
WHO: Final = "return"
"""Whose jobs these are, in the journal and the audit."""
SETTLE_S: Final = 10.0
"""While a disk is being seated it may come and go."""
AGAIN_S: Final = 3600.0
"""A loose contact is not answered with one rebuild after the other."""
_AILING: Final = frozenset({Grade.PREFAIL, Grade.FAILING})
RETRY_S: Final = 30.0
"""While a job runs, or the node moved between plan and start."""


class Returns:
    """Looks in every look at the node for pools that do not use a disk they could."""

    def __init__(self, means: Means, clock: Callable[[], float]) -> None:
        self._means = means
        self._clock = clock
        self._due: dict[str, float] = {}
        """Pool -> when its disk is taken in."""
        self._not_before: dict[str, float] = {}
        self._in_vain: dict[str, ApplianceError] = {}

    def round(self, seen: NodeSnapshot) -> float | None:
        """Do what is due; seconds until something is due again. Raises FullError."""
        now, back = self._clock(), frozenset(self._pools(seen))
        self._in_vain = {name: error for name, error in self._in_vain.items() if name in back}
        self._due = {
            name: self._due.get(name, max(now + SETTLE_S, self._not_before.get(name, now)))
            for name in back
        }
        due = [name for name, at in self._due.items() if at <= now]
        free = [name for name in due if not self._means.job_runs(f"pool/{name}")]
        if free:
            self._take_in(free[0])
        if due:
            return RETRY_S
        return min((at - now for at in self._due.values()), default=None)

    def findings(self) -> Iterator[Finding]:
        """Disks that could not be taken in."""
        for name, error in self._in_vain.copy().items():
            yield Finding(
                severity=Severity.CRITICAL,
                subject=f"pool/{name}",
                what=f"pool {name} could not take in its disk that is back",
                why=error.message,
                next_step=error.hint,
                cause="return-in-vain",
            )

    def _pools(self, seen: NodeSnapshot) -> Iterator[str]:
        wanted = {item.name for item in self._means.wanted() if item.kind == "pool"}
        for name, found in pools_in(seen.found).items():
            if (
                is_back(found, seen)
                and name in wanted
                and not any(map(self._ails, _members(name, seen)))
            ):
                yield name

    def _ails(self, disk: Disk) -> bool:
        """LVM says the same of a disk that is back and of one that a RAID left out for its errors."""
        return self._means.verdicts.verdict(disk).verdict in _AILING

    def _take_in(self, name: str) -> None:
        means = self._means
        try:
            plan = means.plan(means.fresh(), means.wanted())
            if plan.steps:
                job = means.start(plan, WHO, frozenset({f"pool/{name}"}))
                LOG.warning("pool %s takes in a disk that is back, job %d", name, job.number)
        except (BusyError, StaleError) as error:
            LOG.info("pool %s takes its disk in later: %s", name, error.message)
            return
        except ApplianceError as error:
            LOG.warning("pool %s cannot take its disk in: %s", name, error.message)
            self._in_vain[name] = error
        self._not_before[name] = self._due[name] = self._clock() + AGAIN_S


def _members(pool: str, seen: NodeSnapshot) -> Iterator[Disk]:
    """The disks of a pool that are there."""
    return (disk for disk in seen.disks if disk.pool == pool and not disk.missing)
