"""Which steps of a job are taken back, and in which order."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.model.job import StepState
from appliance.model.plan import Plan
from appliance.model.steps import RemoveFileStep, RunStep, Step, WriteFileStep
from appliance.state.journal import Executed


def no_way_back(plan: Plan, executed: tuple[Executed, ...]) -> tuple[str, ...]:
    """Titles of executed steps that cannot be taken back; none when the whole job can.

    A step that failed, or was cut off, perhaps did nothing: it is in the way only when it
    destroys data. What it left behind is found by the proof.
    """
    return tuple(
        step.title
        for item in executed
        for step in (plan.steps[item.number - 1],)
        if (item.undo is None if item.state is StepState.ENDED else bool(step.destroys))
    )


def in_undo_order(plan: Plan, executed: tuple[Executed, ...]) -> Iterator[Executed]:
    """Last first; but a refresh (`exportfs -ra`) follows the files that it reads.

    A refresh is a command whose undo is the command itself. Forwards it comes after the files
    it reads; backwards it must come after these again.
    """
    waiting: list[Executed] = []
    for item in reversed(executed):
        step = plan.steps[item.number - 1]
        if _is_refresh(step):
            waiting.append(item)
            continue
        if not isinstance(step, WriteFileStep | RemoveFileStep):
            yield from waiting
            waiting.clear()
        yield item
    yield from waiting


def _is_refresh(step: Step) -> bool:
    return isinstance(step, RunStep) and step.undo == step.command
