"""Plans, snapshots and resources back from JSON, each spec and finding as its kind's own type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.kinds.registry import AnyKind, kind_of
from appliance.model.plan import Plan
from appliance.model.resource import Resource
from appliance.model.snapshot import NodeSnapshot

Document = Mapping[str, Any]


def load_resource(document: Document) -> Resource:
    """A resource from its JSON form. Raises ValidationError, InvalidInputError for the kind."""
    spec_type = kind_of(str(document["kind"])).spec_type
    return Resource.model_validate({**document, "spec": spec_type.model_validate(document["spec"])})


def load_plan(document: Document) -> Plan:
    """A plan from its JSON form. Raises ValidationError, InvalidInputError for a kind."""
    return Plan.model_validate(
        {
            **document,
            "before": tuple(map(load_resource, document["before"])),
            "after": tuple(map(load_resource, document["after"])),
        }
    )


def load_snapshot(document: Document) -> NodeSnapshot:
    """A snapshot from its JSON form. Raises ValidationError, InvalidInputError for a kind."""
    found = document.get("found", {})
    return NodeSnapshot.model_validate(
        {**document, "found": {noun: _findings(kind_of(noun), found[noun]) for noun in found}}
    )


def _findings(kind: AnyKind, named: Document) -> dict[str, Any]:
    return {name: kind.found_type.model_validate(item) for name, item in named.items()}
