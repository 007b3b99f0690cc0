"""The locate light of a bay."""

from __future__ import annotations

from appliance.model.base import Value


class Light(Value):
    """Whether a disk's bay can be lit and is. Not available is a value, with its reasons."""

    available: bool
    on: bool | None = None
    """None while it is not available."""
    path: str = ""
    """The file in sysfs that switches it."""
    reasons: tuple[str, ...] = ()
    """Why it is not available, each way that was tried."""
