"""What a job works with: the node's handles, the journal, the kinds, the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from agents.node.apply.handles import Actor
from appliance.kinds.registry import AnyKind
from appliance.model.job import Job
from appliance.model.snapshot import NodeSnapshot
from appliance.state.desired import Desired
from appliance.state.journal import Journal

Boundary = Callable[[int, int, str], None]
"""Called at every edge with job number, step number (0: the job itself) and what happened."""

Told = Callable[[Job], None]
"""Is told of a job at some moment of its life."""


def no_boundary(number: int, step: int, edge: str) -> None:
    """Nobody watches the edges; tests kill the agent there."""
    del number, step, edge


def nobody_told(job: Job) -> None:
    """Nobody wants to know."""
    del job


@dataclass(frozen=True)
class Bench:
    """Everything around a job."""

    kinds: Mapping[str, AnyKind]
    journal: Journal
    desired: Desired
    actor: Actor
    observe: Callable[[Mapping[str, str]], NodeSnapshot]
    """A fresh look at the node, given the claims (serial -> pool) of unfinished jobs."""
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    """Makes an id for a plan."""
    boundary: Boundary = no_boundary
    ended: Told = nobody_told
    """Told when a job has come to rest: done, failed, undone or unknown."""
