"""The typed client: a row of the endpoint table in, a value of its response type out."""

from __future__ import annotations

from typing import Final, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from appliance.api.contract import Endpoint
from appliance.api.paths import fill
from appliance.client.answer import decode
from appliance.client.transport import Transport
from appliance.errors import UnavailableError

Q = TypeVar("Q", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)

_BODYLESS: Final = frozenset({"GET", "DELETE"})
_FIRST_FAILURE: Final = 400


class Client:
    """Calls a node's agent. Blocks; use it in a worker thread where a screen must live on."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def call(self, endpoint: Endpoint[Q, R], body: Q | None = None, **parts: str) -> R:
        """One call. `parts` fill the path's placeholders; `body` is the query of a GET.

        Raises the ApplianceError the node answers with, UnavailableError when it does not.
        """
        path, data = fill(endpoint.path, **parts), None
        if endpoint.method in _BODYLESS:
            query = {} if body is None else body.model_dump(mode="json", exclude_defaults=True)
            path += f"?{urlencode(query)}" if query else ""
        elif body is not None:
            data = body.model_dump_json(context={"reveal": True}).encode()
        status, answer = self._transport.request(endpoint.method, path, data)
        if status >= _FIRST_FAILURE:
            decode(status, answer)
        try:
            return endpoint.response.model_validate_json(answer)
        except ValidationError as error:
            raise UnavailableError(
                f"The node's answer to {endpoint.name} is not of the form this client knows.",
                hint="Node and client are of different versions; bring both to the same.",
                subject=endpoint.name,
            ) from error

    def close(self) -> None:
        """Let the connection go."""
        self._transport.close()
