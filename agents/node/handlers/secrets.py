"""Secrets: values go in, names come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from appliance.api.wire import Empty, SecretNames, SecretValue
from appliance.errors import RefusedError


def secrets(context: Context, caller: Caller, body: Empty) -> SecretNames:
    """Names of the stored secrets."""
    del caller, body
    return _names(context)


def secret_put(context: Context, caller: Caller, body: SecretValue, name: str) -> SecretNames:
    """Store or replace a secret. Raises InvalidInputError, FullError."""
    context.secrets.put(name, body.value)
    context.looking.forget()
    context.note(caller, what="secret_put", subject=f"secret/{name}", outcome="stored")
    return _names(context)


def secret_drop(context: Context, caller: Caller, body: Empty, name: str) -> SecretNames:
    """Forget a secret. Raises RefusedError while something refers to it, NotFoundError."""
    del body
    users = [item.id for item in context.wanted() if name in _texts(item.spec.model_dump())]
    if users:
        raise RefusedError(
            f"The secret '{name}' is in use by {', '.join(users)}.",
            hint=f"Replace its value instead (appliance secret set {name}), or change those first.",
            subject=f"secret/{name}",
        )
    context.secrets.drop(name)
    context.looking.forget()
    context.note(caller, what="secret_drop", subject=f"secret/{name}", outcome="forgotten")
    return _names(context)


def _names(context: Context) -> SecretNames:
    return SecretNames(names=tuple(sorted(context.secrets.names())))


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any plain value
    """Every text in a spec. Which fields name secrets only their kinds know, so a text that merely
    looks like the secret's name protects it as well: the safe side."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _texts(item)
