"""What people are told about a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from appliance.errors import BusyError
from appliance.model.command import Output
from appliance.model.job import Job
from appliance.model.plan import Plan

SHOWN: Final = 5
"""Things named one by one before the rest is only counted."""


def next_step(number: int) -> str:
    """What a person does about a job that is not finished."""
    return (
        f"Show what is left and go on: appliance job finish {number}; "
        f"or take it back: appliance job undo {number}"
    )


def some(titles: tuple[str, ...]) -> str:
    """The first few of many."""
    more = f" and {len(titles) - SHOWN} more" if len(titles) > SHOWN else ""
    return "; ".join(titles[:SHOWN]) + more


def summary(plan: Plan) -> str:
    """A plan in one line: what it touches, in how many steps."""
    touched = tuple(dict.fromkeys(step.resource for step in plan.steps))
    what = some(touched) or "nothing on the node"
    count = len(plan.steps)
    return f"{what} ({count} step{'' if count == 1 else 's'})"


def spoken(output: Output) -> str:
    """What a command said, both streams."""
    return "\n".join(filter(None, (output.stdout.strip(), output.stderr.strip())))


def busy(jobs: Sequence[Job]) -> BusyError:
    """The first of these acts, or is about to."""
    if not jobs:
        return BusyError(
            "A job is about to go on.",
            hint="Look at it with: appliance job list",
            subject="job",
        )
    job = jobs[0]
    far = f" ({job.waits})" if job.waits else ""
    return BusyError(
        f"Job {job.number} is {job.state}{far}; one job changes a node at a time.",
        hint=f"Follow it with: appliance job show {job.number}",
        subject=f"job/{job.number}",
    )


def held_back(job: Job, things: frozenset[str]) -> BusyError:
    """A job that waits, or was cut off beside the one that is asked for, changes these things."""
    now = f"waits ({job.waits})" if job.waits else f"is {job.state}"
    return BusyError(
        f"Job {job.number} changes {some(tuple(sorted(things)))} and {now}.",
        hint=f"Other things can be changed meanwhile. Follow it with: appliance job watch "
        f"{job.number}"
        if job.waits
        else next_step(job.number),
        subject=f"job/{job.number}",
        details=tuple(sorted(things)),
    )
