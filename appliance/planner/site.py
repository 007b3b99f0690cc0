"""A site spec (parsed TOML) to resources and back; every problem of a document is told at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from appliance.errors import InvalidInputError
from appliance.kinds.registry import AnyKind
from appliance.model.base import NAME_RULE, Name
from appliance.model.resource import Resource
from appliance.planner.wording import problems_of

Kinds = Mapping[str, AnyKind]

_NAME: Final = TypeAdapter[str](Name)


def parse_site(kinds: Kinds, document: Mapping[str, Any]) -> tuple[Resource, ...]:
    """The resources of a site spec, in building order.

    Raises InvalidInputError; its `details` name every wrong key and the rule it broke.
    """
    problems: list[str] = []
    resources: list[Resource] = []
    for noun, tables in document.items():
        kind = kinds.get(noun)
        if kind is None or kind.face_of:
            problems.append(_no_such_noun(kinds, noun))
        elif not isinstance(tables, Mapping):
            problems.append(f"{noun}: write it as a table with a name: [{noun}.NAME]")
        else:
            for name, table in tables.items():
                resources += _parse_table(kinds, kind, str(name), table, problems)
    if problems:
        raise _invalid(problems)
    return in_building_order(kinds, resources)


def in_building_order(kinds: Kinds, resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Low ranks first; within a rank by noun and name, so that equal wishes give equal plans."""
    return tuple(sorted(resources, key=lambda item: (kinds[item.kind].rank, item.kind, item.name)))


def show_site(kinds: Kinds, resources: Iterable[Resource]) -> dict[str, Any]:
    """The inverse of `parse_site`: noun -> name -> spec, faces inside the table they belong to."""
    site: dict[str, Any] = {}
    for resource in in_building_order(kinds, resources):
        table = resource.spec.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        owner = kinds[resource.kind].face_of
        if owner:
            site.setdefault(owner, {}).setdefault(resource.name, {})[resource.kind] = table
        else:
            site.setdefault(resource.kind, {}).setdefault(resource.name, {}).update(table)
    return site


def faces_of(kinds: Kinds, noun: str) -> tuple[AnyKind, ...]:
    """The kinds that stand inside this one's tables."""
    return tuple(kind for kind in kinds.values() if kind.face_of == noun)


def _parse_table(
    kinds: Kinds, kind: AnyKind, name: str, table: object, problems: list[str]
) -> Iterator[Resource]:
    where = f"{kind.noun}.{name}"
    if not _is_name(name):
        problems.append(f"{where}: '{name}' is not a name: {NAME_RULE}")
    elif not isinstance(table, Mapping):
        problems.append(f"{where}: write it as a table: [{where}]")
    else:
        faces = {face.noun: face for face in faces_of(kinds, kind.noun)}
        own = {key: value for key, value in table.items() if key not in faces}
        yield from _parse_one(kind, name, own, problems, where=where, faces=tuple(faces))
        for noun, face in faces.items():
            if noun in table:
                yield from _parse_one(face, name, table[noun], problems, where=f"{where}.{noun}")


def _parse_one(
    kind: AnyKind,
    name: str,
    table: object,
    problems: list[str],
    *,
    where: str,
    faces: tuple[str, ...] = (),
) -> Iterator[Resource]:
    try:
        spec = kind.spec_type.model_validate(table)
    except ValidationError as error:
        problems += problems_of(error, kind.spec_type, kind.noun, where, faces)
    else:
        yield Resource(kind=kind.noun, name=name, spec=spec)


def _is_name(name: str) -> bool:
    try:
        _NAME.validate_python(name)
    except ValidationError:
        return False
    return True


def _no_such_noun(kinds: Kinds, noun: str) -> str:
    kind = kinds.get(noun)
    if kind is not None:
        return f"{noun}: {noun} stands inside a {kind.face_of}: [{kind.face_of}.NAME.{noun}]"
    nouns = [kind.noun for kind in kinds.values() if not kind.face_of]
    close = difflib.get_close_matches(noun, nouns, n=1)
    guess = f"; did you mean '{close[0]}'?" if close else f"; there are: {', '.join(nouns)}"
    return f"{noun}: there is no kind '{noun}'{guess}"


def _invalid(problems: list[str]) -> InvalidInputError:
    rest = len(problems) - 1
    more = f" (and {rest} more)" if rest else ""
    return InvalidInputError(
        f"The spec is not valid: {problems[0]}{more}.",
        hint="Correct the keys named and try again; nothing was changed.",
        subject=problems[0].split(":", 1)[0],
        details=problems,
    )
