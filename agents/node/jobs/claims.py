"""Disks that unfinished jobs had consent to overwrite."""

from __future__ import annotations

from appliance.model.boot import CLAIM
from appliance.model.plan import Plan
from appliance.state.journal import Journal


def claims_of(journal: Journal) -> dict[str, str]:
    """Serial -> pool, or boot/node for the system's own disks, over all unfinished jobs."""
    found: dict[str, str] = {}
    for job in journal.jobs(unfinished=True):
        found |= _claims(journal.plan(job.plan_id))
    return found


def _claims(plan: Plan) -> dict[str, str]:
    found: dict[str, str] = {}
    for step in plan.steps:
        noun, _, name = step.resource.partition("/")
        if noun == "pool":
            found |= dict.fromkeys(step.claims, name)
        elif step.resource == CLAIM:
            found |= dict.fromkeys(step.claims, CLAIM)
    return found
