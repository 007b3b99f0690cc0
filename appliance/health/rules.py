"""The reviewed rules in rules.toml as values; a mistake in the file is found when it is loaded."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache, cached_property
from importlib import resources
from typing import Self

from pydantic import Field, model_validator

from appliance.model.base import Value
from appliance.model.disk import Medium
from appliance.model.smart import SmartProtocol
from appliance.model.verdict import Confidence, Grade, Part

WEAR_TOP = 100


class Take(StrEnum):
    """Which part of an attribute is the number."""

    PRINTED = "printed"
    LOW16 = "low16"
    HIGH16 = "high16"
    USED = "used"


class AttributeMeasure(Value):
    """An ATA attribute that counts something, under the names and models where it does."""

    measure: str
    id: int = Field(ge=1, le=255)
    name: str
    model: str = ""
    medium: Medium | None = None
    take: Take
    source: str

    @cached_property
    def name_pattern(self) -> re.Pattern[str]:
        """The whole name must match."""
        return re.compile(self.name)

    @cached_property
    def model_pattern(self) -> re.Pattern[str]:
        """The beginning of the model must match."""
        return re.compile(self.model)


class StatisticMeasure(Value):
    """An entry of the ATA device statistics log, by the standard's name."""

    measure: str
    name: str
    source: str


class VirtualDisk(Value):
    """A "vendor model" that names no drive but a volume."""

    pattern: str
    protocols: frozenset[SmartProtocol] = frozenset({SmartProtocol.SCSI, SmartProtocol.UNKNOWN})
    """A volume seldom poses as an ATA drive, and none as an NVMe one."""
    source: str

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The beginning must match."""
        return re.compile(self.pattern)


class Level(Value):
    """From which value on the measure means what."""

    at_least: int
    grade: Grade
    confidence: Confidence


class Outlier(Value):
    """When a disk stands out among its kind: `factor` times their median, and `at_least`."""

    factor: int = Field(ge=2)
    at_least: int = Field(ge=1)
    grade: Grade


class Rule(Value):
    """What is thought of one measure."""

    name: str
    measure: str = ""
    """Empty when it is called as the rule is."""
    medium: frozenset[Medium] = frozenset(Medium)
    part: Part
    shared_part: Part | None = None
    """What is accused when most disks of the kind show the same."""
    counter: bool = False
    """It only grows, so it can be acknowledged: people know of the value and wait for a rise."""
    words: str
    next_step: str
    source: str
    choice: bool = False
    """The number is ours, not the source's."""
    rising: Grade | None = None
    levels: tuple[Level, ...] = Field(min_length=1)
    outlier: Outlier | None = None

    @property
    def key(self) -> str:
        """The measure it judges."""
        return self.measure or self.name

    def level_of(self, value: int) -> Level | None:
        """The highest level reached."""
        return next((item for item in reversed(self.levels) if value >= item.at_least), None)

    @model_validator(mode="after")
    def _worse_is_higher(self) -> Self:
        values = [level.at_least for level in self.levels]
        ranks = [level.grade.rank for level in self.levels]
        if values != sorted(set(values)) or ranks != sorted(ranks):
            msg = f"{self.name}: levels must rise in value and never in health"
            raise ValueError(msg)
        if any(level.grade is Grade.UNKNOWN for level in self.levels):
            msg = f"{self.name}: no number makes a disk unknown"
            raise ValueError(msg)
        return self


class RuleBook(Value):
    """All of rules.toml."""

    sources: Mapping[str, str]
    attributes: tuple[AttributeMeasure, ...]
    statistics: tuple[StatisticMeasure, ...]
    virtual: tuple[VirtualDisk, ...]
    rules: tuple[Rule, ...]

    @cached_property
    def by_attribute(self) -> Mapping[int, tuple[AttributeMeasure, ...]]:
        """Attribute measures by attribute number."""
        numbers = {item.id for item in self.attributes}
        return {n: tuple(item for item in self.attributes if item.id == n) for n in numbers}

    @cached_property
    def by_statistic(self) -> Mapping[str, StatisticMeasure]:
        """Statistic measures by the standard's name."""
        return {item.name: item for item in self.statistics}

    def source(self, key: str) -> str:
        """The published source in full."""
        return self.sources[key]

    @model_validator(mode="after")
    def _sources_named(self) -> Self:
        used = {item.source for item in self.attributes} | {rule.source for rule in self.rules}
        used |= {item.source for item in self.statistics} | {item.source for item in self.virtual}
        if used != set(self.sources):
            msg = f"sources missing or never used: {sorted(used ^ set(self.sources))}"
            raise ValueError(msg)
        names = [rule.name for rule in self.rules]
        if len(set(names)) != len(names):
            msg = "two rules have the same name"
            raise ValueError(msg)
        return self


@cache
def rule_book() -> RuleBook:
    """The rules that come with the program."""
    text = resources.files("appliance.health").joinpath("rules.toml").read_text("utf-8")
    return RuleBook.model_validate(tomllib.loads(text))
