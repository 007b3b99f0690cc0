"""Whether a plan still fits a node that is not quite as it was when the plan was made.

A node with a hundred disks is never still: udev reads a label late, a disk elsewhere is
pulled. So what counts is not that the node is the same, but that planning again gives the same.
"""

from __future__ import annotations

from agents.node.jobs.bench import Bench
from agents.node.jobs.reach import reach_of
from agents.node.jobs.words import some
from appliance.errors import ApplianceError
from appliance.kinds.load import typed_plan
from appliance.model.base import digest
from appliance.model.plan import Plan
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import Step
from appliance.planner.beside import Scope
from appliance.planner.plan import make_plan, unread_warnings


def no_longer_fits(bench: Bench, plan: Plan, chain: tuple[int, ...], seen: NodeSnapshot) -> str:
    """Why a plan does not fit what is seen now, in words; empty when it does.

    It fits when the node is as it was, or when planning again from what is seen gives the same
    steps on the same disks, and nothing more to be confirmed or warned of.
    """
    if seen.digest() == plan.digest:
        return ""
    try:
        again = _again(bench, plan, chain, seen)
    except ApplianceError as error:
        return f"Planned again it is refused: {error.message}"
    if different := _different_steps(plan.steps, again.steps):
        return different
    if digest(again.claims) != digest(plan.claims):
        return "What is on the disks it overwrites is not what it was."
    given = frozenset[str]().union(*(bench.journal.confirmed(number) for number in chain))
    known = given.union(item.token for item in plan.confirmations)
    if asked := tuple(item.why for item in again.confirmations if item.token not in known):
        return f"Planned again it needs one more confirmation: {some(asked)}."
    said = {*plan.warnings, *unread_warnings(seen)}  # the second comes and goes, and was judged
    if warned := tuple(item for item in again.warnings if item not in said):
        return f"Planned again it comes with one more warning: {some(warned)}"
    return ""


def _again(bench: Bench, plan: Plan, chain: tuple[int, ...], seen: NodeSnapshot) -> Plan:
    """The plan as it would be made now, for the same wish and as of the same moment."""
    typed = typed_plan(bench.kinds, plan)
    scope = Scope(aside=frozenset(plan.aside))
    if chain:
        older = bench.journal.plan(bench.journal.job(chain[0]).plan_id)
        scope = reach_of(bench, older, chain).scope
    return make_plan(
        bench.kinds,
        seen,
        typed.before,
        typed.after,
        plan.action,
        plan_id=plan.id,
        now=plan.created_at,
        continues=plan.continues,
        scope=scope,
    )


def _different_steps(planned: tuple[Step, ...], again: tuple[Step, ...]) -> str:
    """The first step that differs, in words."""
    for number, (old, new) in enumerate(zip(planned, again, strict=False), start=1):
        if digest(old) != digest(new):
            return (
                f"Planned again, step {number} would be '{new.title}', not '{old.title}'."
                if old.title != new.title
                else f"Planned again, step {number} ('{new.title}') would be done otherwise."
            )
    if len(planned) != len(again):
        return f"Planned again it has {len(again)} steps, not {len(planned)}."
    return ""
