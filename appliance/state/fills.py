"""How full the tiers were: one line an hour, for a quarter of a year."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from appliance.model.capacity import Fill
from appliance.state.db import Store

EVERY: Final = timedelta(hours=1)
KEPT: Final = timedelta(days=92)


class FillBook:
    """The table behind the runways."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, fills: Iterable[Fill]) -> None:
        """Write down how full tiers are, unless that was done within the hour. Raises FullError."""
        due = [fill for fill in fills if self._is_due(fill)]
        if not due:
            return
        with self._store.writing() as db:
            for fill in due:
                db.table("tier_fill").insert(fill.model_dump(mode="json") | {"at": _stamp(fill.at)})
            db.table("tier_fill").delete_where("at < ?", [_stamp(due[0].at - KEPT)])

    def of(self, pool: str, tier: str) -> tuple[Fill, ...]:
        """What is known of a tier, oldest first."""
        rows = self._store.rows(
            "SELECT * FROM tier_fill WHERE pool = ? AND tier = ? ORDER BY at", pool, tier
        )
        return tuple(map(Fill.model_validate, rows))

    def _is_due(self, fill: Fill) -> bool:
        """A clock that was set back is no reason to write none for a year."""
        rows = self._store.rows(
            "SELECT 1 FROM tier_fill WHERE pool = ? AND tier = ? AND at > ? AND at <= ?",
            fill.pool, fill.tier, _stamp(fill.at - EVERY), _stamp(fill.at),
        )  # fmt: skip
        return not rows


def _stamp(at: datetime) -> str:
    """Sorts as the times do: all of the agent's are UTC."""
    return at.isoformat(timespec="seconds")
