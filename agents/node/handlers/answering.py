"""From a request to the bytes of its answer: who may, is the body right, call, encode once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from agents.node.handlers.binding import AnyEndpoint, Handler
from agents.node.handlers.callers import Caller, Callers, Peer
from agents.node.handlers.context import Context
from appliance.api.contract import CallEffect
from appliance.api.problems import encode_problem, explain_validation
from appliance.api.wire import PlainText
from appliance.errors import ApplianceError, BusyError, ForbiddenError, RefusedError, StaleError
from appliance.model.base import Value

_OK: Final = 200
_ACCEPTED: Final = 202
_GUARDS: Final = (RefusedError, StaleError, BusyError)


class Request(NamedTuple):
    """A request as it came in."""

    endpoint: AnyEndpoint
    peer: Peer
    parts: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    """What goes back."""

    status: int
    body: bytes
    problem: bool = False
    media: str = "application/json"


class Answering:
    """Answers requests; every refused one is an audit line."""

    def __init__(self, context: Context, handlers: Mapping[str, Handler], callers: Callers) -> None:
        self._context = context
        self._handlers = handlers
        self._callers = callers

    def answer(self, request: Request) -> Reply:
        """The answer, or the problem document of whatever error stood in its way."""
        caller = self._callers.caller(request.peer)
        try:
            try:
                value = self._call(request, caller)
            except ApplianceError as error:
                self._note_refusal(request, caller, error)
                raise
        except ApplianceError as error:
            return Reply(error.http_status, encode_problem(error), problem=True)
        if isinstance(value, PlainText):
            return Reply(_OK, value.text.encode(), media=request.endpoint.media)
        changes = request.endpoint.effect is CallEffect.JOB
        return Reply(_ACCEPTED if changes else _OK, encode(value))

    def _call(self, request: Request, caller: Caller) -> Value:
        endpoint = request.endpoint
        caller.require(endpoint)
        handler = self._handlers[endpoint.name]
        return handler(self._context, caller, _parse(request), **request.parts)

    def _note_refusal(self, request: Request, caller: Caller, error: ApplianceError) -> None:
        """Raises FullError when it cannot be written down."""
        endpoint = request.endpoint
        refused = isinstance(error, ForbiddenError) or (
            endpoint.effect is not CallEffect.READ and isinstance(error, _GUARDS)
        )
        if refused:
            self._context.note(
                caller,
                what=endpoint.name,
                subject="/".join(request.parts.values()) or error.subject,
                outcome=f"refused ({error.code}): {error.message}",
            )


def encode(value: Value) -> bytes:
    """A value as JSON bytes, in one pass."""
    encoded: bytes = type(value).__pydantic_serializer__.to_json(value)
    return encoded


def _parse(request: Request) -> Any:  # noqa: ANN401 - the endpoint's request type
    """Raises InvalidInputError naming each wrong key."""
    endpoint = request.endpoint
    try:
        if endpoint.method in {"GET", "DELETE"}:
            return endpoint.request.model_validate(dict(request.query))
        return endpoint.request.model_validate_json(request.body or b"{}")
    except ValidationError as error:
        raise explain_validation(error, endpoint.name) from error
