"""What could not be read is not planned on a guess: a pool nobody sees is not a pool that is gone."""

from __future__ import annotations

from appliance.errors import RefusedError
from appliance.model.resource import ActionRequest, Resource
from appliance.model.snapshot import NodeSnapshot


def check_read(
    snapshot: NodeSnapshot,
    before: tuple[Resource, ...],
    after: tuple[Resource, ...],
    action: ActionRequest | None,
) -> None:
    """Raises RefusedError for a change of something whose kind could not be read.

    To remove it would be done at once, as nothing is found; to make it would make it anew.
    """
    for resource in sorted(changed(before, after) | ({action.resource} if action else set())):
        noun = resource.partition("/")[0]
        if noun in snapshot.unread:
            raise RefusedError(
                f"{resource} is not changed, as it could not be seen how it stands: "
                f"{_why(snapshot, noun)}",
                hint="See what does not answer, and try again: appliance status",
                subject=resource,
            )


def changed(before: tuple[Resource, ...], after: tuple[Resource, ...]) -> frozenset[str]:
    """noun/name of what is wanted otherwise afterwards."""
    then, now = ({item.id: item.spec for item in side} for side in (before, after))
    return frozenset(key for key in then | now if then.get(key) != now.get(key))


def _why(snapshot: NodeSnapshot, noun: str) -> str:
    said = (problem for problem in snapshot.problems if problem.startswith(f"{noun}:"))
    return next(said, "it did not answer.")
