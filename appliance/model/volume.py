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
    size: Size
    """Virtual size; may grow, never shrink."""
    tier: TierName = TierName.CAPACITY
    clone_of: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*(@[a-zA-Z0-9._-]+)?$|^$")] = ""
    """`volume` or `volume@snapshot` this one starts as a clone of; only read at creation."""


class SnapshotFound(Value):
    """A read-only point in time of a volume."""

    name: str
    created_at: str
    """RFC 3339, UTC."""
    size: Bytes


class VolumeFound(Found):
    """A thin logical volume that carries our tags."""

    pool: str
    tier: TierName
    size: Bytes
    device: str
    """/dev/<vg>/<lv>."""
    active: bool = True
    used_percent: Annotated[float, VOLATILE] = 0
    snapshots: tuple[SnapshotFound, ...] = ()
    merging: bool = False
    """A roll-back is waiting for, or going on at, the next activation."""
