"""The kinds there are: found by scanning the family folders; file order decides nothing."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from appliance import kinds
from appliance.errors import InvalidInputError
from appliance.kinds.base import Kind, Needs

AnyKind = Kind[Any, Any]


@cache
def all_kinds() -> Mapping[str, AnyKind]:
    """Every kind by noun, in building order."""
    found: list[AnyKind] = []
    for family in pkgutil.iter_modules(kinds.__path__):
        if not family.ispkg:
            continue
        package = importlib.import_module(f"{kinds.__name__}.{family.name}")
        for item in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{item.name}")
            kind = getattr(module, "KIND", None)
            if isinstance(kind, Kind):
                found.append(kind)
    found.sort(key=lambda kind: (kind.rank, kind.noun))
    return MappingProxyType({kind.noun: kind for kind in found})


def kind_of(noun: str) -> AnyKind:
    """The kind with that noun. Raises InvalidInputError naming those there are."""
    kind = all_kinds().get(noun)
    if kind is None:
        raise InvalidInputError(
            f"There is no kind '{noun}'.",
            hint=f"Kinds: {', '.join(all_kinds())}.",
            subject=noun,
        )
    return kind


def needs() -> Needs:
    """What all kinds together need on a node."""
    total = Needs()
    for kind in all_kinds().values():
        total |= kind.needs
    return total
