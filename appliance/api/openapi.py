"""The OpenAPI 3.1 document, printed from the endpoint table and the kinds' specs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from appliance.api.contract import ENDPOINTS, CallEffect, Endpoint
from appliance.api.field_docs import describe_all, models_in
from appliance.api.problems import MEDIA_TYPE
from appliance.api.wire import PlainText
from appliance.kinds.registry import AnyKind, all_kinds

Json = dict[str, Any]
_REF: Final = "#/components/schemas/{model}"
_PROBLEM: Final[Json] = {
    "title": "Problem",
    "description": "RFC 9457 problem document; code, hint and details are extensions.",
    "type": "object",
    "required": ["type", "code", "title", "hint", "status", "exit_status"],
    "properties": {
        "type": {"type": "string"},
        "code": {"type": "string"},
        "title": {"type": "string", "description": "What happened, in one sentence."},
        "hint": {"type": "string", "description": "What to do next."},
        "subject": {"type": "string"},
        "details": {"type": "array", "items": {"type": "string"}},
        "status": {"type": "integer"},
        "exit_status": {"type": "integer"},
    },
}


def document() -> Json:
    """The whole document."""
    models = {endpoint.request for endpoint in ENDPOINTS if not _is_query(endpoint)}
    answers = {endpoint.response for endpoint in ENDPOINTS} - {PlainText}
    kinds = all_kinds()
    specs = {kind.spec_type for kind in kinds.values()}
    refs, schemas = models_json_schema(
        [
            *((model, "validation") for model in _by_name(models | specs)),
            *((model, "serialization") for model in _by_name(answers)),
        ],
        ref_template=_REF,
    )
    every = {
        item.__name__: item for model in (*models, *answers, *specs) for item in models_in(model)
    }
    components = describe_all(schemas.get("$defs", {}), every)
    for base in {"Spec", "Found"} & components.keys():
        components[base]["additionalProperties"] = True  # each kind adds its own keys
    components["Problem"] = _PROBLEM
    specs_by_noun = {noun: refs[(kind.spec_type, "validation")] for noun, kind in kinds.items()}
    components["Site"] = _site(kinds, specs_by_noun, components)
    paths: dict[str, Json] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Appliance node", "version": "1"},
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items()))},
    }


def _by_name(models: Iterable[type[BaseModel]]) -> list[type[BaseModel]]:
    return sorted(models, key=lambda model: model.__name__)


def _is_query(endpoint: Endpoint[Any, Any]) -> bool:
    return endpoint.method in {"GET", "DELETE"}


def _site(
    kinds: Mapping[str, AnyKind], specs: dict[str, Json], components: dict[str, Json]
) -> Json:
    """The shape of `PlanRequest.site` and `put`: noun -> name -> spec, faces inside their share."""
    tables = {}
    for noun, kind in kinds.items():
        faces = {face: specs[face] for face, item in kinds.items() if item.face_of == noun}
        spec = specs[noun]
        if faces:
            # Not allOf: a spec takes no keys but its own, so the faces must stand beside them.
            own = components[spec["$ref"].rpartition("/")[2]]
            spec = {**own, "properties": own["properties"] | faces}
        if not kind.face_of:
            tables[noun] = {"type": "object", "additionalProperties": spec}
    return {"type": "object", "additionalProperties": False, "properties": tables}


def _operation(endpoint: Endpoint[Any, Any], refs: dict[Any, Json]) -> Json:
    status = "202" if endpoint.effect is CallEffect.JOB else "200"
    operation: Json = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "x-roles": sorted(endpoint.roles),
        "parameters": _parameters(endpoint),
        "responses": {
            status: {
                "description": "The answer.",
                "content": _content(endpoint, refs),
            },
            "default": {
                "description": "What went wrong and what to do next.",
                "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
            },
        },
    }
    if not _is_query(endpoint):
        schema = refs[(endpoint.request, "validation")]
        operation["requestBody"] = {
            "required": bool(endpoint.request.model_fields),
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _content(endpoint: Endpoint[Any, Any], refs: dict[Any, Json]) -> Json:
    if endpoint.response is PlainText:
        return {endpoint.media: {"schema": {"type": "string"}}}
    return {endpoint.media: {"schema": refs[(endpoint.response, "serialization")]}}


def _parameters(endpoint: Endpoint[Any, Any]) -> list[Json]:
    found: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", endpoint.path)
    ]
    if _is_query(endpoint):
        schema = endpoint.request.model_json_schema()
        found += [
            {"name": name, "in": "query", "required": False, "schema": field}
            for name, field in schema.get("properties", {}).items()
        ]
    return found
