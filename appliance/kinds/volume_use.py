"""Who uses a volume: two users at once would overwrite each other's data."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.errors import InvalidInputError
from appliance.kinds.base import View
from appliance.model.guest import GuestSpec
from appliance.model.lun import LunSpec
from appliance.model.share import ShareSpec


def users_of(volume: str, view: View) -> tuple[str, ...]:
    """noun/name of every wanted thing that stands on a volume."""
    return tuple(sorted(_users(volume, view)))


def refuse_shared(volume: str, resource: str, view: View) -> None:
    """Raises InvalidInputError when something else than `resource` is to use the volume."""
    others = [user for user in users_of(volume, view) if user != resource]
    if others:
        raise InvalidInputError(
            f"Volume '{volume}' cannot be used by {resource}: {others[0]} uses it.",
            hint="Give each its own volume; a clone of a volume is one of its own (clone_of).",
            subject=resource,
        )


def _users(volume: str, view: View) -> Iterator[str]:
    for noun, specs in view.wanted.items():
        for name, spec in specs.items():
            used: tuple[str, ...] = ()
            if isinstance(spec, ShareSpec | LunSpec):
                used = (spec.volume,)
            elif isinstance(spec, GuestSpec):
                used = spec.disks
            if volume in used:
                yield f"{noun}/{name}"
