"""Members that are only closed: their disk is there, the checksum layer over it is not open.

So it is after a start that did not wait for a slow disk. Such a member is not lost: once its
layer is open LVM has it back, and nothing needs to be rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterator

from appliance.kinds.pool_build import is_on
from appliance.kinds.pool_steps import pv_device
from appliance.model.disk import Disk
from appliance.model.pool import MemberFound, PoolFound
from appliance.model.snapshot import NodeSnapshot


def closed_disk(member: MemberFound, snapshot: NodeSnapshot) -> Disk | None:
    """The disk of a member that only has to be opened; None for any other member."""
    if not (member.missing and member.integrity and member.serial) or member.layer_open:
        return None
    for disk in snapshot.disks:
        layered = any(item.type == "DM_integrity" for item in disk.signatures)
        if is_on(member, disk.serial, disk):
            return disk if layered and not (disk.missing or disk.holders) else None
    return None


def closed_disks(found: PoolFound, snapshot: NodeSnapshot) -> Iterator[Disk]:
    """All disks that only have to be opened."""
    for member in found.members:
        disk = closed_disk(member, snapshot)
        if disk is not None:
            yield disk


def once_opened(found: PoolFound, snapshot: NodeSnapshot) -> PoolFound:
    """The pool as it will be when those layers are open."""

    def opened(member: MemberFound) -> MemberFound:
        disk = closed_disk(member, snapshot)
        if disk is None:
            return member
        device = pv_device(disk, integrity=True)
        return member.model_copy(update={"missing": False, "pv": device, "layer_open": True})

    tiers = {
        tier: state.model_copy(update={"members": tuple(map(opened, state.members))})
        for tier, state in found.tiers.items()
    }
    return found.model_copy(update={"tiers": tiers})
