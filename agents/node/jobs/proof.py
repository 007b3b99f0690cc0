"""A job is done only when observing and planning again gives an empty plan."""

from __future__ import annotations

from agents.node.jobs.bench import Bench
from agents.node.jobs.claims import claims_of
from appliance.kinds.load import typed_plan
from appliance.model.plan import Plan
from appliance.planner.plan import make_plan


def left_to_do(bench: Bench, plan: Plan) -> tuple[str, ...]:
    """Titles of the steps still to do after a plan was carried out; acts are not asked again.

    Raises whatever observing or planning raises.
    """
    return tuple(step.title for step in _again(bench, plan).steps)


def left_to_undo(bench: Bench, plan: Plan) -> tuple[str, ...]:
    """Titles of the steps still to do after a plan was taken back.

    What was wanted before and after alike is left out: it drifted before the job already, and
    the job was to repair it.
    """
    same = {item.id: item.spec for item in plan.before}
    same = {item.id: item.spec for item in plan.after if same.get(item.id) == item.spec}
    back = plan.model_copy(update={"before": plan.after, "after": plan.before})
    steps = _again(bench, back).steps
    return tuple(step.title for step in steps if step.resource not in same)


def _again(bench: Bench, plan: Plan) -> Plan:
    wanted = typed_plan(bench.kinds, plan)
    return make_plan(
        bench.kinds,
        bench.observe(claims_of(bench.journal)),
        wanted.before,
        wanted.after,
        plan_id=bench.new_id(),
        now=bench.now(),
    )
