"""When something is due next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from appliance.model.pool import Rhythm
from appliance.planner.schedule import PERIODS, next_due

SINCE = datetime(2026, 11, 24, 8, tzinfo=UTC)


def test_never_is_never() -> None:
    assert next_due(Rhythm.NEVER, "a", since=SINCE, last=None) is None
    assert next_due(Rhythm.NEVER, "a", since=SINCE, last=SINCE) is None


@pytest.mark.parametrize("rhythm", PERIODS)
def test_the_first_times_are_spread_over_the_period(rhythm: Rhythm) -> None:
    period = PERIODS[rhythm]
    firsts = [next_due(rhythm, f"disk/{n}", since=SINCE, last=None) for n in range(60)]
    assert all(first is not None and SINCE <= first < SINCE + period for first in firsts)
    quarters = {int(4 * (first - SINCE) / period) for first in firsts if first}
    assert quarters == {0, 1, 2, 3}
    assert firsts[0] == next_due(rhythm, "disk/0", since=SINCE, last=None)


def test_after_that_a_period_after_the_last() -> None:
    last = SINCE + timedelta(days=3)
    assert next_due(Rhythm.WEEKLY, "a", since=SINCE, last=last) == last + timedelta(days=7)
