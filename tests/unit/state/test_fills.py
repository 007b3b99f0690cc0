"""How full the tiers were: an hour a line, a quarter of a year."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.model.capacity import Fill
from appliance.model.pool import TierName
from appliance.state.db import Store
from appliance.state.fills import EVERY, KEPT, FillBook

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state.db")
    yield opened
    opened.close()


def fill(at: datetime, used: int = 1, pool: str = "data") -> Fill:
    return Fill(pool=pool, tier=TierName.CAPACITY, at=at, used=used, size=100)


def test_a_tier_is_written_down_once_an_hour(store: Store) -> None:
    book = FillBook(store)
    for minutes in range(0, 180, 5):
        at = NOW + timedelta(minutes=minutes)
        book.note([fill(at, minutes), fill(at, minutes, pool="other")])
    found = book.of("data", "capacity")
    assert [item.used for item in found] == [0, 60, 120]
    assert found[0] == fill(NOW, 0)
    assert len(book.of("other", "capacity")) == 3
    assert not book.of("data", "performance")


def test_what_is_old_is_let_go(store: Store) -> None:
    book = FillBook(store)
    book.note([fill(NOW)])
    book.note([fill(NOW + KEPT + EVERY)])
    assert [item.at for item in book.of("data", "capacity")] == [NOW + KEPT + EVERY]


def test_a_clock_that_was_set_back_stops_nothing(store: Store) -> None:
    book = FillBook(store)
    book.note([fill(NOW + timedelta(days=20))])
    book.note([fill(NOW)])
    assert [item.at for item in book.of("data", "capacity")] == [NOW, NOW + timedelta(days=20)]
