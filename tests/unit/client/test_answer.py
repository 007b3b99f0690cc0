"""Answers to values, problem documents to the errors they describe, whatever comes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.api.contract import JOB_GET, JOB_START, SECRET_PUT, JobQuery
from appliance.api.wire import ApplyRequest, SecretValue
from appliance.client.answer import decode
from appliance.client.client import Client
from appliance.errors import ApplianceError, InternalError, StaleError, UnavailableError, _tree

# The lab's own errors stay in the lab.
KINDS = [kind for kind in _tree(ApplianceError).values() if kind.__module__ == "appliance.errors"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.code))
def test_an_error_arrives_as_it_was_raised(kind: type[ApplianceError]) -> None:
    sent = kind("What.", hint="Do this.", subject="pool/tank", details=("a", "b"))
    with pytest.raises(kind) as raised:
        decode(kind.http_status, json.dumps(sent.problem()).encode())
    got = raised.value
    assert type(got) is kind
    assert (got.message, got.hint, got.subject, got.details) == (
        "What.", "Do this.", "pool/tank", ("a", "b"),
    )  # fmt: skip


@given(status=st.integers(400, 599), document=JSON)
def test_any_document_is_some_error(status: int, document: Any) -> None:
    with pytest.raises(ApplianceError) as raised:
        decode(status, json.dumps(document).encode())
    assert raised.value.hint


@given(keys=st.dictionaries(
    st.sampled_from(["code", "title", "hint", "subject", "details"]), JSON, max_size=5))  # fmt: skip
def test_odd_values_in_a_problem_are_some_error(keys: dict[str, Any]) -> None:
    with pytest.raises(ApplianceError):
        decode(500, json.dumps(keys).encode())


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff\xfe"])
@pytest.mark.parametrize("status", [200, 502])
def test_what_is_no_json_is_told_with_where_to_look(status: int, body: bytes) -> None:
    with pytest.raises(UnavailableError, match=f"answered {status} without JSON") as raised:
        decode(status, body)
    assert "journalctl -u appliance-agent" in raised.value.hint


class Recorder:
    """Remembers the request, answers with this."""

    def __init__(self, status: int, document: Any) -> None:
        self.answer = status, json.dumps(document).encode()
        self.asked: tuple[str, str, bytes | None] = ("", "", None)

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        self.asked = method, path, body
        return self.answer

    def close(self) -> None: ...


def test_a_query_stands_in_the_path_and_a_part_is_quoted() -> None:
    there = Recorder(404, InternalError("x", hint="y").problem())
    with pytest.raises(InternalError):
        Client(there).call(JOB_GET, JobQuery(after=3, wait=30), number="7/../x")
    method, path, body = there.asked
    assert (method, body) == ("GET", None)
    assert path.startswith("/v1/jobs/7%2F..%2Fx?")
    assert "after=3" in path
    assert "wait=30" in path


def test_a_body_is_json_and_a_secret_is_in_it_in_the_clear() -> None:
    there = Recorder(412, StaleError("x", hint="y").problem())
    with pytest.raises(StaleError):
        Client(there).call(JOB_START, ApplyRequest(plan_id="p", digest="d"))
    assert json.loads(there.asked[2] or b"") == {"plan_id": "p", "digest": "d", "confirm": []}
    there = Recorder(200, {"names": ["a"]})
    value = SecretValue.model_validate({"value": "correct horse"})
    assert Client(there).call(SECRET_PUT, value, name="a").names == ("a",)
    assert there.asked[:2] == ("PUT", "/v1/secrets/a")
    assert json.loads(there.asked[2] or b"") == {"value": "correct horse"}
