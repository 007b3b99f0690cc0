"""In which order differences are carried out."""

from __future__ import annotations

from collections import defaultdict

from appliance.model.resource import Resource
from appliance.planner.diff import Difference, references
from appliance.planner.site import Kinds


def in_order(
    kinds: Kinds,
    differences: tuple[Difference, ...],
    before: tuple[Resource, ...],
    after: tuple[Resource, ...],
) -> tuple[Difference, ...]:
    """Removals, then what is built, then the removals that had to wait.

    A removal goes first, because it frees the room, names and ports a new thing may need; no
    step of a plan moves data from the one to the other. It waits only while a thing that stays
    has yet to let go of it: a VM that changes its disk must do so before the old volume goes.
    Removals run from the highest rank down (the LUN before its volume), building from the
    lowest up.
    """
    late = _late(kinds, before, after)
    upward = sorted(
        differences, key=lambda item: (kinds[item.noun].rank, item.noun, item.change.name)
    )
    downward = [item for item in reversed(upward) if item.removal]
    return (
        *(item for item in downward if item.id not in late),
        *(item for item in upward if not item.removal),
        *(item for item in downward if item.id in late),
    )


def _late(
    kinds: Kinds, before: tuple[Resource, ...], after: tuple[Resource, ...]
) -> frozenset[str]:
    """Things to remove that a thing which stays, or another late removal, referred to so far."""
    stays = {item.id for item in after}
    users: dict[str, list[str]] = defaultdict(list)
    for item in before:
        for target in references(kinds, item):
            users[target].append(item.id)
    late: set[str] = set()
    gone = [item for item in before if item.id not in stays]
    for item in sorted(gone, key=lambda item: kinds[item.kind].rank, reverse=True):
        if any(user in stays or user in late for user in users[item.id]):
            late.add(item.id)
    return frozenset(late)
