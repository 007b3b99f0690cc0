"""What is kept of a disk beside its SMART readings."""

from __future__ import annotations

from datetime import datetime

from appliance.model.base import Value


class AcknowledgedValue(Value):
    """A measure somebody knows of and accepts until it rises."""

    measure: str
    value: int
    at: datetime
    who: str


class KernelWord(Value):
    """What the kernel said of a disk, counted. Measures go by the rules of appliance/health."""

    measure: str
    count: int
    first_at: datetime
    last_at: datetime
    line: str
    """The last such line of the kernel's log."""
