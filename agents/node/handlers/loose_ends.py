"""What the status says of things in the making, and of things found that nobody manages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from appliance.kinds.base import Kind
from appliance.kinds.registry import AnyKind
from appliance.model.job import Job
from appliance.model.plan import Plan
from appliance.model.resource import Finding, Resource, Severity
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.diff import references
from appliance.planner.wish import adopted


def in_the_making(findings: Iterable[Finding], job: Job, plan: Plan) -> Iterator[Finding]:
    """The findings while a job runs: what it makes or removes cannot be whole yet.

    What is not well with anything else is told as ever.
    """
    before, after = ({item.id for item in side} for side in (plan.before, plan.after))
    moving = before ^ after
    told = set[str]()
    for finding in findings:
        if finding.subject not in moving:
            yield finding
        elif finding.subject not in told:
            told.add(finding.subject)
            act = "makes" if finding.subject in after else "removes"
            yield Finding(
                severity=Severity.INFO,
                subject=finding.subject,
                what=f"job {job.number}, which {act} it, is still running",
                next_step=f"Watch it: appliance job watch {job.number}",
            )


def unmanaged(
    kinds: Mapping[str, AnyKind], seen: NodeSnapshot, wanted: Iterable[Resource]
) -> Iterator[Finding]:
    """Things that came with the disks and could be managed, the lowest of each stack only: what
    stands on it can be named once it is managed itself.
    """
    managed = {item.id for item in wanted}
    for noun, kind in kinds.items():
        if type(kind).adopt is Kind.adopt:
            continue
        for name, found in seen.found.get(noun, {}).items():
            if f"{noun}/{name}" not in managed and not kind.foreign(name, found):
                thing = adopted(kind, name, found)
                if thing is None or managed.issuperset(references(kinds, thing)):
                    yield _of_nobody(kind, name, importable=thing is not None)


def _of_nobody(kind: AnyKind, name: str, *, importable: bool) -> Finding:
    """A face is imported with the thing it is a face of."""
    noun = kind.face_of or kind.noun
    return Finding(
        severity=Severity.WARNING,
        subject=f"{kind.noun}/{name}",
        what="found on this node but not managed; it is left alone",
        why="" if importable else "it is half-built or not of our making",
        next_step=f"Manage it: appliance {noun} import {name}"
        if importable
        else f"Look at it: appliance {noun} show {name}",
    )
