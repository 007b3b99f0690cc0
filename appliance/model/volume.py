"""A volume: the one abstraction shares, LUNs and guests stand on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from appliance.model.base import VOLATILE, Bytes, Name, Size, Value
from appliance.model.pool import TierName
from appliance.model.resource import Found, Spec


class VolumeSpec(Spec):
    """A thin volume in a tier of a pool."""

    pool: Name
    """The pool it stands in."""
    size: Size
    """Virtual size; may grow, never shrink."""
    tier: TierName = TierName.CAPACITY
    clone_of: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*(@[a-zA-Z0-9._-]+)?$|^$")] = ""
    """`volume` or `volume@snapshot` this one starts as a clone of; only read at creation."""


class SnapshotFound(Value):
    """A read-only point in time of a volume."""

    name: str
    created_at: str
    """RFC 3339, UTC: when its content was frozen."""
    logical_volume: str = ""
    active: bool = False
    """Snapshots are not activated by themselves: lvchange -ay -K."""
    size: Bytes


class VolumeFound(Found):
    """A thin logical volume that carries our tags."""

    pool: str
    tier: TierName
    size: Bytes
    device: str
    """/dev/<vg>/<lv>."""
    active: bool = True
    filesystem: str = ""
    """Signature on it as blkid(8) names it (xfs, ext4, LVM2_member); empty for none."""
    used_percent: Annotated[float, VOLATILE] = 0
    """100 where LVM does not tell: only what it says is empty may be taken for blank."""
    snapshots: tuple[SnapshotFound, ...] = ()
    in_use: Annotated[bool, VOLATILE] = False
    """Mounted, exported or otherwise open now."""
    elsewhere: tuple[str, ...] = ()
    """Other pools with a volume of this name, as disks of another node may bring along."""
    merging: bool = False
    """LVM is copying a snapshot back into it."""
    rolling_back: str = ""
    """SNAPSHOT/CREATED-AT of the roll-back under way; empty when none is."""
