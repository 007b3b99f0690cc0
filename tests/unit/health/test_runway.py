"""How long a tier lasts: too short a past, no growth, steady growth, a jump, and no day too early."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.health.runway import LEAST, WINDOW, runway
from appliance.model.capacity import Fill, Pace, Runway
from appliance.model.pool import TierName

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TIER = TierName.CAPACITY
GIB = 1 << 30


def past(days: int, used: Callable[[float], float], size: int = 100 * GIB) -> list[Fill]:
    """Every six hours until now; `used` in GiB by days ago."""
    ago = [hours / 24 for hours in range(24 * days, -1, -6)]
    return [
        Fill(
            pool="data",
            tier=TIER,
            at=NOW - timedelta(days=day),
            used=round(used(day) * GIB),
            size=size,
        )
        for day in ago
    ]


def of(fills: list[Fill]) -> Runway:
    return runway("data", TIER, fills, NOW)


def test_a_short_past_says_nothing() -> None:
    assert of([]).pace is Pace.UNKNOWN
    short = of(past(LEAST.days - 1, lambda day: 50 - day))
    assert (short.pace, short.days) == (Pace.UNKNOWN, None)
    assert short.since == NOW - timedelta(days=2)


def test_what_grows_by_a_gib_a_day_and_has_fifty_left_lasts_fifty_days() -> None:
    found = of(past(20, lambda day: 50 - day))
    assert found.pace is Pace.FILLING
    assert found.days == pytest.approx(50, rel=0.01)


@pytest.mark.parametrize(
    "used", [lambda day: 50, lambda day: 50 + day, lambda day: 50 - day / 1000]
)
def test_what_stands_still_or_empties_does_not_fill_up(used: Callable[[float], float]) -> None:
    assert of(past(20, used)).pace is Pace.STEADY


def test_only_the_last_month_counts() -> None:
    fast_once = past(60, lambda day: 50 - max(0.0, day - WINDOW.days))
    assert of(fast_once).pace is Pace.STEADY


def test_a_full_tier_lasts_no_day() -> None:
    assert of(past(10, lambda day: 100 - day)).days == 0


@given(st.lists(st.integers(0, 100 * GIB), min_size=2, max_size=40))
def test_it_is_never_less_than_nothing(used: list[int]) -> None:
    step = timedelta(days=10) / (len(used) - 1)
    fills = [
        Fill(
            pool="data",
            tier=TIER,
            at=NOW - timedelta(days=10) + step * number,
            used=size,
            size=100 * GIB,
        )
        for number, size in enumerate(used)
    ]
    found = of(fills)
    assert (found.days is not None) == (found.pace is Pace.FILLING)
    assert found.days is None or found.days >= 0
