"""What was done by itself, and since when things are looked after; schedules survive a restart."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from appliance.model.care import ScrubRecord, SelfTestRecord, TakeoverRecord
from appliance.model.light import LitBay
from appliance.state.db import Row, Store

KEPT: Final = 60
"""Scrubs a pool, self-tests a disk: five years of monthly ones."""


class CareBook:
    """The tables behind spares, lights, scrubs and self-tests. All writing raises FullError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def since(self, key: str, now: datetime) -> datetime:
        """When something was first looked after: now, when it never was."""
        rows = self._store.rows("SELECT at FROM care_since WHERE key = ?", key)
        if rows:
            return datetime.fromisoformat(rows[0]["at"])
        with self._store.writing() as db:
            db.table("care_since").insert({"key": key, "at": now.isoformat()}, replace=True)
        return now

    def ask(self, key: str, now: datetime) -> None:
        """Something is to be done at the next chance, whatever the schedule says."""
        with self._store.writing() as db:
            db.table("care_since").insert(
                {"key": f"ask {key}", "at": now.isoformat()}, replace=True
            )

    def asked(self, key: str) -> datetime | None:
        """Since when it is asked for; None when it is not."""
        rows = self._store.rows("SELECT at FROM care_since WHERE key = ?", f"ask {key}")
        return datetime.fromisoformat(rows[0]["at"]) if rows else None

    def answered(self, key: str) -> None:
        """It was done."""
        with self._store.writing() as db:
            db.table("care_since").delete_where("key = ?", [f"ask {key}"])

    # --- spares

    def took_over(self, record: TakeoverRecord) -> None:
        """Write a takeover down; its number is given here."""
        row: Row = record.model_dump(mode="json")
        del row["number"]
        with self._store.writing() as db:
            db.table("takeover").insert(row)

    def takeovers(self) -> tuple[TakeoverRecord, ...]:
        """Those after which there is no spare again yet, oldest first."""
        rows = self._store.rows("SELECT * FROM takeover WHERE over_at IS NULL ORDER BY number")
        return tuple(map(TakeoverRecord.model_validate, rows))

    def takeover_over(self, number: int, now: datetime) -> None:
        """There is a spare again, or none is wanted."""
        with self._store.writing() as db:
            db.table("takeover").update(number, {"over_at": now.isoformat()})

    # --- lights

    def lit(self) -> tuple[LitBay, ...]:
        """The lights the node lit by itself."""
        rows = self._store.rows("SELECT document FROM bay_light ORDER BY serial, lamp")
        return tuple(LitBay.model_validate_json(row["document"]) for row in rows)

    def light_on(self, bay: LitBay) -> None:
        """One is lit now."""
        row: Row = {"serial": bay.serial, "lamp": bay.light.lamp.value}
        with self._store.writing() as db:
            db.table("bay_light").insert(row | {"document": bay.model_dump_json()}, replace=True)

    def light_off(self, bay: LitBay) -> None:
        """It is dark again."""
        with self._store.writing() as db:
            db.table("bay_light").delete_where(
                "serial = ? AND lamp = ?", [bay.serial, bay.light.lamp.value]
            )

    # --- scrubs

    def scrub_begun(
        self, pool: str, now: datetime, failed_before: int, job: int | None = None
    ) -> None:
        """A scrub runs, unless one is written down as running already."""
        if (last := self.last_scrub(pool)) and last.ended_at is None:
            return
        with self._store.writing() as db:
            begun = {"pool": pool, "begun_at": now.isoformat(), "failed_before": failed_before}
            db.table("scrub").insert(begun | {"job": job})
            db.execute(
                "DELETE FROM scrub WHERE pool = ?1 AND number NOT IN (SELECT number FROM scrub "
                "WHERE pool = ?1 ORDER BY number DESC LIMIT ?2)",
                [pool, KEPT],
            )

    def scrub_ended(
        self, number: int, now: datetime, mismatches: int | None, corrected: int | None
    ) -> None:
        """What came of it; None for one that was cut off."""
        facts = {
            "ended_at": now.isoformat(),
            "mismatches": mismatches,
            "corrected": corrected,
        }
        with self._store.writing() as db:
            db.table("scrub").update(number, facts)

    def last_scrub(self, pool: str) -> ScrubRecord | None:
        """The newest one, running or not."""
        return next(iter(self.scrubs(pool)), None)

    def scrubs(self, pool: str) -> tuple[ScrubRecord, ...]:
        """All that are kept, newest first."""
        rows = self._store.rows("SELECT * FROM scrub WHERE pool = ? ORDER BY number DESC", pool)
        return tuple(map(ScrubRecord.model_validate, rows))

    # --- self-tests

    def test_begun(self, record: SelfTestRecord) -> None:
        """Write a self-test down, with its outcome when it is known at once."""
        with self._store.writing() as db:
            db.table("self_test").insert(record.model_dump(mode="json"), replace=True)
            db.execute(
                "DELETE FROM self_test WHERE serial = ?1 AND begun_at NOT IN (SELECT begun_at "
                "FROM self_test WHERE serial = ?1 ORDER BY begun_at DESC LIMIT ?2)",
                [record.serial, KEPT],
            )

    def last_test(self, serial: str, kind: str) -> SelfTestRecord | None:
        """The newest one of a kind."""
        rows = self._store.rows(
            "SELECT * FROM self_test WHERE serial = ? AND kind = ? ORDER BY begun_at DESC LIMIT 1",
            serial,
            kind,
        )
        return SelfTestRecord.model_validate(rows[0]) if rows else None

    def running_tests(self) -> tuple[SelfTestRecord, ...]:
        """Those whose outcome is not known yet."""
        rows = self._store.rows("SELECT * FROM self_test WHERE outcome = ''")
        return tuple(map(SelfTestRecord.model_validate, rows))
