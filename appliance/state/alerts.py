"""Alerts: raised once for each cause and subject, quiet when acknowledged, kept when cleared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlite_utils import Database

from appliance.errors import NotFoundError, RefusedError
from appliance.model.alert import Alert, AlertState, AlertTurn, Concern, Turn
from appliance.model.resource import Severity
from appliance.state.db import Row, Store

_RANKS: Final = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
KEPT_CLEARED: Final = 2000
"""Cleared alerts that are kept: a year of several a day."""
FLAPS: Final = timedelta(minutes=10)
"""A warning that comes back this soon is the same one, and is not told again."""

Tell = Callable[[Database, AlertTurn], None]
"""Writes down what is to be told of a turn, within the turn's own transaction."""
Covers = Callable[[str], bool]
"""Whether a subject was looked at, so that what was not found of it is over."""


def tell_nobody(_: Database, __: AlertTurn) -> None:
    """No receiver."""


class Alerts:
    """The table of alerts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def sync(
        self,
        concerns: Iterable[Concern],
        now: datetime,
        *,
        covers: Covers,
        tell: Tell = tell_nobody,
    ) -> tuple[AlertTurn, ...]:
        """Bring the table in line with what is found now; what turned.

        What is open, covered and found no more is cleared. Nothing is written when nothing moved.
        Raises FullError.
        """
        found = {(item.cause, item.subject): item for item in concerns}
        turns: list[AlertTurn] = []
        updates: list[Alert] = []
        with self._store.writing() as db:
            known = {(item.cause, item.subject): item for item in self.open()}
            for key, concern in found.items():
                alert = known.get(key) or self._flapping(key, concern, now)
                if alert is None:
                    turns.append(AlertTurn(turn=Turn.RAISED, alert=_insert(db, concern, now)))
                    continue
                moved, turn = _moved(alert, concern, now)
                updates += [moved] if moved != alert else []
                turns += [AlertTurn(turn=turn, alert=moved)] if turn else []
            for key, alert in known.items():
                if key not in found and covers(alert.subject):
                    over = {"state": AlertState.CLEARED, "changed_at": now, "cleared_at": now}
                    updates.append(alert.model_copy(update=over))
                    turns.append(AlertTurn(turn=Turn.CLEARED, alert=updates[-1]))
            for alert in updates:
                _update(db, alert)
            for item in turns:
                tell(db, item)
            if turns:
                _trim(db)
        return tuple(turns)

    def open(self) -> tuple[Alert, ...]:
        """Alerts that are not cleared, the worst first, then the oldest."""
        rows = self._store.rows("SELECT * FROM alert WHERE state <> 'cleared' ORDER BY number")
        return tuple(sorted(map(_alert, rows), key=lambda item: -_RANKS[item.severity]))

    def page(self, limit: int) -> tuple[Alert, ...]:
        """The newest alerts, cleared ones too, newest first."""
        rows = self._store.rows("SELECT * FROM alert ORDER BY number DESC LIMIT ?", limit)
        return tuple(map(_alert, rows))

    def alert(self, number: int) -> Alert:
        """One alert. Raises NotFoundError."""
        rows = self._store.rows("SELECT * FROM alert WHERE number = ?", number)
        if not rows:
            raise NotFoundError(
                f"There is no alert {number}.",
                hint="List them with: appliance alert list --all",
                subject=f"alert/{number}",
            )
        return _alert(rows[0])

    def acknowledge(self, number: int, who: str, note: str, now: datetime) -> Alert:
        """Somebody knows of it. Raises NotFoundError, RefusedError for one that is over."""
        alert = self.alert(number)
        if alert.state is AlertState.CLEARED:
            raise RefusedError(
                f"Alert {number} is over since {alert.cleared_at:%Y-%m-%d %H:%M} UTC.",
                hint="Open ones: appliance alert list",
                subject=f"alert/{number}",
            )
        known = {
            "state": AlertState.ACKNOWLEDGED,
            "acknowledged_at": now,
            "acknowledged_by": who,
            "note": note,
            "changed_at": now,
        }
        acknowledged = alert.model_copy(update=known)
        with self._store.writing() as db:
            _update(db, acknowledged)
        return acknowledged

    def _flapping(self, key: tuple[str, str], concern: Concern, now: datetime) -> Alert | None:
        """A warning that was over for a moment only."""
        if concern.severity is Severity.CRITICAL:
            return None
        rows = self._store.rows(
            "SELECT * FROM alert WHERE cause = ? AND subject = ? AND cleared_at > ? "
            "ORDER BY number DESC LIMIT 1",
            *key,
            (now - FLAPS).isoformat(),
        )
        return _alert(rows[0]) if rows else None


def _moved(alert: Alert, concern: Concern, now: datetime) -> tuple[Alert, Turn | None]:
    """The alert as it stands now, and whether that must be told."""
    facts = {name: getattr(concern, name) for name in Concern.model_fields}
    worse = _RANKS[concern.severity] > _RANKS[alert.severity]
    known = alert.state is AlertState.ACKNOWLEDGED
    added = known and not concern.marks <= alert.marks
    if known and not added:
        # What was acknowledged stays so even after a sign came and went.
        facts["marks"] = alert.marks
    if worse or added:
        facts |= {"state": AlertState.RAISED, "changed_at": now, "cleared_at": None}
        return alert.model_copy(update=facts), Turn.WORSE
    if alert.state is AlertState.CLEARED:
        facts |= {"state": AlertState.RAISED, "changed_at": now, "cleared_at": None}
    return alert.model_copy(update=facts), None


def _insert(db: Database, concern: Concern, now: datetime) -> Alert:
    facts = {"number": 0, "state": AlertState.RAISED, "raised_at": now, "changed_at": now}
    draft = Alert.model_validate(concern.model_dump() | facts)
    row = _row(draft)
    del row["number"]
    number = db.table("alert").insert(row).last_pk
    return draft.model_copy(update={"number": number})


def _update(db: Database, alert: Alert) -> None:
    db.table("alert").update(alert.number, _row(alert))


def _row(alert: Alert) -> Row:
    row: Row = alert.model_dump(mode="json")
    row["marks"] = json.dumps(sorted(alert.marks))
    return row


def _alert(row: Row) -> Alert:
    return Alert.model_validate({**row, "marks": json.loads(row["marks"])})


def _trim(db: Database) -> None:
    db.execute(
        "DELETE FROM alert WHERE state = 'cleared' AND number NOT IN "
        "(SELECT number FROM alert WHERE state = 'cleared' ORDER BY number DESC LIMIT ?)",
        [KEPT_CLEARED],
    )
