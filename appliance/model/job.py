"""A job: a plan being carried out, and the states it may go through."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from appliance.model.base import Value


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    PROVING = "proving"
    DONE = "done"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"
    UNKNOWN = "unknown"


MOVES: Final[Mapping[JobState, frozenset[JobState]]] = MappingProxyType(
    {
        JobState.WAITING: frozenset({JobState.RUNNING, JobState.FAILED, JobState.UNKNOWN}),
        JobState.RUNNING: frozenset(
            {JobState.PROVING, JobState.FAILED, JobState.UNDOING, JobState.UNKNOWN}
        ),
        JobState.PROVING: frozenset({JobState.DONE, JobState.FAILED, JobState.UNKNOWN}),
        JobState.UNDOING: frozenset({JobState.UNDONE, JobState.FAILED, JobState.UNKNOWN}),
        # An unknown job ends by being finished by another job, undone, or given up by a person.
        JobState.UNKNOWN: frozenset({JobState.DONE, JobState.UNDOING, JobState.FAILED}),
        JobState.FAILED: frozenset({JobState.DONE, JobState.UNDOING}),
        JobState.DONE: frozenset(),
        JobState.UNDONE: frozenset(),
    }
)
"""The allowed moves; the journal refuses any other."""

ENDED: Final = frozenset({JobState.DONE, JobState.FAILED, JobState.UNDONE, JobState.UNKNOWN})
"""States in which nothing is happening any more."""


class StepState(StrEnum):
    """Where a step stands: begun is committed before its command starts, ended after."""

    PLANNED = "planned"
    BEGUN = "begun"
    ENDED = "ended"
    FAILED = "failed"
    UNDONE = "undone"


class StepRecord(Value):
    """One step in the journal."""

    number: int
    title: str
    resource: str
    state: StepState
    line: str
    """The exact command, to copy into a shell; secrets masked."""
    has_undo: bool
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    code: int | None = None
    output: str = ""


class Job(Value):
    """A job as people see it."""

    number: int
    plan_id: str
    state: JobState
    who: str
    created_at: datetime
    ended_at: datetime | None = None
    summary: str
    error: str = ""
    next_step: str = ""
    waits: str = ""
    """What it waits for and how far that is, while it lets other jobs in; else empty."""
    steps: tuple[StepRecord, ...] = ()
    seq: int = 0
    """Grows with each change of the job; long-poll with `after` set to the last one seen."""

    @property
    def acts(self) -> bool:
        """It changes the node now, or is about to: no other job may."""
        return self.state not in ENDED and not self.waits
