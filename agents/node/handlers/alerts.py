"""Alerts: read, and acknowledged until they change."""

from __future__ import annotations

from typing import Final

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from agents.node.watch.concerns import HEALTH
from appliance.api.contract import AlertQuery
from appliance.api.wire import Acknowledgement, AlertList, Empty
from appliance.errors import InvalidInputError
from appliance.model.alert import Alert

_MOST: Final = 1000
_LONGEST_NOTE: Final = 400


def alerts(context: Context, caller: Caller, body: AlertQuery) -> AlertList:
    """Open alerts the worst first, or the newest of all."""
    del caller
    if body.all:
        return AlertList(alerts=context.alerts.page(max(1, min(body.limit, _MOST))))
    return AlertList(alerts=context.alerts.open())


def alert(context: Context, caller: Caller, body: Empty, number: str) -> Alert:
    """One alert. Raises NotFoundError."""
    del caller, body
    return context.alerts.alert(_number(number))


def alert_acknowledge(
    context: Context, caller: Caller, body: Acknowledgement, number: str
) -> Alert:
    """Known: quiet until it gets worse. What a disk counts now is accepted until it rises.

    Raises NotFoundError, RefusedError for an alert that is over.
    """
    if len(body.note) > _LONGEST_NOTE or not body.note.isprintable():
        raise InvalidInputError(
            "The note is too long, or has more than one line.",
            hint=f"Write at most {_LONGEST_NOTE} characters on one line.",
            subject=f"alert/{number}",
        )
    found = context.alerts.alert(_number(number))
    context.note(
        caller,
        what="alert_acknowledge",
        subject=f"alert/{found.number} {found.subject}",
        outcome=f"acknowledged: {body.note}" if body.note else "acknowledged",
    )
    known = context.alerts.acknowledge(found.number, caller.user, body.note, context.now())
    if known.cause == HEALTH and known.serial:
        context.verdicts.acknowledge(known.serial, caller.user)
    return known


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - SQLite's range
        raise InvalidInputError(
            f"'{text}' is no number of an alert.",
            hint="List them with: appliance alert list",
            subject="alert",
        )
    return int(text)
