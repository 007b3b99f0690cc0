"""The first boot: what was found, what could be made of it, and what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from appliance.model.base import Bytes, Name, Value
from appliance.model.disk import Medium, Transport
from appliance.model.names import STATE_DIR
from appliance.model.pool import RaidLevel, TierName

SETUP_FILE: Final = f"{STATE_DIR}/setup.json"
"""Where the answers are kept until the setup is through."""
RECOMMENDED: Final = "recommended"
NO_POOL: Final = "none"


class ChassisSeen(Value):
    """The machine as its hardware profile knows it."""

    profile: str
    """Name of the hardware profile; "generic" for a machine no profile knows."""
    title: str
    score: Annotated[int, Field(ge=0, le=3)]
    """How sure that is: 3 this very product, 2 its family, 1 its maker, 0 unknown."""
    bays: int
    empty_bays: tuple[str, ...] = ()
    """Labels of the bays without a disk; empty too where nothing tells which bay a disk is in."""


class DiskChecked(Value):
    """A disk, and whether it may go into a pool."""

    serial: str
    bay: str = ""
    model: str = ""
    size: Bytes | None = None
    medium: Medium
    transport: Transport
    usable: bool
    why: str = ""
    """Why it may not, and what to do about that."""
    doubts: tuple[str, ...] = ()
    """What to know of one that may."""
    verdict: str = "unknown"
    """What is thought of its health."""


class CardSeen(Value):
    """A network card to make links of."""

    interface: str
    mac: str
    state: str
    addresses: tuple[str, ...] = ()


class LayoutTier(Value):
    """One tier of a proposed pool."""

    pool: Name
    tier: TierName
    raid: RaidLevel
    disks: tuple[str, ...]
    """Serials."""
    usable: Bytes
    survives: int
    """Disks of this tier that may be lost at once, whichever they are."""


class Layout(Value):
    """One way to make pools of the disks there are."""

    name: Name
    title: str
    recommended: bool = False
    usable: Bytes
    raw: Bytes
    """Of the disks it uses."""
    survives: int
    """Disks that may be lost at once, in the worst case."""
    tiers: tuple[LayoutTier, ...]
    spares: tuple[str, ...] = ()
    """Serials of the disks that stay free, to take the place of a lost one."""
    unused: tuple[str, ...] = ()
    """Serials of the disks it has no use for."""
    notes: tuple[str, ...] = ()
    site: dict[str, Any]
    """The pools as tables of a site spec."""


class Proposal(Value):
    """All that the first boot needs to know before it asks."""

    chassis: ChassisSeen
    disks: tuple[DiskChecked, ...]
    cards: tuple[CardSeen, ...]
    layouts: tuple[Layout, ...]
    """The recommended one first; none when there are too few usable disks."""
    on_medium: bool = False
    """The node runs from a live medium, and can be installed on disks of its own."""
    boot_disks: tuple[str, ...] = ()
    """Serials of the disks it can be installed on."""


class SetupAnswers(Value):
    """The table [setup] of an answers file; all other tables are those of a site spec."""

    profile: str = ""
    """The chassis that is expected; another one is refused. Empty for whatever is found."""
    layout: str = RECOMMENDED
    """Name of a proposed layout, `recommended`, or `none` where the file has its own pools."""
    pool: Name = "data"
    """What to call the pool; of several the first is NAME1."""
    secrets: Mapping[Name, str] = {}
    """Secret -> path of a file that holds its value, read where the command runs."""


class SetupRecord(Value):
    """What was answered and what that means; kept so that an interrupted setup goes on."""

    answers: Mapping[str, Any] = {}
    site: Mapping[str, Any] = {}
    """The site spec made of the answers, disks by serial; empty when nothing was answered yet."""
    finished: bool = False
