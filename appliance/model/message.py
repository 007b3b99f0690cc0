"""What a receiver is told: of one alert, or how all is once a day. In words, and as JSON."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from appliance.model.alert import Alert
from appliance.model.base import Value
from appliance.model.resource import Severity


class Event(StrEnum):
    """Why a message is sent."""

    RAISED = "raised"
    WORSE = "worse"
    CLEARED = "cleared"
    DAILY = "daily"
    TEST = "test"


class Message(Value):
    """A message. `alerts` holds the one it is about, or all open ones in the daily word."""

    event: Event
    host: str
    at: datetime
    alerts: tuple[Alert, ...] = ()

    @property
    def severity(self) -> Severity:
        """The worst of what it tells; information when something is over or all is well."""
        if self.event in {Event.CLEARED, Event.TEST} or not self.alerts:
            return Severity.INFO
        found = {alert.severity for alert in self.alerts}
        order = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
        return next(item for item in order if item in found)

    def title(self) -> str:
        """One line."""
        if self.event is Event.TEST:
            return f"{self.host}: test message of the appliance"
        if self.event is Event.DAILY:
            return f"{self.host}: {_counted(self.alerts)}"
        alert = self.alerts[0]
        word = {
            Event.RAISED: alert.severity.upper(),
            Event.WORSE: f"worse, {alert.severity.upper()}",
            Event.CLEARED: "over",
        }[self.event]
        return f"{self.host}: {word}: {alert.what}"

    def text(self) -> str:
        """All of it, for people."""
        if self.event is Event.TEST:
            return "This is a test: alerts of this appliance will arrive here."
        if not self.alerts:
            return "All is well: no alert is open."
        return "\n\n".join(_about(alert) for alert in self.alerts)


def _counted(alerts: tuple[Alert, ...]) -> str:
    if not alerts:
        return "all is well"
    return f"{len(alerts)} alert{'' if len(alerts) == 1 else 's'} open"


def _about(alert: Alert) -> str:
    lines = [f"{alert.severity.upper()} (alert {alert.number}, {alert.state}): {alert.what}"]
    if alert.why:
        lines.append(f"why: {alert.why}")
    place = [("bay", alert.bay), ("serial", alert.serial), ("pool", alert.pool)]
    lines += [f"{key}: {value}" for key, value in place if value]
    lines.append(f"since: {alert.raised_at:%Y-%m-%d %H:%M} UTC")
    if alert.cleared_at is not None:
        lines.append(f"over since: {alert.cleared_at:%Y-%m-%d %H:%M} UTC")
    else:
        lines.append(f"next: {alert.next_step}")
    return "\n".join(lines)
