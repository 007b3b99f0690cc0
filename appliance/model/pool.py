"""A pool: what a person wants of it and what was found. LVM's tags are the truth."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from appliance.model.base import VOLATILE, Bytes, Size, Value
from appliance.model.resource import Found, Spec


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


class MemberFound(Value):
    """A disk that belongs to a tier, present or not."""

    serial: str
    """Empty when LVM knows the member only as missing."""
    pv: str
    """Device of the physical volume: the disk itself or the integrity layer over it."""
    pv_uuid: str
    missing: bool = False
    integrity: bool = False
    mismatches: Annotated[int | None, VOLATILE] = None
    """dm-integrity checksum mismatches since it was opened."""


class TierFound(Value):
    """A tier as it stands; each None or False is a layer not built yet."""

    members: tuple[MemberFound, ...] = ()
    raid: RaidLevel | None = None
    data_size: Bytes = 0
    """Usable bytes of the thin pool's data, 0 while there is none."""
    cached: bool = False
    cache_size: Bytes = 0
    thin_pool: bool = False
    data_percent: Annotated[float, VOLATILE] = 0
    metadata_percent: Annotated[float, VOLATILE] = 0
    sync_percent: Annotated[float, VOLATILE] = 100
    sync_action: Annotated[str, VOLATILE] = ""
    degraded: bool = False
    health: str = ""
    """LVM's own word (partial, refresh needed, mismatches exist), empty when well."""


class PoolFound(Found):
    """A volume group that carries our tags."""

    vg_uuid: str
    tiers: dict[TierName, TierFound]
    size: Bytes = 0
    free: Annotated[Bytes, VOLATILE] = 0
    logical_volumes: tuple[str, ...] = ()
    """All logical volumes in it, hidden ones in brackets: what a removal would take along."""
