"""What was measured of disks, what people know of, and what the kernel said of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlite_utils import Database

from appliance.model.base import LARGEST
from appliance.model.disk_record import AcknowledgedValue, KernelWord
from appliance.model.smart import SmartReading
from appliance.model.verdict import PastMeasures
from appliance.state.db import Store

HEAT: Final = frozenset({"hot-disk", "over-limit"})
"""Measures that move all day and are no reason to keep a look."""
_DAY: Final = timedelta(days=1)
THINNING: Final = ((2 * _DAY, "%Y-%m-%dT%H"), (90 * _DAY, "%Y-%m-%d"), (1830 * _DAY, "%Y-%W"))
"""One look an hour for two days, one a day for ninety, one a week for five years: some 400 rows a
disk at most. The first look of all is kept as well."""


class DiskRecords:
    """The memory a verdict stands on. Serials are the disks' names here."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last = {
            row["serial"]: (row["at"], json.loads(row["measures"]))
            for row in store.rows(
                "SELECT serial, max(at) AS at, measures FROM smart_look GROUP BY serial"
            )
        }

    def keep(
        self, serial: str, reading: SmartReading, measures: Mapping[str, int], now: datetime
    ) -> bool:
        """Remember a look; False when the last one says the same and is less than an hour old.

        Raises FullError.
        """
        at, last = self._last.get(serial, ("", {}))
        # A broken drive says all ones, and its counters have more bits than SQLite's numbers.
        measures = {name: min(value, LARGEST) for name, value in measures.items()}
        same = _lasting(last) == _lasting(measures)
        if same and at[:13] == now.isoformat()[:13]:
            return False
        row = {"serial": serial, "at": now.isoformat(timespec="seconds")}
        kept = json.dumps(measures, sort_keys=True)
        with self._store.writing() as db:
            db.table("smart_look").insert({**row, "measures": kept}, replace=True)
            document = reading.model_dump_json(exclude_defaults=True)
            db.table("smart_last").insert({**row, "document": document}, replace=True)
            for measure, value in measures.items():
                db.execute(
                    "INSERT INTO smart_lowest VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE "
                    "SET value = ?3, at = ?4 WHERE value > ?3",
                    [serial, measure, value, row["at"]],
                )
            if at[:10] != row["at"][:10]:
                _thin(db, serial, now)
        self._last[serial] = (row["at"], dict(measures))
        return True

    def last_readings(self) -> Mapping[str, tuple[datetime, SmartReading]]:
        """The last kept reading of each disk and when it was taken."""
        return {
            row["serial"]: (
                datetime.fromisoformat(row["at"]),
                SmartReading.model_validate_json(row["document"]),
            )
            for row in self._store.rows("SELECT * FROM smart_last")
        }

    def lowest(self, serial: str) -> tuple[PastMeasures, ...]:
        """The lowest value of each measure that was ever seen: all that a rise is judged by."""
        rows = self._store.rows(
            "SELECT measure, value, at FROM smart_lowest WHERE serial = ?", serial
        )
        if not rows:
            return ()
        first = min(row["at"] for row in rows)
        measures = {row["measure"]: row["value"] for row in rows}
        return (PastMeasures(at=datetime.fromisoformat(first), measures=measures),)

    def history(self, serial: str) -> tuple[PastMeasures, ...]:
        """The kept looks, oldest first."""
        rows = self._store.rows(
            "SELECT at, measures FROM smart_look WHERE serial = ? ORDER BY at", serial
        )
        return tuple(
            PastMeasures(at=datetime.fromisoformat(row["at"]), measures=json.loads(row["measures"]))
            for row in rows
        )

    def acknowledge(self, serial: str, values: Mapping[str, int], who: str, now: datetime) -> None:
        """These values are known and accepted, until they rise."""
        rows = [
            {"serial": serial, "measure": key, "value": value, "at": now.isoformat(), "who": who}
            for key, value in values.items()
        ]
        with self._store.writing() as db:
            db.table("acknowledged").insert_all(rows, replace=True)

    def acknowledged(self, serial: str) -> tuple[AcknowledgedValue, ...]:
        """What is accepted of a disk."""
        rows = self._store.rows(
            "SELECT measure, value, at, who FROM acknowledged WHERE serial = ? ORDER BY measure",
            serial,
        )
        return tuple(map(AcknowledgedValue.model_validate, rows))

    def heard(self, serial: str, measure: str, count: int, line: str, now: datetime) -> None:
        """The kernel said this of a disk so many times more."""
        with self._store.writing() as db:
            db.execute(
                "INSERT INTO kernel_word VALUES (?1, ?2, ?3, ?4, ?4, ?5) ON CONFLICT DO UPDATE "
                "SET count = count + ?3, last_at = ?4, line = ?5",
                [serial, measure, count, now.isoformat(), line],
            )

    def kernel_words(self) -> Mapping[str, tuple[KernelWord, ...]]:
        """What the kernel said, by serial."""
        found: dict[str, tuple[KernelWord, ...]] = {}
        for row in self._store.rows("SELECT * FROM kernel_word ORDER BY serial, measure"):
            serial = row.pop("serial")
            found[serial] = (*found.get(serial, ()), KernelWord.model_validate(row))
        return found

    def unhear(self, serial: str, measures: Iterable[str]) -> None:
        """What the kernel said is over: the disk answers, or has been looked after."""
        gone = [[serial, measure] for measure in measures]
        with self._store.writing() as db:
            for pair in gone:
                db.execute("DELETE FROM kernel_word WHERE serial = ? AND measure = ?", pair)


def _lasting(measures: Mapping[str, int]) -> dict[str, int]:
    return {key: value for key, value in measures.items() if key not in HEAT}


def _thin(db: Database, serial: str, now: datetime) -> None:
    """Drop looks that are not the first of their hour, day or week, by their age."""
    looks = [
        datetime.fromisoformat(row["at"])
        for row in db.query("SELECT at FROM smart_look WHERE serial = ? ORDER BY at", [serial])
    ]
    seen: set[str] = set()
    for number, at in enumerate(looks):
        form = next((form for age, form in THINNING if now - at <= age), None)
        slot = at.strftime(form) if form else ""
        if number and (not slot or slot in seen):
            db.execute(
                "DELETE FROM smart_look WHERE serial = ? AND at = ?",
                [serial, at.isoformat(timespec="seconds")],
            )
        seen.add(slot)
