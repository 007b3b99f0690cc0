"""Who is told of what: writes messages down when an alert turns, and once a day how all is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from appliance.kinds.base import Probe
from appliance.model.alert import AlertTurn
from appliance.model.message import Event, Message
from appliance.model.receiver import RECEIVER_DIR, ReceiverSpec, parse_receiver
from appliance.model.resource import Finding, Severity
from appliance.state.alerts import Alerts
from appliance.state.outbox import Outbox

if TYPE_CHECKING:
    from sqlite_utils import Database

_RANKS: Final = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
_LONG_S: Final = 3600.0
"""How long to sleep when nothing is due: settings are read anew by then."""
LATE: Final = timedelta(minutes=15)
"""A message that is still on its way after this is worth a word in the status."""

Receivers = Callable[[], Mapping[str, ReceiverSpec]]


def read_receivers(probe: Probe) -> dict[str, ReceiverSpec]:
    """The receivers whose documents can be read, by name."""
    found: dict[str, ReceiverSpec] = {}
    for entry in probe.list_dir(RECEIVER_DIR):
        text = probe.read_text(f"{RECEIVER_DIR}/{entry}") if entry.endswith(".json") else None
        spec = parse_receiver(text) if text else None
        if spec is not None:
            found[entry.removesuffix(".json")] = spec
    return found


@dataclass(frozen=True)
class Telling:
    """Writes messages down; delivery.py carries them away."""

    receivers: Receivers
    alerts: Alerts
    outbox: Outbox
    host: Callable[[], str]
    now: Callable[[], datetime]
    waiting: threading.Event
    """Set when there may be something to deliver."""

    def write_down(self, db: Database, item: AlertTurn) -> None:
        """A message to each receiver that wants to know, within the turn's transaction."""
        rank = _RANKS[item.alert.severity]
        names = [name for name, spec in self.receivers().items() if rank >= _RANKS[spec.least]]
        if names:
            now = self.now()
            message = Message(
                event=Event(item.turn.value), host=self.host(), at=now, alerts=(item.alert,)
            )
            self.outbox.put(db, names, message.model_dump_json(), now)

    def hurry(self) -> None:
        """Let what was written down be delivered."""
        self.waiting.set()

    def patience_s(self) -> float:
        """Seconds until a daily word is due."""
        now = self.now()
        moments = [_next(now, spec.all_well) for spec in self.receivers().values() if spec.all_well]
        return min((_LONG_S, *((moment - now).total_seconds() for moment in moments)))

    def daily(self) -> None:
        """Write down the daily words that are due. A new receiver begins with the next day's."""
        now = self.now()
        today = now.date().isoformat()
        for name, spec in self.receivers().items():
            last = self.outbox.last_daily(name)
            if not spec.all_well or last == today:
                continue
            due = now >= _at(now, spec.all_well)
            if not last:
                yesterday = (now - timedelta(days=1)).date().isoformat()
                self.outbox.put_daily(name, "", now, day=today if due else yesterday)
            elif due:
                message = Message(
                    event=Event.DAILY, host=self.host(), at=now, alerts=self.alerts.open()
                )
                self.outbox.put_daily(name, message.model_dump_json(), now)
                self.hurry()

    def troubles(self) -> Iterator[Finding]:
        """Receivers that cannot be told."""
        for name, error in self.outbox.troubles(self.now() - LATE).items():
            yield Finding(
                severity=Severity.WARNING,
                subject=f"receiver/{name}",
                what=f"receiver {name} has not been told for more than a quarter of an hour",
                why=error,
                next_step=f"Check its settings: appliance receiver show {name}; "
                f"then: appliance receiver test {name}",
                cause="receiver-unreachable",
            )


def _at(now: datetime, clock: str) -> datetime:
    return datetime.combine(now.date(), time.fromisoformat(clock), now.tzinfo)


def _next(now: datetime, clock: str) -> datetime:
    today = _at(now, clock)
    return today if today > now else today + timedelta(days=1)
