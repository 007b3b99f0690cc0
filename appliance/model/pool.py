"""A pool: what a person wants of it and what was found. LVM's tags are the truth."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from appliance.model.base import VOLATILE, Bytes, Size, Value
from appliance.model.resource import AnyFound, Found, Spec


class TierName(StrEnum):
    """The tiers of a pool."""

    PERFORMANCE = "performance"
    CAPACITY = "capacity"


class RaidLevel(StrEnum):
    """LVM's RAID segment types that a tier may have."""

    RAID1 = "raid1"
    RAID5 = "raid5"
    RAID6 = "raid6"
    RAID10 = "raid10"


def full_cause(tier: TierName, part: str) -> str:
    """The cause of findings that the data or the metadata of a tier fills up."""
    return f"{tier}-{part}-full"


FULL_CAUSES: Final = frozenset(
    full_cause(tier, part) for tier in TierName for part in ("data", "metadata")
)
"""Told whatever else goes on with the pool: a rebuild takes days, and full is full meanwhile."""


class SparesFor(StrEnum):
    """When a spare takes a member's place by itself."""

    LOST = "lost"
    """When the member does not answer any more."""
    FAILING = "failing"
    """Then, and when the member's verdict is that it fails: it stays until all of it is elsewhere."""


class Rhythm(StrEnum):
    """How often something is done by itself."""

    NEVER = "never"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"


class TierSpec(Value):
    """One tier: its disks, their protection, its cache."""

    disks: Annotated[tuple[str, ...], Field(min_length=1)]
    """Each `bay:LABEL`, a serial or a WWN; stored as serials."""
    raid: RaidLevel
    integrity: bool | None = None
    """dm-integrity on each disk; by default on for capacity, off for performance."""
    cache: Size | None = None
    """Capacity tier only: a write-through cache of this size, mirrored on the performance disks."""


class PoolSpec(Spec):
    """A pool of one or two tiers, one volume group."""

    capacity: TierSpec | None = None
    performance: TierSpec | None = None
    spares: tuple[str, ...] = ()
    """Blank disks that take a member's place by themselves, each `bay:LABEL`, a serial or a WWN;
    stored as serials."""
    spares_for: SparesFor = SparesFor.FAILING
    """`lost`: only when a member does not answer; `failing`: when its health says so as well."""
    scrub: Rhythm = Rhythm.MONTHLY
    """How often every block is read and checked."""

    def tier(self, name: TierName) -> TierSpec:
        """The spec of a tier it has. Raises KeyError for one it has not."""
        spec = self.capacity if name is TierName.CAPACITY else self.performance
        if spec is None:
            raise KeyError(name)
        return spec

    def has_integrity(self, name: TierName) -> bool:
        """Whether the tier's disks get dm-integrity: as written, else on for capacity only."""
        wish = self.tier(name).integrity
        return name is TierName.CAPACITY if wish is None else wish


class MemberFound(Value):
    """A disk that belongs to a pool, present or not."""

    serial: str
    """From the physical volume's tag, else from the integrity layer's name; empty when neither
    tells (a bare disk whose tag is not written yet)."""
    pv: str
    """Device of the physical volume: the disk itself or the integrity layer over it."""
    pv_uuid: str
    size: Bytes = 0
    """What LVM can use of it."""
    free: Bytes = 0
    """What no logical volume has taken yet."""
    missing: bool = False
    flagged: bool = False
    """It is there, and the group still has it as missing, for it was changed meanwhile."""
    integrity: bool = False
    mismatches: Annotated[int | None, VOLATILE] = None
    """dm-integrity checksum mismatches since it was opened."""
    holds_data: bool = True
    """An image of the tier's RAID lies on it; False for a disk the tier has yet to grow onto."""
    holds_cache: bool = False
    """A leg of the tier's cache lies on it."""
    volumes: tuple[str, ...] = ()
    """Logical volumes with extents on it, hidden ones too: RAID images and their metadata."""
    layer_open: bool = False
    """A checksum layer is open under its name, whether its disk still answers or not."""


