"""From what a person asks for to the whole wish as it will be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from appliance.errors import InvalidInputError, NotFoundError, RefusedError
from appliance.kinds.registry import AnyKind
from appliance.model.plan import PlanRequest
from appliance.model.resource import ActionRequest, Found, Resource
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.site import Kinds, faces_of, in_building_order, parse_site

IMPORT: Final = "import"
"""The act of every kind that can describe what it finds."""


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


def adopted(kind: AnyKind, name: str, found: Found) -> Resource | None:
    """What was found as a person would wish for it; None for what no wish can describe: half-built,
    not of our making, or named as nothing here may be."""
    try:
        spec = kind.adopt(name, found)
        return Resource(kind=kind.noun, name=name, spec=spec) if spec is not None else None
    except ValueError:
        return None


def imported(kinds: Kinds, snapshot: NodeSnapshot, wish: Wish) -> Wish:
    """The wish with a thing that was found added to it, when the act asked for is `import`.

    Nothing is done to the node: disks moved from another box are simply managed from then on. A
    share takes those of its faces along that are found and not managed.
    Raises NotFoundError, or RefusedError for a thing that no wish can describe.
    """
    act = wish.action
    if act is None or act.verb != IMPORT:
        return wish
    noun, _, name = act.resource.partition("/")
    found = snapshot.found.get(noun, {}).get(name)
    if noun not in kinds or found is None:
        raise NotFoundError(
            f"'{act.resource}' is not on this node, so it cannot be imported.",
            hint="What was found but is not managed is listed by: appliance status",
            subject=act.resource,
        )
    thing = adopted(kinds[noun], name, found)
    if thing is None:
        raise RefusedError(
            f"'{act.resource}' cannot be imported: it is half-built or not of our making.",
            hint=f"Look at it with: appliance {noun} show {name}; unfinished jobs: appliance job list",
            subject=act.resource,
        )
    new = {item.id: item for item in _faces_found(kinds, snapshot, noun, name)}
    new |= {item.id: item for item in wish.after}
    new[act.resource] = thing
    return Wish(in_building_order(kinds, new.values()))


def _faces_found(kinds: Kinds, snapshot: NodeSnapshot, noun: str, name: str) -> Iterator[Resource]:
    for face in faces_of(kinds, noun):
        found = snapshot.found.get(face.noun, {}).get(name)
        thing = adopted(face, name, found) if found is not None else None
        if thing is not None:
            yield thing


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
