"""Is all well, what is not, what next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from agents.node.handlers.filling import runways
from agents.node.handlers.loose_ends import in_the_making, unmanaged
from agents.node.watch.concerns import node_findings
from appliance.api.wire import Empty, Status
from appliance.errors import ApplianceError
from appliance.model.job import ENDED, Job
from appliance.model.resource import Finding, Severity
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.beside import Scope
from appliance.planner.plan import make_plan

_ORDER: Final = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


def status(context: Context, caller: Caller, body: Empty) -> Status:
    """The node in one screen."""
    del caller, body
    seen = context.looking.recent()
    unfinished = context.journal.jobs(unfinished=True)
    drift, doubts = _drift(context, seen, unfinished)
    told = _told(context, seen, unfinished)
    findings = sorted((*told, *doubts), key=lambda item: _ORDER.index(item.severity))
    serious = any(item.severity is not Severity.INFO for item in findings)
    counts = {"disk": len(seen.disks)} | _counts(context, seen)
    return Status(
        host=seen.host,
        version=context.version,
        well=not (serious or drift or unfinished),
        findings=tuple(findings),
        counts=counts,
        drift=drift,
        jobs=unfinished,
        runways=runways(context, seen),
    )


def _told(context: Context, seen: NodeSnapshot, unfinished: tuple[Job, ...]) -> Iterable[Finding]:
    """What is not well with the node. Only where no job is open can a thing be nobody's."""
    findings = (*node_findings(context.kinds, seen, context.verdicts), *context.told())
    running = [job for job in unfinished if job.state not in ENDED]
    for job in running:
        findings = tuple(in_the_making(findings, job, context.journal.plan(job.plan_id)))
    if running:
        return findings
    loose = () if unfinished else unmanaged(context.kinds, seen, context.wanted())
    return (*findings, *loose)


def _counts(context: Context, seen: NodeSnapshot) -> dict[str, int]:
    """How many there are of each kind; what belongs to the node itself does not count."""
    counts = {
        noun: sum(not kind.foreign(name, item) for name, item in seen.found.get(noun, {}).items())
        for noun, kind in context.kinds.items()
    }
    return {noun: count for noun, count in counts.items() if count}


def _drift(
    context: Context, seen: NodeSnapshot, unfinished: tuple[Job, ...]
) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Steps back to the wish, and why they cannot be planned if so. In the middle of a job a
    difference is no drift; while one waits, only in what it changes."""
    if any(job.acts for job in unfinished):
        return (), ()
    wanted = context.wanted()
    try:
        plan = make_plan(
            context.kinds,
            seen,
            wanted,
            wanted,
            plan_id=context.new_id(),
            now=context.now(),
            scope=Scope(aside=context.jobs.aside()),
        )
    except ApplianceError as error:
        doubt = Finding(
            severity=Severity.WARNING,
            subject=error.subject or "wish",
            what="the wish cannot be carried out as the node is now",
            why=error.message,
            next_step=error.hint,
        )
        return (), (doubt,)
    return tuple(step.title for step in plan.steps), ()
