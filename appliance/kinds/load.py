"""Plans, snapshots and resources back from JSON, each spec and finding as its kind's own type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from appliance.errors import InvalidInputError
from appliance.kinds.registry import AnyKind
from appliance.model.plan import Plan
from appliance.model.resource import Resource
from appliance.model.snapshot import NodeSnapshot

Kinds = Mapping[str, AnyKind]
Document = Mapping[str, Any]


def load_resource(kinds: Kinds, document: Document) -> Resource:
    """A resource from its JSON form. Raises ValidationError, InvalidInputError for the kind."""
    spec_type = _kind(kinds, str(document["kind"])).spec_type
    return Resource.model_validate({**document, "spec": spec_type.model_validate(document["spec"])})


def typed(kinds: Kinds, resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Resources of the open type (from JSON or the database) as their kinds' own types."""
    return tuple(load_resource(kinds, item.model_dump(mode="json")) for item in resources)


def typed_plan(kinds: Kinds, plan: Plan) -> Plan:
    """A plan of the open type with its resources as their kinds' own types."""
    return plan.model_copy(
        update={"before": typed(kinds, plan.before), "after": typed(kinds, plan.after)}
    )


def load_snapshot(kinds: Kinds, document: Document) -> NodeSnapshot:
    """A snapshot from its JSON form. Raises ValidationError, InvalidInputError for a kind."""
    found = document.get("found", {})
    typed_found = {
        noun: {
            name: _kind(kinds, noun).found_type.model_validate(item) for name, item in named.items()
        }
        for noun, named in found.items()
    }
    return NodeSnapshot.model_validate({**document, "found": typed_found})


def _kind(kinds: Kinds, noun: str) -> AnyKind:
    kind = kinds.get(noun)
    if kind is None:
        raise InvalidInputError(
            f"There is no kind '{noun}'.",
            hint=f"Kinds: {', '.join(kinds)}.",
            subject=noun,
        )
    return kind
