"""How long a tier lasts: a straight line through how full it was lately. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import linear_regression
from typing import Final

from appliance.model.capacity import Fill, Pace, Runway
from appliance.model.pool import TierName

WINDOW: Final = timedelta(days=30)
"""What is older says little of how it goes on. Our choice: a month has every weekly habit four times."""
LEAST: Final = timedelta(days=3)
"""Of a shorter past a single copy of a study makes the whole slope. Our choice."""
FAR_DAYS: Final = 3650.0
"""What would last longer than the machine does not fill up."""
_DAY_S: Final = 86400.0


def runway(pool: str, tier: TierName, fills: Sequence[Fill], now: datetime) -> Runway:
    """The runway of a tier from what is known of it, oldest first."""
    since = fills[0].at if fills else None
    lately = [fill for fill in fills if now - fill.at <= WINDOW]
    if not lately or lately[-1].at - lately[0].at < LEAST:
        return Runway(pool=pool, tier=tier, pace=Pace.UNKNOWN, since=since)
    days = [(fill.at - now).total_seconds() / _DAY_S for fill in lately]
    slope, _ = linear_regression(days, [float(fill.used) for fill in lately])
    last = lately[-1]
    left = max(0, last.size - last.used)
    if slope <= 0 or left / slope > FAR_DAYS:
        return Runway(pool=pool, tier=tier, pace=Pace.STEADY, since=since)
    return Runway(pool=pool, tier=tier, pace=Pace.FILLING, days=left / slope, since=since)
