"""The book of disks: kept over a restart, told to the audit, certificates that cannot be changed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from appliance.errors import ApplianceError, FullError, NotFoundError
from appliance.model.admission import Check, Depth, DiskEntry, Outcome, Standing
from appliance.model.disk import Disk, Medium, Transport
from appliance.model.erasing import Certificate, EraseMethod, Sanitization
from appliance.model.steps import BookStep
from appliance.state.audit import Audit
from appliance.state.db import Store
from appliance.state.disk_book import DiskBook, digest_of
from appliance.state.disks import DiskMemory
from tests.unit.fakehost import NOW


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state.db")


def a_book(store: Store) -> DiskBook:
    return DiskBook(store, Audit(store), lambda: NOW)


def entry(serial: str, standing: Standing = Standing.ADMITTED, *checks: Check) -> DiskEntry:
    return DiskEntry(serial=serial, standing=standing, at=NOW, depth=Depth.FULL, checks=checks)


def paper(serial: str = "S1") -> Certificate:
    return Certificate(
        serial=serial, size=1, method=EraseMethod.OVERWRITE, category=Sanitization.CLEAR,
        commands=("blkdiscard",), verified="64 places",
    )  # fmt: skip


def step(
    *entries: DiskEntry, forget: tuple[str, ...] = (), certificate: Certificate | None = None
) -> BookStep:
    return BookStep(
        title="-", resource="disk/S1", entries=entries, forget=forget, certificate=certificate
    )


def test_what_was_seen_is_kept_and_forgotten(store: Store) -> None:
    book = a_book(store)
    assert book.entry("S1") is None
    book.saw((), ())
    book.saw((entry("S1"), entry("S2", Standing.LEFT)), ())
    assert set(a_book(store).entries()) == {"S1", "S2"}
    book.saw((), ("S1",))
    assert set(book.entries()) == set(a_book(store).entries()) == {"S2"}
    assert Audit(store).page(9) == (), "looking is no act"


def test_an_admission_is_signed_and_in_the_audit(store: Store) -> None:
    book = a_book(store)
    doubt = Check(name="smart", outcome=Outcome.WARNING, words="Its health cannot be told.")
    book.write(step(entry("S1", Standing.ADMITTED, doubt), entry("S2")), who="ada", job=3)
    known = a_book(store).entry("S1")
    assert known is not None
    assert (known.who, known.checks) == ("ada", (doubt,))
    second, first = Audit(store).page(9)
    assert (first.who, first.what, first.subject) == ("ada", "disk_standing", "disk/S1")
    assert first.outcome == "admitted, depth full; Its health cannot be told."
    assert second.outcome == "admitted, depth full; nothing against it"
    book.write(step(entry("S1", Standing.LEFT), forget=("S2",)), who="agent", job=None)
    assert set(book.entries()) == {"S1"}
    assert Audit(store).page(1)[0].outcome == "left"


def test_a_certificate_is_numbered_signed_and_in_the_audit(store: Store) -> None:
    book = a_book(store)
    for _ in range(2):
        book.write(step(entry("S1"), certificate=paper()), who="ada", job=7)
    newest, older = book.certificates("S1")
    assert (newest.number, older.number) == (2, 1)
    assert (newest.who, newest.job, newest.at) == ("ada", 7, NOW)
    assert newest.digest == digest_of(newest) != older.digest
    assert book.certificate("S1") == newest
    line = Audit(store).page(1)[0]
    assert (line.what, line.subject) == ("disk_erased", "disk/S1")
    assert f"certificate 2: overwrite, clear by NIST SP 800-88 Rev. 1; 64 places; sha256 {newest.digest}" in line.outcome  # fmt: skip
    assert Audit(store).verify().intact
    with pytest.raises(ApplianceError, match="append-only"), store.writing() as db:
        db.execute("UPDATE certificate SET serial = 'S2'")


def test_a_disk_that_was_never_erased_has_none(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no certificate that disk S9"):
        a_book(store).certificate("S9")


def test_on_a_full_disk_a_look_is_not_kept_and_an_act_fails(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = a_book(store)

    def full() -> None:
        raise FullError("full", hint="-")

    monkeypatch.setattr(store, "writing", full)
    book.saw((entry("S1"),), ())
    assert book.entry("S1") is None
    with pytest.raises(FullError):
        book.write(step(entry("S1")), who="ada", job=1)
    assert book.entry("S1") is None


def test_disks_known_from_before_are_taken_for_admitted(tmp_path: Path) -> None:
    """A node that is updated does not put its free disks into quarantine."""
    path = tmp_path / "state.db"
    old = Store(path)
    disk = Disk(serial="S1", transport=Transport.SAS, medium=Medium.HDD, size=1, node="sda")
    DiskMemory(old).remember((disk,), NOW)
    old.close()
    with sqlite3.connect(path) as db:
        db.executescript("DROP TABLE disk_standing; DROP TABLE certificate;")
        db.execute("DELETE FROM _sqlite_migrations WHERE name = 'm006_disk_book'")
    db.close()
    known = a_book(Store(path)).entry("S1")
    assert known is not None
    assert (known.standing, known.at) == (Standing.ADMITTED, NOW)
