"""Previews: a plan is made from a fresh look at the node and kept; nothing is written to the node."""

from __future__ import annotations

from dataclasses import replace

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from appliance.api.wire import Empty
from appliance.model.plan import Plan, PlanRequest
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.beside import Scope
from appliance.planner.disks import ERASE, NOUN, disk_meant
from appliance.planner.erasing import with_method
from appliance.planner.plan import make_plan
from appliance.planner.replace import replaced
from appliance.planner.wish import Wish, imported, wish_of


def plan_make(context: Context, caller: Caller, body: PlanRequest) -> Plan:
    """Preview a change. Raises what the planner and its guard refuse it with, and BusyError for
    one of what a job that waits is changing."""
    del caller
    before = context.wanted()
    snapshot = context.looking.fresh(context.jobs.claims())
    asked = wish_of(context.kinds, body, before)
    wish = replaced(snapshot, before, imported(context.kinds, snapshot, asked))
    wish = _settled(context, snapshot, wish)
    made = make_plan(
        context.kinds,
        snapshot,
        before,
        wish.after,
        wish.action,
        plan_id=context.new_id(),
        now=context.now(),
        scope=Scope(aside=context.jobs.aside()),
    )
    context.jobs.check_beside(made)
    plan = made.model_copy(update={"asked": body.action})
    context.journal.save_plan(plan)
    return plan


def _settled(context: Context, snapshot: NodeSnapshot, wish: Wish) -> Wish:
    """The wish; how a disk is to be erased is settled with the disk itself."""
    act = wish.action
    if act is None or act.verb != ERASE or not act.resource.startswith(f"{NOUN}/"):
        return wish
    disk = disk_meant(act, snapshot)
    return replace(wish, action=with_method(act, disk, context.erase_means(disk)))


def plan_get(context: Context, caller: Caller, body: Empty, plan_id: str) -> Plan:
    """A plan made before. Raises NotFoundError."""
    del caller, body
    return context.journal.plan(plan_id)
