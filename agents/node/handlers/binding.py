"""Binds a handler to each row of the endpoint table, or refuses to start."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, get_type_hints

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from appliance.api.contract import ENDPOINTS, Endpoint
from appliance.errors import InternalError
from appliance.model.base import Value

AnyEndpoint = Endpoint[Any, Any]
Handler = Callable[..., Value]


def bind(
    modules: Iterable[ModuleType], endpoints: Iterable[AnyEndpoint] = ENDPOINTS
) -> Mapping[str, Handler]:
    """Endpoint name -> the function of that name. Raises InternalError on any gap or mismatch."""
    functions: dict[str, Handler] = {}
    for module in modules:
        functions |= {
            name: item
            for name, item in vars(module).items()
            if inspect.isfunction(item) and item.__module__ == module.__name__
        }
    bound: dict[str, Handler] = {}
    for endpoint in endpoints:
        function = functions.get(endpoint.name)
        if function is None:
            raise _defect(endpoint, "it has no handler")
        _check(endpoint, function)
        bound[endpoint.name] = function
    return bound


def _check(endpoint: AnyEndpoint, function: Handler) -> None:
    placeholders = re.findall(r"\{(\w+)\}", endpoint.path)
    expected: dict[str, Any] = {
        "context": Context,
        "caller": Caller,
        "body": endpoint.request,
        **dict.fromkeys(placeholders, str),
        "return": endpoint.response,
    }
    hints = get_type_hints(function)
    names = list(inspect.signature(function).parameters)
    if names != [*expected][:-1]:
        raise _defect(endpoint, f"its handler takes {names}, not {[*expected][:-1]}")
    wrong = [name for name, kind in expected.items() if hints.get(name) is not kind]
    if wrong:
        raise _defect(endpoint, f"its handler has another type for: {', '.join(wrong)}")


def _defect(endpoint: AnyEndpoint, why: str) -> InternalError:
    return InternalError(
        f"The agent cannot serve {endpoint.method} {endpoint.path} ({endpoint.name}): {why}.",
        hint="This build is broken; install another one.",
        subject=endpoint.name,
    )
