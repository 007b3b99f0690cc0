"""The committed OpenAPI document is the one the code prints, and it is true.

After a change that is meant: appliance-agent openapi > tests/contract/openapi.json
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

from agents.node.handlers import disks
from agents.node.handlers.binding import bind
from agents.node.handlers.compose import HANDLERS
from agents.node.main import main
from appliance.api import paths
from appliance.api.contract import ADMIN, ENDPOINTS, CallEffect, Endpoint
from appliance.api.openapi import document
from appliance.api.wire import DiskList, Empty, JobList
from appliance.errors import InternalError, RefusedError
from tests.contract.conftest import Agent

COMMITTED = Path(__file__).with_name("openapi.json")


def test_the_committed_document_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(COMMITTED.read_text()) == json.loads(printed), __doc__


def test_every_row_is_in_the_document_once() -> None:
    shown = {
        operation["operationId"]: (method.upper(), path)
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
    }
    assert shown == {row.name: (row.method, row.path) for row in ENDPOINTS}


def test_the_light_paths_are_the_rows_paths() -> None:
    light = {
        value
        for name, value in vars(paths).items()
        if name.isupper() and isinstance(value, str) and value.startswith("/v1")
    }
    assert light == {row.path for row in ENDPOINTS}


def test_references_lead_somewhere() -> None:
    text = json.dumps(document())
    schemas = document()["components"]["schemas"]
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.split('"', 1)[0] in schemas


@pytest.mark.parametrize("name", ["status", "snapshot", "disks", "kinds", "site", "jobs"])
def test_answers_are_as_documented(agent: Agent, name: str) -> None:
    row = next(item for item in ENDPOINTS if item.name == name)
    status, body = agent.transport().request(row.method, row.path)
    operation = document()["paths"][row.path]["get"]
    schema = operation["responses"][str(status)]["content"]["application/json"]["schema"]
    _check(json.loads(body), schema)


def test_problems_are_as_documented(agent: Agent) -> None:
    status, body = agent.transport().request("GET", "/v1/jobs/7")
    assert status == 404
    _check(json.loads(body), {"$ref": "#/components/schemas/Problem"})
    assert set(RefusedError("x", hint="y").problem()) == set(json.loads(body))


def test_a_site_is_described_with_faces_inside() -> None:
    site = {**document(), "$ref": "#/components/schemas/Site"}
    good = {
        "share": {"images": {"volume": "images", "nfs": {"clients": [{"address": "10.0.0.1"}]}}}
    }
    jsonschema.validate(good, site)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"nfs": {"images": {}}}, site)


def _check(value: Any, schema: dict[str, Any]) -> None:
    jsonschema.validate(value, {**document(), **schema})


def endpoint(name: str, response: type[Any]) -> Endpoint[Any, Any]:
    return Endpoint(name, "GET", f"/v1/{name}", Empty, response, CallEffect.READ, ADMIN, "x")


def test_the_agent_binds_every_row() -> None:
    assert set(bind(HANDLERS)) == {row.name for row in ENDPOINTS}


def test_the_agent_refuses_to_start_on_a_gap() -> None:
    with pytest.raises(
        InternalError, match=r"cannot serve GET /v1/fans \(fans\): it has no handler"
    ):
        bind([disks], [endpoint("fans", DiskList)])


def test_the_agent_refuses_to_start_on_another_signature() -> None:
    with pytest.raises(InternalError, match="another type for: return"):
        bind([disks], [endpoint("disks", JobList)])
    odd = ModuleType("odd")
    exec("def disks(context, body): ...", vars(odd))
    odd.disks.__module__ = "odd"
    with pytest.raises(InternalError, match="takes"):
        bind([odd], [endpoint("disks", DiskList)])
