"""Who uses a volume: two users at once would overwrite each other's data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from appliance.errors import InvalidInputError
from appliance.kinds.base import View
from appliance.model.guest import GuestSpec
from appliance.model.lun import LunSpec
from appliance.model.resource import Spec
from appliance.model.share import ShareSpec


def users_of(volume: str, view: View) -> tuple[str, ...]:
    """noun/name of every wanted thing that stands on a volume."""
    return view.remembered(_all_users).get(volume, ())


def refuse_shared(volume: str, resource: str, view: View) -> None:
    """Raises InvalidInputError when something else than `resource` is to use the volume."""
    others = [user for user in users_of(volume, view) if user != resource]
    if others:
        raise InvalidInputError(
            f"Volume '{volume}' cannot be used by {resource}: {others[0]} uses it.",
            hint="Give each its own volume; a clone of a volume is one of its own (clone_of).",
            subject=resource,
        )


def _all_users(view: View) -> Mapping[str, tuple[str, ...]]:
    """Volume -> its users, for all at once: each share asks, so one by one would be quadratic."""
    found: dict[str, list[str]] = defaultdict(list)
    for noun, specs in view.wanted.items():
        for name, spec in specs.items():
            for volume in dict.fromkeys(_used_by(spec)):
                found[volume].append(f"{noun}/{name}")
    return {volume: tuple(sorted(users)) for volume, users in found.items()}


def _used_by(spec: Spec) -> tuple[str, ...]:
    if isinstance(spec, ShareSpec | LunSpec):
        return (spec.volume,)
    return spec.disks if isinstance(spec, GuestSpec) else ()
