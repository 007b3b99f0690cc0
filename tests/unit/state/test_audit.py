"""The audit's chain: whatever is changed, dropped or cut off is noticed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import FullError
from appliance.state.audit import Audit
from appliance.state.db import Store
from tests.unit.fakehost import NOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = Store(path)
    yield opened
    opened.close()


@pytest.fixture
def audit(store: Store) -> Audit:
    audit = Audit(store)
    for number in range(1, 6):
        audit.append(
            NOW, who=f"user{number}", origin="local", what="apply", subject="p", outcome="done"
        )
    return audit


def tamper(path: Path, *statements: str) -> None:
    """As root with a SQLite shell: the triggers are dropped first."""
    with sqlite3.connect(path) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            db.execute(statement)
    db.close()


def test_an_empty_chain_holds(store: Store) -> None:
    verdict = Audit(store).verify()
    assert (verdict.intact, verdict.lines, verdict.head) == (True, 0, "")


def test_a_whole_chain_holds(audit: Audit) -> None:
    verdict = audit.verify()
    assert (verdict.intact, verdict.lines, verdict.broken_at) == (True, 5, None)
    assert verdict.head == audit.page(1)[0].digest


def test_pages_go_backwards(audit: Audit) -> None:
    assert [line.number for line in audit.page(2)] == [5, 4]
    assert [line.number for line in audit.page(2, before=4)] == [3, 2]
    assert audit.page(1)[0].who == "user5"


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE audit SET who = 'nobody' WHERE number = 3", 3),
        ("UPDATE audit SET at = 'earlier' WHERE number = 1", 1),
        ("UPDATE audit SET digest = 'x' WHERE number = 5", 5),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number >= 4", 4),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET number = 9 WHERE number = 5", 5),
        ("UPDATE audit_head SET lines = 4", 6),
        ("INSERT INTO audit VALUES (6, 'a', 'w', 'o', 'w', 's', 'o', 'd')", 6),
    ],
)
def test_the_first_broken_link_is_named(
    audit: Audit, path: Path, statement: str, broken_at: int
) -> None:
    tamper(path, statement)
    verdict = audit.verify()
    assert not verdict.intact
    assert verdict.broken_at == broken_at


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_head",
        "UPDATE audit_head SET lines = 2",
        "UPDATE audit_head SET digest = 'x'",
    ],
)
def test_the_head_only_moves_on(audit: Audit, path: Path, statement: str) -> None:
    with sqlite3.connect(path) as db, pytest.raises(sqlite3.IntegrityError, match="only grows"):
        db.execute(statement)
    db.close()


def test_without_room_nothing_is_half_written(audit: Audit, store: Store) -> None:
    pages = store.rows("PRAGMA page_count")[0]["page_count"]
    store.rows(f"PRAGMA max_page_count={pages}")
    with pytest.raises(FullError):
        audit.append(NOW, who="u", origin="o", what="w" * 100_000, subject="s", outcome="o")
    assert audit.verify().intact
