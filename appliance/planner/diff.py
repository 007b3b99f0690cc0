"""What differs: each wanted resource beside what was found, and what is no longer wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.errors import InvalidInputError, RefusedError
from appliance.kinds.base import Change, View
from appliance.model.resource import Resource
from appliance.planner.site import Kinds

AnyChange = Change[Any, Any]


@dataclass(frozen=True)
class Difference:
    """One resource to judge."""

    noun: str
    change: AnyChange

    @property
    def id(self) -> str:
        """noun/name."""
        return f"{self.noun}/{self.change.name}"

    @property
    def removal(self) -> bool:
        """The resource is no longer wanted."""
        return self.change.wanted is None


def differences(
    view: View, before: tuple[Resource, ...], after: tuple[Resource, ...]
) -> tuple[Difference, ...]:
    """A difference for each wanted resource and for each one dropped that is still found.

    Of a pool the disks may be all that is left: an unfinished job claimed them for it.
    """
    wanted = {item.id for item in after}
    found = [
        Difference(item.kind, Change(item.name, view.found(item.kind).get(item.name), item.spec))
        for item in after
    ]
    for item in before:
        left = view.found(item.kind).get(item.name)
        remains = item.kind == "pool" and item.name in view.snapshot.claims.values()
        if item.id not in wanted and (left is not None or remains):
            found.append(Difference(item.kind, Change(item.name, left, None)))
    return tuple(found)


def references(kinds: Kinds, resource: Resource) -> tuple[str, ...]:
    """All resources this one stands on; a face stands on the thing it is a face of."""
    kind = kinds[resource.kind]
    own = (f"{kind.face_of}/{resource.name}",) if kind.face_of else ()
    return (*own, *kind.refers(resource.name, resource.spec))


def check_references(
    kinds: Kinds, view: View, before: tuple[Resource, ...], after: tuple[Resource, ...]
) -> None:
    """Refuse a wish whose references lead nowhere.

    Raises RefusedError when a thing to be removed is still referred to, InvalidInputError when
    the thing is not there at all. A thing found on the node may be referred to without being
    wanted itself.
    """
    wanted = {item.id for item in after}
    dropped = {item.id for item in before} - wanted
    for item in after:
        for target in references(kinds, item):
            noun, _, name = target.partition("/")
            if target in dropped:
                raise RefusedError(
                    f"{target} cannot be removed: {item.id} uses it.",
                    hint=f"Remove {item.id} as well, or let it use another {noun}.",
                    subject=target,
                )
            if target not in wanted and name not in view.found(noun):
                raise InvalidInputError(
                    f"{item.id} refers to {target}, which does not exist.",
                    hint=f"Add [{noun}.{name}] to the spec, or name one of those there are: "
                    f"appliance {noun} list",
                    subject=item.id,
                )
