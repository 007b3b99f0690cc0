"""Which disks are being replaced now: so that the pull of another one is told as what it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.node.handlers.hands import is_replacement
from agents.node.watch.concerns import MISSING, Replacing
from appliance.kinds.load import Kinds, typed_plan
from appliance.kinds.pool_disks import disks_of
from appliance.model.job import ENDED
from appliance.model.plan import Plan
from appliance.model.pool import PoolSpec
from appliance.model.resource import Resource
from appliance.state.alerts import Alerts
from appliance.state.journal import Journal


def replacing(kinds: Kinds, journal: Journal, alerts: Alerts) -> tuple[Replacing, ...]:
    """The replacements that run, of one pool each: one acts, others wait for their rebuilds."""
    plans = (
        (job.number, journal.plan(job.plan_id))
        for job in journal.jobs(unfinished=True)
        if job.state not in ENDED
    )
    return tuple(
        Replacing(number, pool, going, _lost_before(journal, number, alerts))
        for number, plan in plans
        if is_replacement(plan)
        for pool, going in leaving(kinds, plan)
    )


def _lost_before(journal: Journal, number: int, alerts: Alerts) -> frozenset[str]:
    """Serials of the disks that did not answer already when a replacement was first begun."""
    begun = journal.job(journal.chain(number)[-1]).created_at
    missing = (alert for alert in alerts.open() if alert.cause == MISSING)
    return frozenset(alert.serial for alert in missing if alert.raised_at < begun)


def leaving(kinds: Kinds, plan: Plan) -> Iterator[tuple[str, frozenset[str]]]:
    """Each pool that gives disks up by a plan, and their serials."""
    wish = typed_plan(kinds, plan)
    after = _members(wish.after)
    for pool, disks in _members(wish.before).items():
        going = disks - after.get(pool, frozenset())
        if going:
            yield pool, going


def _members(resources: Iterable[Resource]) -> dict[str, frozenset[str]]:
    return {
        item.name: frozenset(disks_of(item.spec)) - frozenset(item.spec.spares)
        for item in resources
        if isinstance(item.spec, PoolSpec)
    }
