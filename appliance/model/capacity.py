"""How full a tier was, and how long it lasts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from appliance.model.base import Bytes, Name, Value
from appliance.model.pool import TierName


class Fill(Value):
    """A tier at one time."""

    pool: Name
    tier: TierName
    at: datetime
    used: Bytes
    size: Bytes


class Pace(StrEnum):
    """What the past says of the future."""

    UNKNOWN = "unknown"
    """It is too short to say anything."""
    STEADY = "steady"
    """The tier does not fill up."""
    FILLING = "filling"


class Runway(Value):
    """How long a tier lasts if it goes on as it did lately."""

    pool: Name
    tier: TierName
    pace: Pace
    days: float | None = None
    """Until it is full; None unless it is filling."""
    since: datetime | None = None
    """When what is known of it begins."""
