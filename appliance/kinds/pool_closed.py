"""Members that are only closed or out: their disk is there, but their pool does not use it.

After a start that did not wait for a slow disk the checksum layer over it is not open. After a
disk was pulled and put back that layer still holds the device that went; and where there is no
layer, LVM knows the disk again while the RAID over it left it out ("refresh needed", lvmraid(7)).
Such a member is not lost. It is taken in again, and only what it missed is rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from appliance.kinds.pool_build import is_on
from appliance.kinds.pool_parts import raid_parts, tiers_on
from appliance.kinds.pool_steps import LVM_FAILED, PoolSteps, pv_device
from appliance.model.disk import Disk
from appliance.model.names import integrity_device, mapping_name
from appliance.model.pool import MemberFound, PoolFound, TierName
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import RunStep

_NOTHING: Final = ("true",)
"""The way back of a step that only has what is there be used."""


def closed_disk(member: MemberFound, snapshot: NodeSnapshot) -> Disk | None:
    """The disk of a member that only has to be opened; None for any other member."""
    if not (member.missing and member.integrity and member.serial):
        return None
    for disk in snapshot.disks:
        layered = any(item.type == "DM_integrity" for item in disk.signatures)
        if is_on(member, disk.serial, disk):
            return disk if layered and not (disk.missing or disk.holders) else None
    return None


def _closed(found: PoolFound, snapshot: NodeSnapshot) -> Iterator[tuple[MemberFound, Disk]]:
    for member in found.members:
        disk = closed_disk(member, snapshot)
        if disk is not None:
            yield member, disk


def _flagged(found: PoolFound, snapshot: NodeSnapshot) -> Iterator[tuple[MemberFound, Disk]]:
    for member in found.members:
        disk = snapshot.disk(member.serial) if member.flagged else None
        if disk is not None and not disk.missing:
            yield member, disk


def is_back(found: PoolFound, snapshot: NodeSnapshot) -> bool:
    """Whether a disk that was away is there again and its pool has yet to take it in."""
    out = any(state.returned for state in found.tiers.values())
    stale = any(member.layer_open for member, _ in _closed(found, snapshot))
    return out or stale or any(_flagged(found, snapshot))


def reopening(make: PoolSteps, found: PoolFound, snapshot: NodeSnapshot) -> Iterator[RunStep]:
    """The steps after which the pool uses all of its disks that are there."""
    closed = tuple(_closed(found, snapshot))
    stale = tuple(item for item in closed if item[0].layer_open)
    flagged = tuple(_flagged(found, snapshot))
    for member, disk in stale:
        if raid_parts(member):
            yield _let_go(make, member, disk)
        yield _close_stale(make, disk)
    for _, disk in closed:
        yield make.open_integrity(disk, claim=False)
    for member, disk in (*stale, *flagged):
        yield _count_in(make, disk, pv_device(disk, integrity=member.integrity))
    if closed or any(not state.active for state in found.tiers.values()):
        yield make.activate()
    over = set(_in_use(found, (*closed, *flagged)))
    for tier, state in found.tiers.items():
        if tier in over or state.returned:
            yield _take_in(make, tier)


def _in_use(found: PoolFound, out: Iterable[tuple[MemberFound, Disk]]) -> Iterator[TierName]:
    """The tiers that go on without these members of theirs."""
    parts = {tier for member, _ in out for tier in tiers_on(member)}
    for tier, state in found.tiers.items():
        if tier in parts and state.raid is not None and state.active:
            yield tier


def _let_go(make: PoolSteps, member: MemberFound, disk: Disk) -> RunStep:
    """Have the parts of RAIDs that lay on a device fail instead of holding it.

    The RAIDs have long left them out, and refreshing gives them their tables again. LVM itself
    refreshes a volume with a part missing only by devices of errors that it never removes.
    """
    parts = tuple(mapping_name(make.vg, part) for part in raid_parts(member))
    return make.run(
        f"Have the RAIDs let go of what {disk.where} was before it was put back",
        "dmsetup", "wipe_table", "--noflush", *parts,
        undo=_NOTHING,
    )  # fmt: skip


def _close_stale(make: PoolSteps, disk: Disk) -> RunStep:
    return make.run(
        f"Close the checksum layer over what {disk.where} was",
        "integritysetup", "close", integrity_device(disk.serial),
        undo=_NOTHING,
    )  # fmt: skip


def _count_in(make: PoolSteps, disk: Disk, device: str) -> RunStep:
    """Have the group count a disk in that was away while the group was changed.

    lvm(8) ends with 5 where the group has never missed it.
    """
    step = make.run(
        f"Have {make.vg} count {disk.where} in again",
        "vgextend", "--restoremissing", make.vg, device,
        undo=_NOTHING,
    )  # fmt: skip
    lenient = step.command.model_copy(update={"ok_codes": (0, LVM_FAILED)})
    return step.model_copy(update={"command": lenient})


def _take_in(make: PoolSteps, tier: TierName) -> RunStep:
    """Have the RAIDs of a tier use their disks that are back; what they missed is rebuilt."""
    return make.run(
        f"Have tier {tier} take in the disk that is back",
        "lvchange", "--refresh", f"{make.vg}/{tier}",
        undo=_NOTHING,
    )  # fmt: skip


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
