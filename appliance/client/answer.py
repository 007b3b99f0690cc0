"""An answer's bytes to plain JSON values, a problem document to the error it describes."""

from __future__ import annotations

import json
from typing import Any, Final

from appliance.client.transport import Transport
from appliance.errors import ApplianceError, UnavailableError, from_problem

_FIRST_FAILURE: Final = 400


def decode(status: int, body: bytes) -> Any:  # noqa: ANN401 - JSON is whatever it is
    """The JSON value of a good answer. Raises the error that a bad one describes."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise UnavailableError(
            f"The agent answered {status} without JSON: {body[:80]!r}.",
            hint="Look at the node's log: journalctl -u appliance-agent -e",
        ) from error
    if status >= _FIRST_FAILURE:
        raise problem_error(document)
    return document


def decode_text(status: int, body: bytes) -> str:
    """The text of a good answer that is no JSON. Raises the error that a bad one describes."""
    if status >= _FIRST_FAILURE:
        decode(status, body)
    return body.decode()


def problem_error(document: object) -> ApplianceError:
    """The error of a problem document, however odd the document is."""
    return from_problem(document if isinstance(document, dict) else {})


def fetch(transport: Transport, path: str, method: str = "GET", body: object = None) -> Any:  # noqa: ANN401 - JSON is whatever it is
    """One call in plain JSON values: the light path, without models."""
    data = None if body is None else json.dumps(body).encode()
    return decode(*transport.request(method, path, data))
