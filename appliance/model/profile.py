"""A hardware profile: what a chassis is, which path leads to which bay, and how to imitate it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from appliance.model.base import Name, Size, Value
from appliance.model.disk import Transport

PHYS_PER_HBA = 8


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        msg = f"'{pattern}' is not a regular expression: {error}"
        raise ValueError(msg) from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]
"""A regular expression; it must match the whole text."""

BayLabel = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,15}$")]
"""What is printed beside the bay, or `panel.number` where the maker prints nothing unique."""


class Quirk(StrEnum):
    """What a chassis does that a careful program must know."""

    NO_SES = "no-ses"
    """No enclosure services: bays come from paths only."""
    LEDMON_HARMFUL = "ledmon-harmful"
    """ledmon's SMP passthrough makes the HBA reset (seen with QEMU's mptsas1068)."""
    SILENT_HOTPLUG = "silent-hotplug"
    """The HBA tells the kernel nothing when a disk comes or goes until it is reset."""
    NO_SAS_SMART = "no-sas-smart"
    """SAS disks answer identity only, no SMART log."""


class LocateMethod(StrEnum):
    """How a bay's locate light is lit."""

    NONE = "none"
    SES = "ses"
    LEDCTL = "ledctl"
    NPEM = "npem"


class MatchRule(Value):
    """A rule over DMI facts. All patterns must match for it to give its score."""

    score: int = Field(ge=1, le=3)
    """3: this very product; 2: its family; 1: its vendor."""
    dmi: Mapping[str, Pattern]
    """File name under /sys/class/dmi/id -> pattern."""

    def holds(self, facts: Mapping[str, str]) -> bool:
        """Whether every pattern matches its fact whole."""
        return all(
            re.fullmatch(pattern, facts.get(key, "").strip()) for key, pattern in self.dmi.items()
        )


class Bay(Value):
    """One place for a disk."""

    label: BayLabel
    accepts: frozenset[Transport] = Field(min_length=1)


class Panel(Value):
    """One face of the chassis that holds bays, as a person sees it."""

    name: Name
    rows: tuple[tuple[str, ...], ...]
    """Bay labels from top left; an empty text is a gap."""


class BayRule(Value):
    """How to tell a disk's bay from its path, or from its enclosure and slot."""

    path: Pattern = ""
    """On udev's ID_PATH. A group named `n` is a number."""
    enclosure: Pattern = ""
    """On the enclosure's "vendor product"; then the slot is the number."""
    bay: str
    """The bay's label; `{n}` stands for the number plus `offset`."""
    offset: int = 0

    def bay_of(self, *, id_path: str, enclosure: str, slot: int | None) -> str | None:
        """The bay's label, None when the rule does not fit."""
        if self.enclosure:
            if slot is None or not re.fullmatch(self.enclosure, enclosure):
                return None
            return self.bay.format(n=slot + self.offset)
        match = re.fullmatch(self.path, id_path)
        if match is None:
            return None
        number = match.groupdict().get("n")
        return self.bay if number is None else self.bay.format(n=int(number) + self.offset)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.path) == bool(self.enclosure):
            msg = "a bay rule has either a path or an enclosure"
            raise ValueError(msg)
        return self


class Reserve(Value):
    """What guests may never have: it belongs to storage."""

    memory: Size
    cpus: int = Field(ge=0)


class EmulatedDisk(Value):
    """A disk QEMU imitates."""

    transport: Transport
    serial: str = Field(min_length=1, max_length=20)
    size: Size
    vendor: str = Field(default="", max_length=8)
    model: str = Field(default="", max_length=16)
    firmware: str = Field(default="1.0", max_length=4)
    wwn: str = Field(default="", pattern=r"^(0x[0-9a-f]{16})?$")
    rotation_rpm: int = Field(default=0, ge=0)
    """0 for solid state."""
    unreadable: tuple[int, ...] = ()
    """Sectors of 512 bytes whose reading is answered with an error, whatever was written there."""


