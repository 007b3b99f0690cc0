"""A job is done only when observing and planning again gives an empty plan."""

from __future__ import annotations

from dataclasses import replace

from agents.node.jobs.bench import Bench
from agents.node.jobs.claims import claims_of
from agents.node.jobs.reach import Reach, reach_of, touched_by
from appliance.model.plan import Plan
from appliance.planner.plan import make_plan
from appliance.planner.unread import not_seen, unseen


def left_to_do(bench: Bench, plan: Plan, chain: tuple[int, ...]) -> tuple[str, ...]:
    """Titles of the steps still to do after the plan of a chain's newest job was carried out;
    acts are not asked again.

    Raises whatever observing or planning raises.
    """
    return tuple(step.title for step in _again(bench, reach_of(bench, plan, chain), chain).steps)


def left_to_undo(bench: Bench, plan: Plan, chain: tuple[int, ...]) -> tuple[str, ...]:
    """Titles of the steps still to do after a plan was taken back.

    What was wanted before and after alike is left out: it drifted before the job already, and
    the job was to repair it.
    """
    reach = reach_of(bench, plan, chain)
    same = {item.id: item.spec for item in reach.before}
    same = {item.id: item.spec for item in reach.after if same.get(item.id) == item.spec}
    back = replace(reach, before=reach.after, after=reach.before)
    again = _again(bench, back, chain)
    return tuple(step.title for step in again.steps if step.resource not in same)


def _again(bench: Bench, reach: Reach, chain: tuple[int, ...]) -> Plan:
    """Raises RefusedError when what the jobs changed cannot be seen: that would look as wanted."""
    seen = bench.observe(claims_of(bench.journal))
    blind = unseen(bench.kinds, seen, reach.before, reach.after)
    for resource in sorted(touched_by(bench.journal, chain) & blind.keys()):
        raise not_seen(seen, resource, blind[resource])
    return make_plan(
        bench.kinds,
        seen,
        reach.before,
        reach.after,
        plan_id=bench.new_id(),
        now=bench.now(),
        scope=reach.scope,
    )
