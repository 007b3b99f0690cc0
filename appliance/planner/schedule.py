"""When something that is done again and again is due next. Pure: the time comes in."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from appliance.model.pool import Rhythm

PERIODS: Final[Mapping[Rhythm, timedelta]] = {
    Rhythm.WEEKLY: timedelta(days=7),
    Rhythm.MONTHLY: timedelta(days=30),
    Rhythm.QUARTERLY: timedelta(days=91),
}


def next_due(
    rhythm: Rhythm, key: str, *, since: datetime, last: datetime | None
) -> datetime | None:
    """When it is due; None for never.

    The first time is somewhere in the first period after `since`, by `key`, so that the disks of a
    chassis put in on one day do not all work on one day; later ones keep that distance.
    """
    period = PERIODS.get(rhythm)
    if period is None:
        return None
    if last is not None:
        return last + period
    return since + period * (zlib.crc32(key.encode()) / 2**32)
