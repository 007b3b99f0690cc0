"""Which steps of a job are taken back, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from appliance.model.job import StepState
from appliance.model.plan import Plan
from appliance.model.steps import RemoveFileStep, RunStep, Step, WriteFileStep
from appliance.state.journal import Executed


@dataclass(frozen=True)
class Link:
    """A job of a chain, and its plan."""

    number: int
    plan: Plan


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


def in_undo_order(
    chain: Iterable[tuple[Link, tuple[Executed, ...]]],
) -> Iterator[tuple[Link, Executed]]:
    """Last first over all jobs of a chain, newest job first; but a refresh (`exportfs -ra`)
    follows the files that it reads, also those an earlier job of the chain wrote.

    A refresh is a command whose undo is the command itself. Forwards it comes after the files
    it reads; backwards it must come after these again.
    """
    waiting: list[tuple[Link, Executed]] = []
    for link, executed in chain:
        for item in reversed(executed):
            step = link.plan.steps[item.number - 1]
            if _is_refresh(step):
                waiting.append((link, item))
                continue
            if not isinstance(step, WriteFileStep | RemoveFileStep):
                yield from waiting
                waiting.clear()
            yield link, item
    yield from waiting


def _is_refresh(step: Step) -> bool:
    return isinstance(step, RunStep) and step.undo == step.command
