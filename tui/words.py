"""Bars and lines the screens share. ASCII, pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from appliance.api.words import Line, Span, clock, size
from appliance.model.job import ENDED, Job, JobState, StepRecord, StepState
from appliance.model.plan import Plan

_BAR: Final = 20
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?) %")
_OVER: Final = frozenset({StepState.ENDED, StepState.FAILED, StepState.UNDONE})
STEP_MARKS: Final = {
    StepState.PLANNED: " ",
    StepState.BEGUN: ">",
    StepState.ENDED: "+",
    StepState.FAILED: "!",
    StepState.UNDONE: "<",
}
"""One character for a step's state; the word stands beside it in the details."""
JOB_TONES: Final = {
    JobState.DONE: "ok",
    JobState.UNDONE: "ok",
    JobState.FAILED: "critical",
    JobState.UNKNOWN: "critical",
    JobState.UNDOING: "warning",
}
UNSETTLED: Final = frozenset({JobState.FAILED, JobState.UNKNOWN})
"""States that may leave something to finish or undo; whether they do, the node says."""
_ENDS: Final = {
    JobState.DONE: "PROVED: the node was looked at again, and nothing is left to do.",
    JobState.UNDONE: "Taken back: the node is as it was before.",
    JobState.FAILED: "FAILED",
    JobState.UNKNOWN: "UNKNOWN: it was cut off, and nobody knows how far the last step came.",
}


def bar(percent: float) -> str:
    """[#####...............]."""
    filled = round(_BAR * min(max(percent, 0), 100) / 100)
    return f"[{'#' * filled}{'.' * (_BAR - filled)}]"


def job_bar(job: Job) -> str:
    """How far a job is, and what it does now."""
    total, over = len(job.steps), sum(step.state in _OVER for step in job.steps)
    now = current(job)
    title = now.title if now else str(job.state)
    return f"{bar(100 * over / total if total else 0)} {over}/{total} {title}"


def job_progress(job: Job) -> Iterator[Line]:
    """How far the running step is, where it tells: a rebuild may take a day."""
    now = current(job)
    told = now.output.splitlines()[-1:] if now and now.state is StepState.BEGUN else []
    for words in told:
        percent = _PERCENT.match(words)
        yield (Span(f"{bar(float(percent[1])) + ' ' if percent else ''}{words}"),)


def current(job: Job) -> StepRecord | None:
    """The step that runs, or that failed."""
    wanted = (StepState.BEGUN, StepState.FAILED)
    return next((step for step in job.steps if step.state in wanted), None)


def job_state(job: Job) -> str:
    """Its state; one that lets others in while it waits says so."""
    return f"{job.state} (waits)" if job.waits else str(job.state)


def job_end(job: Job) -> Iterator[Line]:
    """How a job ended and what next; nothing while it runs."""
    if job.state in ENDED:
        yield (Span(_ENDS[job.state], JOB_TONES[job.state]),)
    if job.error:
        yield (Span(f"error: {job.error}", "critical"),)
    if job.next_step:
        yield (Span(f"next: {job.next_step}"),)


def step_lines(step: StepRecord) -> Iterator[Line]:
    """A step with its exact command and what it said."""
    undo = "" if step.has_undo or step.state is StepState.PLANNED else ", no undo"
    yield (Span(f"{step.number}. {step.title} ({step.state}{undo})", "title"),)
    yield (Span(f"$ {step.line}"),)
    begun, ended = (
        moment.isoformat() if moment else None for moment in (step.begun_at, step.ended_at)
    )
    yield (Span(f"begun {clock(begun)}, ended {clock(ended)} (UTC)", "dim"),)
    if step.code:
        yield (Span(f"exit {step.code}", "critical"),)
    yield from ((Span(f"| {line}"),) for line in step.output.splitlines())


def plan_lines(plan: Plan) -> Iterator[Line]:
    """A plan: what is lost first, then what to know, then its steps."""
    if plan.claims:
        yield (Span("THESE DISKS ARE OVERWRITTEN", "critical"),)
        for claim in plan.claims:
            holds = ", ".join(item.type for item in claim.signatures) or "nothing known"
            where = f"bay {claim.bay}" if claim.bay else "no bay"
            yield (
                Span(f"  {where:<10} {claim.serial:<16} {claim.model:<16} {size(claim.size):>9}  "),
                Span(f"holds {holds}", "warning" if claim.signatures else ""),
            )
    lost = [step for step in plan.steps if step.destroys]
    if lost:
        yield (Span("THIS IS DESTROYED, AND CANNOT BE TAKEN BACK", "critical"),)
        yield from ((Span(f"  {step.destroys} (step: {step.title})"),) for step in lost)
    yield from ((Span("warning: ", "warning"), Span(words)) for words in plan.warnings)
    yield from ((Span(f"note: {words}"),) for words in plan.notes)
    yield (Span(_steps_heading(plan), "title"),)
    width = len(str(len(plan.steps)))
    for number, step in enumerate(plan.steps, 1):
        lost_here = Span(f"  DESTROYS {step.destroys}", "critical") if step.destroys else Span("")
        yield Span(f"  {number:>{width}}. [{step.resource}] {step.title}"), lost_here


def _steps_heading(plan: Plan) -> str:
    if plan.empty:
        return f"Nothing to do: {'the node is as wished' if plan.same_wish else 'only the record changes'}."
    count = len(plan.steps)
    return f"{count} step{'' if count == 1 else 's'}:"
