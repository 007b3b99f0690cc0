"""What is thought of a disk: the verdict, the part it accuses, and the numbers it stands on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from appliance.model.base import Value


class Grade(StrEnum):
    """How a disk is. `unknown` is no grade of health: nobody could tell."""

    HEALTHY = "healthy"
    WATCH = "watch"
    """Nothing to replace yet; something to look at, or a part other than the disk."""
    PREFAIL = "prefail"
    """Replace it soon: disks with such numbers die far more often than others."""
    FAILING = "failing"
    """Replace it now."""
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """Worse is higher; unknown stands outside and ranks below all."""
        return _RANKS[self]


_RANKS: Mapping[Grade, int] = {
    Grade.UNKNOWN: -1,
    Grade.HEALTHY: 0,
    Grade.WATCH: 1,
    Grade.PREFAIL: 2,
    Grade.FAILING: 3,
}


class Part(StrEnum):
    """What the evidence accuses."""

    DISK = "disk"
    CABLE = "cable"
    BAY = "bay"
    HBA = "hba"
    ENCLOSURE = "enclosure"
    NONE = "none"


class Confidence(StrEnum):
    """How sure the verdict is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Evidence(Value):
    """One line a verdict stands on: a number, what it was held against, and who says so."""

    rule: str
    """The rule's name in rules.toml, or `self-assessment`."""
    grade: Grade
    """What this line alone would say."""
    part: Part
    words: str
    value: int | None = None
    threshold: int | None = None
    """The level that was reached; None for a line that only informs."""
    before: int | None = None
    """The value it rose from."""
    acknowledged: int | None = None
    """The value somebody knows of and accepts."""
    peers: int | None = None
    """The median of disks of the same model."""
    source: str = ""


class Verdict(Value):
    """The judgement of one disk."""

    verdict: Grade
    part: Part
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    """The worst first."""
    next_step: str


class PastMeasures(Value):
    """What was measured at one time in the past; see health.measures for the keys."""

    at: datetime
    measures: Mapping[str, int]
