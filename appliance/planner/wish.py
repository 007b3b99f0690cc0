"""From what a person asks for to the whole wish as it will be."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.errors import InvalidInputError, NotFoundError
from appliance.model.plan import PlanRequest
from appliance.model.resource import ActionRequest, Resource
from appliance.planner.site import Kinds, faces_of, in_building_order, parse_site


@dataclass(frozen=True)
class Wish:
    """What the node shall hold after the change, and the act asked for, if one is."""

    after: tuple[Resource, ...]
    action: ActionRequest | None = None


def wish_of(kinds: Kinds, request: PlanRequest, before: tuple[Resource, ...]) -> Wish:
    """The wish a request leads to. Raises InvalidInputError or NotFoundError.

    A share that is put keeps the faces that are not mentioned; one that is removed takes its
    faces along.
    """
    given = [
        request.site is not None,
        request.put is not None,
        bool(request.remove),
        request.action is not None,
    ]
    if sum(given) != 1:
        raise InvalidInputError(
            "A request is a whole site, or things to put, or names to remove, or one act.",
            hint="Give exactly one of: site, put, remove, action.",
        )
    if request.site is not None:
        return Wish(parse_site(kinds, request.site))
    if request.put is not None:
        merged = {item.id: item for item in before}
        merged |= {item.id: item for item in parse_site(kinds, request.put)}
        return Wish(in_building_order(kinds, merged.values()))
    if request.remove:
        gone = _removed(kinds, request.remove, before)
        return Wish(tuple(item for item in before if item.id not in gone))
    return Wish(before, request.action)


def _removed(kinds: Kinds, names: tuple[str, ...], before: tuple[Resource, ...]) -> set[str]:
    known = {item.id: item for item in before}
    gone: set[str] = set()
    for name in names:
        if name not in known:
            raise NotFoundError(
                f"'{name}' is not managed here, so it cannot be removed.",
                hint="Name it as KIND/NAME; what is managed is listed by: appliance status",
                subject=name,
            )
        item = known[name]
        gone.add(name)
        gone |= {f"{face.noun}/{item.name}" for face in faces_of(kinds, item.kind)}
    return gone
