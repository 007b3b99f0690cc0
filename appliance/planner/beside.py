"""What a plan changes, and which plans may be carried out side by side. Pure.

One job changes a node at a time. While one waits for a rebuild, which may take a week, others are
let in that change nothing of what it changes. Until it goes on, that is set aside: nobody plans it,
proves it or judges it but the job itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from appliance.model.plan import Plan
from appliance.model.resource import Resource
from appliance.model.steps import WaitStep
from appliance.planner.unread import changed

_BELOW: Final = frozenset({"pool", "spare", "disk"})
"""What lies below the volumes: a job that changes only this leaves no half-made thing above."""


@dataclass(frozen=True)
class Scope:
    """What a plan, or the proof of a job, is about."""

    only: frozenset[str] | None = None
    """noun/name of all there is to it; None for everything."""
    aside: frozenset[str] = frozenset()
    """noun/name of what is left alone."""

    def covers(self, resource: str) -> bool:
        """Whether a resource is in it."""
        return resource not in self.aside and (self.only is None or resource in self.only)


EVERYTHING: Final = Scope()


def moved(plan: Plan) -> frozenset[str]:
    """noun/name of what is wanted otherwise afterwards."""
    return changed(plan.before, plan.after)


def touched(plan: Plan) -> frozenset[str]:
    """noun/name of all a plan changes, which nobody else may until its job has ended: what its
    steps belong to, the disks they overwrite, and what is wanted otherwise."""
    steps = frozenset(step.resource for step in plan.steps)
    disks = frozenset(f"disk/{serial}" for step in plan.steps for serial in step.claims)
    return steps | disks | moved(plan)


def lets_others(plan: Plan) -> bool:
    """Whether its job may wait beside others: it only changes pools that are there before and
    after, spares and disks. Nothing that another plan may refer to is half made or half gone."""
    sides = ({item.id for item in side} for side in (plan.before, plan.after))
    stay = frozenset[str].intersection(*map(frozenset, sides))
    waits = any(isinstance(step, WaitStep) and step.lets_others for step in plan.steps)
    return waits and all(
        _noun(item) in _BELOW and (_noun(item) != "pool" or item in stay) for item in touched(plan)
    )


def own_of(
    side: Iterable[Resource], ids: frozenset[str], others: Iterable[Resource]
) -> tuple[Resource, ...]:
    """A wish of which only `ids` are as `side` has them, and all else as `others` have it."""
    return (
        *(item for item in side if item.id in ids),
        *(item for item in others if item.id not in ids),
    )


def _noun(resource: str) -> str:
    return resource.partition("/")[0]
