"""What is kept of a disk's standing: admitted, in use, left behind, erased; and why."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from appliance.model.base import Value
from appliance.model.disk import Quarantine


class Depth(StrEnum):
    """How thoroughly a disk is tried before it is admitted."""

    IDENTITY = "identity"
    """Not at all: what it says of itself is checked, which takes no time."""
    SAMPLE = "sample"
    """Places spread over the whole disk are read."""
    FULL = "full"
    """Every block is read."""
    PATTERN = "pattern"
    """Every block is written and read back; what was on it is gone."""


class Outcome(StrEnum):
    """What one check says."""

    OK = "ok"
    WARNING = "warning"
    """It may be used, and somebody should know."""
    REFUSED = "refused"
    """It is not fit for a pool."""


class Check(Value):
    """One check of an admission: what was held against what, in words."""

    name: str
    """identity, size, smart, smr, sectors or surface."""
    outcome: Outcome
    words: str
    next_step: str = ""
    """What to do about one that is not ok."""


class Standing(StrEnum):
    """How a disk stands with this node. One nobody wrote down is new."""

    ADMITTED = "admitted"
    IN_USE = "in-use"
    LEFT = "left"
    """It is blank, but what it held was never erased."""
    ERASED = "erased"
    """Erased and not fit for a pool."""


QUARANTINED = {
    Standing.IN_USE: Quarantine.NOT_ERASED,
    Standing.LEFT: Quarantine.NOT_ERASED,
    Standing.ERASED: Quarantine.NOT_ADMITTED,
}
"""Why a blank disk of such a standing is quarantined."""


class DiskEntry(Value):
    """A disk's standing, since when, and what it was admitted on."""

    serial: str
    standing: Standing
    at: datetime
    who: str = ""
    """Who admitted or erased it; empty for what the node saw by itself."""
    was: str = ""
    """What it is part of or holds, or was part of last: "pool clinic", "xfs"."""
    depth: Depth | None = None
    """How thoroughly it was tried when it was admitted; None when it never was."""
    checks: tuple[Check, ...] = ()
    """The checks of its last admission."""
