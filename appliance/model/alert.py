"""Alerts: what is not well, since when, who knows of it; and what is told to receivers."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Final

from appliance.model.base import Value
from appliance.model.resource import Finding, Severity

_MOVING: Final = re.compile(r"(?<![\w.-])\d{1,5}(\.\d+)?(?![\w-])")
"""A number by itself: a percentage, a count. One inside a serial or a name does not move."""


class AlertState(StrEnum):
    """Where an alert stands."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    """Somebody knows; it stays quiet until it gets worse or something is added to it."""
    CLEARED = "cleared"


class Concern(Value):
    """A finding that deserves an alert, and what it is about."""

    cause: str
    """The kind of trouble. Together with the subject it is what an alert is known by."""
    subject: str
    """noun/name: disk/ZSAS0000, pool/clinic, node."""
    marks: frozenset[str] = frozenset()
    """The single signs behind it; an acknowledged alert with a new sign is raised again."""
    severity: Severity
    what: str
    why: str = ""
    next_step: str
    bay: str = ""
    serial: str = ""
    pool: str = ""


class Alert(Concern):
    """A concern with its history. Times are in UTC."""

    number: int
    state: AlertState
    raised_at: datetime
    changed_at: datetime
    cleared_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    note: str = ""


class Turn(StrEnum):
    """What happened to an alert."""

    RAISED = "raised"
    WORSE = "worse"
    CLEARED = "cleared"


class AlertTurn(Value):
    """An alert and what happened to it just now."""

    turn: Turn
    alert: Alert


def concern_of(finding: Finding) -> Concern:
    """The concern behind a finding. Without a cause of its own its words are its cause, with the
    numbers that move taken out."""
    noun, _, name = finding.subject.partition("/")
    return Concern(
        cause=finding.cause or _MOVING.sub("#", finding.what),
        subject=finding.subject,
        severity=finding.severity,
        what=finding.what,
        why=finding.why,
        next_step=finding.next_step,
        pool=name if noun == "pool" else "",
    )
