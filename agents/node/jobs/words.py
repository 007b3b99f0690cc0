"""What people are told about a job."""

from __future__ import annotations

from typing import Final

from appliance.model.command import Output
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
