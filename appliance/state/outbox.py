"""Messages on their way to receivers: tried again and again, given up after a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlite_utils import Database

from appliance.state.db import Store

GIVE_UP: Final = timedelta(days=1)
FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(hours=1)
MOST: Final = 500
"""Messages that may wait for one receiver; the oldest go first, the table of alerts has them all."""


class Parcel(NamedTuple):
    """A message to one receiver."""

    number: int
    receiver: str
    document: str
    created_at: datetime
    attempts: int


class Outbox:
    """What is to be delivered, and to whom."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @staticmethod
    def put(db: Database, receivers: Iterable[str], document: str, now: datetime) -> None:
        """Add a message for each receiver, within the caller's transaction."""
        rows = [
            {"receiver": name, "document": document, "created_at": _text(now), "due_at": _text(now)}
            for name in receivers
        ]
        if rows:
            db.table("message").insert_all(rows)
        for row in rows:
            db.execute(
                "DELETE FROM message WHERE receiver = ?1 AND number NOT IN (SELECT number "
                "FROM message WHERE receiver = ?1 ORDER BY number DESC LIMIT ?2)",
                [row["receiver"], MOST],
            )

    def put_daily(
        self, receiver: str, document: str, now: datetime, *, day: str | None = None
    ) -> None:
        """Add the message of a day, which is then told; without a message the day counts as told."""
        with self._store.writing() as db:
            if document:
                self.put(db, [receiver], document, now)
            row = {"receiver": receiver, "day": day or now.date().isoformat()}
            db.table("daily").insert(row, pk="receiver", replace=True)

    def last_daily(self, receiver: str) -> str:
        """The last day (ISO) a receiver was told of; empty for a new one."""
        rows = self._store.rows("SELECT day FROM daily WHERE receiver = ?", receiver)
        return str(rows[0]["day"]) if rows else ""

    def due(self, now: datetime) -> tuple[Parcel, ...]:
        """Messages to be tried now, oldest first."""
        rows = self._store.rows(
            "SELECT * FROM message WHERE due_at <= ? ORDER BY number", _text(now)
        )
        return tuple(
            Parcel(
                row["number"],
                row["receiver"],
                row["document"],
                datetime.fromisoformat(row["created_at"]),
                row["attempts"],
            )
            for row in rows
        )

    def next_due(self) -> datetime | None:
        """When the next message is to be tried; None when none waits."""
        due = self._store.rows("SELECT min(due_at) AS due FROM message")[0]["due"]
        return None if due is None else datetime.fromisoformat(due)

    def delivered(self, parcel: Parcel) -> None:
        """It has arrived, or there is nobody to deliver it to any more."""
        with self._store.writing() as db:
            db.table("message").delete(parcel.number)

    def failed(self, parcel: Parcel, error: str, now: datetime) -> bool:
        """It did not arrive: tried again later, and so is what waits behind it. False when it is
        given up."""
        if now - parcel.created_at >= GIVE_UP:
            self.delivered(parcel)
            return False
        wait = min(FIRST_WAIT * 2**parcel.attempts, LONGEST_WAIT)
        later = {"attempts": parcel.attempts + 1, "error": error}
        with self._store.writing() as db:
            db.table("message").update(parcel.number, later)
            db.execute(
                "UPDATE message SET due_at = ?1 WHERE receiver = ?2 AND due_at < ?1",
                [_text(now + wait), parcel.receiver],
            )
        return True

    def troubles(self, before: datetime) -> dict[str, str]:
        """Receiver -> the last error of its oldest message, where that waits since before then."""
        rows = self._store.rows(
            "SELECT receiver, error, min(number) FROM message "
            "WHERE attempts > 0 AND created_at < ? GROUP BY receiver",
            _text(before),
        )
        return {row["receiver"]: row["error"] for row in rows}


def _text(moment: datetime) -> str:
    """Fixed width, so that text compares as time does."""
    return moment.isoformat(timespec="milliseconds")
