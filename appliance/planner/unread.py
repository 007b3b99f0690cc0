"""What could not be read is not planned on a guess: a pool nobody sees is not a pool that is gone."""

from __future__ import annotations

from typing import Final

from appliance.errors import RefusedError
from appliance.model.resource import ActionRequest, Resource
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.diff import references
from appliance.planner.site import Kinds

HINT: Final = "See what does not answer, and try again: appliance status"


def check_read(
    kinds: Kinds,
    snapshot: NodeSnapshot,
    before: tuple[Resource, ...],
    after: tuple[Resource, ...],
    action: ActionRequest | None,
) -> None:
    """Raises RefusedError for a change of what could not be read, or stands on such.

    To remove it would be done at once, as nothing is found; to make it would make it anew; and a
    volume nobody sees looks as if it was blank.
    """
    blind = unseen(kinds, snapshot, before, after)
    asked = {action.resource} if action else set[str]()
    for resource in sorted(changed(before, after) | asked):
        noun = resource.partition("/")[0]
        noun = noun if noun in snapshot.unread else blind.get(resource, "")
        if noun:
            raise not_seen(snapshot, resource, noun)


def not_seen(snapshot: NodeSnapshot, resource: str, noun: str) -> RefusedError:
    """The refusal for a resource, as a kind could not be read."""
    said = (problem for problem in snapshot.problems if problem.startswith(f"{noun}:"))
    return RefusedError(
        f"It could not be seen how {resource} stands: {next(said, f'{noun} did not answer.')}",
        hint=HINT,
        subject=resource,
    )


def unseen(kinds: Kinds, snapshot: NodeSnapshot, *sides: tuple[Resource, ...]) -> dict[str, str]:
    """noun/name of what could not be read, or stands on such -> the noun that could not be."""
    found: dict[str, str] = {}
    for item in (item for side in sides for item in side) if snapshot.unread else ():
        for target in (item.id, *references(kinds, item)):
            noun = target.partition("/")[0]
            if noun in snapshot.unread:
                found.setdefault(item.id, noun)
    return found


def changed(before: tuple[Resource, ...], after: tuple[Resource, ...]) -> frozenset[str]:
    """noun/name of what is wanted otherwise afterwards."""
    then, now = ({item.id: item.spec for item in side} for side in (before, after))
    return frozenset(key for key in then | now if then.get(key) != now.get(key))
