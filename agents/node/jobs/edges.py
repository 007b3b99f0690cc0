"""The edges of a job: where tests cut the power, and where a stopping agent lets go."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from agents.node.jobs.bench import Bench


class Interrupted(Exception):  # noqa: N818 - not an error: the agent was asked to stop
    """The agent stops; the job is left as it stands and shown as unknown."""


@dataclass(frozen=True)
class Edges:
    """Reports edges, and stops at the next one when the agent is to end."""

    bench: Bench
    stop: threading.Event = field(default_factory=threading.Event)

    def at(self, number: int, step: int, edge: str) -> None:
        """An edge of a job (step 0) or of one of its steps."""
        self.bench.boundary(number, step, edge)

    def before_step(self) -> None:
        """Raises Interrupted when no further step may begin."""
        if self.stop.is_set():
            raise Interrupted