IN_SYNC: Final = 100.0
"""Percent."""
DISAGREES: Final = "mismatches exist"
"""LVM's word for a RAID whose last scrub found copies that differ (lvs(8), lv_health_status)."""
SCRUB: Final = "check"
"""LVM's word for reading and comparing a RAID that is in use and whole all the while."""

SYNC: Final = "synchronisation"
RECOVER: Final = "recover"
"""The sync action of an image that is rebuilt."""

SYNC_WORDS: Final = {RECOVER: "rebuild", SCRUB: "scrub", "reshape": "reshape"}
"""What is under way in a RAID (lvs(8), raid_sync_action) in the words used here; anything else is
SYNC: "resync" and "repair", after it was made or after a crash."""


class TierFound(Value):
    """A tier as it stands; each None or False is a layer not built yet."""

    members: tuple[MemberFound, ...] = ()
    raid: RaidLevel | None = None
    raid_lv: str = ""
    """The logical volume that is the RAID now: its name changes with what lies on it."""
    images: int = 0
    """Legs of the RAID; a tier that grew by as many disks again has more members than images."""
    data_size: Bytes = 0
    """Usable bytes of the RAID, which are the thin pool's data; 0 while there is none."""
    metadata_size: Bytes = 0
    """Size of the thin pool's metadata, made or still waiting for its pool; 0 without."""
    cached: bool = False
    """The cache is attached."""
    cache_size: Bytes = 0
    """Size of the cache, attached or not; 0 without."""
    thin_pool: bool = False
    active: bool = True
    """Its logical volumes are active; False after a start that did not see all disks."""
    data_percent: Annotated[float, VOLATILE] = 0
    metadata_percent: Annotated[float, VOLATILE] = 0
    sync_percent: Annotated[float, VOLATILE] = 100
    sync_action: Annotated[str, VOLATILE] = ""
    mismatches: Annotated[int, VOLATILE] = 0
    """Sectors whose copies or parity disagreed in the last scrub."""
    degraded: bool = False
    returned: bool = False
    """A disk that was away is back, and one of the tier's RAIDs does not use it yet."""
    health: Annotated[str, VOLATILE] = ""
    """LVM's own word (partial, refresh needed, mismatches exist), empty when well."""

    @property
    def whole(self) -> bool:
        """Every leg of its RAIDs is in use and has all data; a scrub and what it found change
        nothing of that."""
        in_sync = self.sync_percent >= IN_SYNC or self.sync_action == SCRUB
        lacks = self.degraded or self.returned or self.health not in {"", DISAGREES}
        return in_sync and not lacks


class PoolFound(Found):
    """A volume group that carries our tags."""

    vg_uuid: str
    twin: bool = False
    """Another volume group has the same name, so LVM changes neither by it."""
    tiers: dict[TierName, TierFound]
    untagged: tuple[MemberFound, ...] = ()
    """Physical volumes whose tier is not written down yet: making the pool was interrupted."""
    size: Bytes = 0
    free: Annotated[Bytes, VOLATILE] = 0
    logical_volumes: tuple[str, ...] = ()
    """All logical volumes in it, hidden ones in brackets: what a removal would take along."""
    spares: tuple[str, ...] = ()
    """Serials of its hot spares, from the group's tags; they are blank and not in the group."""

    @property
    def members(self) -> tuple[MemberFound, ...]:
        """All disks of the pool, the tagged ones first."""
        return (*(item for tier in self.tiers.values() for item in tier.members), *self.untagged)


def pools_in(found: Mapping[str, Mapping[str, AnyFound]]) -> Mapping[str, PoolFound]:
    """The pools among all that was found, by name."""
    return {
        name: pool for name, pool in found.get("pool", {}).items() if isinstance(pool, PoolFound)
    }