class EmulatedBay(Value):
    """Where a bay's connectors end in the emulated machine, and what is in it at first."""

    bay: BayLabel
    sas_phy: int | None = Field(default=None, ge=0)
    """Counted over all HBAs: phy 8 is the first one of the second HBA."""
    sata_port: int | None = Field(default=None, ge=0, le=5)
    root_port: int | None = Field(default=None, ge=0)
    """A PCIe port of its own, for NVMe."""
    disk: EmulatedDisk | None = None

    def connector(self, transport: Transport) -> int | None:
        """The number of the connector for this transport; None when there is none."""
        connectors = {
            Transport.SAS: self.sas_phy,
            Transport.SATA: self.sata_port,
            Transport.NVME: self.root_port,
        }
        return connectors.get(transport)

    @model_validator(mode="after")
    def _disk_has_connector(self) -> Self:
        if self.disk is not None and self.connector(self.disk.transport) is None:
            msg = f"bay {self.bay} has no {self.disk.transport} connector for its disk"
            raise ValueError(msg)
        return self


class Emulation(Value):
    """How images.machine imitates the chassis (the virtual twin)."""

    memory: Size
    cpus: int = Field(ge=1)
    manufacturer: str
    product: str
    """Both appear as DMI facts of the twin."""
    bays: tuple[EmulatedBay, ...]

    @property
    def hbas(self) -> int:
        """SAS HBAs needed for the phys in use."""
        phys = [bay.sas_phy for bay in self.bays if bay.sas_phy is not None]
        return (max(phys) // PHYS_PER_HBA + 1) if phys else 0

    @property
    def root_ports(self) -> int:
        """PCIe root ports needed for NVMe bays."""
        ports = [bay.root_port for bay in self.bays if bay.root_port is not None]
        return (max(ports) + 1) if ports else 0


class Profile(Value):
    """A chassis. `generic` stands for every machine no profile knows."""

    name: Name
    title: str
    match: tuple[MatchRule, ...] = ()
    bays: tuple[Bay, ...] = ()
    panels: tuple[Panel, ...] = ()
    bay_rules: tuple[BayRule, ...] = ()
    quirks: frozenset[Quirk] = frozenset()
    locate: LocateMethod = LocateMethod.NONE
    reserve: Reserve
    emulation: Emulation | None = None

    def score(self, facts: Mapping[str, str]) -> int:
        """How well the profile fits these DMI facts: 0 not at all, 3 this very product."""
        return max((rule.score for rule in self.match if rule.holds(facts)), default=0)

    def bay_of(self, id_path: str, *, enclosure: str = "", slot: int | None = None) -> str:
        """The bay a path or enclosure slot leads to; empty when no rule knows it."""
        for rule in self.bay_rules:
            label = rule.bay_of(id_path=id_path, enclosure=enclosure, slot=slot)
            if label is not None:
                return label
        return ""

    @model_validator(mode="after")
    def _bays_agree(self) -> Self:
        labels = [bay.label for bay in self.bays]
        accepts = {bay.label: bay.accepts for bay in self.bays}
        drawn = [label for panel in self.panels for row in panel.rows for label in row if label]
        emulated = self.emulation.bays if self.emulation else ()
        wrong = {label for label in (*labels, *drawn) if labels.count(label) != 1}
        wrong |= {label for label in drawn if drawn.count(label) != 1}
        wrong |= {bay.bay for bay in emulated if bay.bay not in accepts}
        if wrong:
            msg = f"bays named twice or nowhere: {', '.join(sorted(wrong))}"
            raise ValueError(msg)
        refused = [
            bay.bay for bay in emulated if bay.disk and bay.disk.transport not in accepts[bay.bay]
        ]
        if refused:
            msg = f"bays that do not take their disk's transport: {', '.join(refused)}"
            raise ValueError(msg)
        return self
