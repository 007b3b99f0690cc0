"""Taking a pool apart until its disks are blank, from whatever stands of it."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.kinds.pool_build import is_on
from appliance.kinds.pool_steps import PoolSteps
from appliance.model.base import format_size
from appliance.model.disk import Disk
from appliance.model.names import integrity_device
from appliance.model.pool import MemberFound, PoolFound, TierName
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import RunStep


def removal_steps(name: str, found: PoolFound | None, snapshot: NodeSnapshot) -> Iterator[RunStep]:
    """The steps that leave nothing of the pool.

    Without a volume group what is left are the layers on disks an unfinished removal had consent
    for. Disks that are away are forgotten; they still carry their label when they come back.
    """
    make = PoolSteps(name)
    if found is not None:
        yield from _take_apart(make, found)
    for disk, member in _disks(name, found, snapshot):
        yield from blank_disk(make, disk, member)


def _take_apart(make: PoolSteps, found: PoolFound) -> Iterator[RunStep]:
    yield make.run(
        f"Deactivate all of {make.vg}; this fails while any of it is in use",
        "vgchange", "--activate", "n", make.vg,
        undo=("vgchange", "--activate", "y", make.vg),
    )  # fmt: skip
    ours = {f"{tier}{end}" for tier in TierName for end in ("", "_meta", "_cache")}
    for volume in sorted(ours & set(found.logical_volumes)):
        # No --yes: LVM then refuses to take along thin volumes the plan does not know of.
        yield make.run(
            f"Remove {make.vg}/{volume}",
            "lvremove", f"{make.vg}/{volume}",
            destroys=f"all data of pool '{make.pool}' in {volume}",
        )  # fmt: skip
    if any(member.missing for member in found.members):
        yield make.run(f"Forget the missing disks of {make.vg}",
                       "vgreduce", "--removemissing", make.vg)  # fmt: skip
    yield make.run(
        f"Remove volume group {make.vg} ({format_size(found.size)})",
        "vgremove", make.vg,
        destroys=f"pool '{make.pool}'",
    )  # fmt: skip


def _disks(
    name: str, found: PoolFound | None, snapshot: NodeSnapshot
) -> Iterator[tuple[Disk, MemberFound | None]]:
    members = [item for item in found.members if not item.missing] if found else []
    for disk in snapshot.disks:
        if disk.missing or disk.size is None:
            continue
        member = next((item for item in members if is_on(item, disk.serial, disk)), None)
        claimed = snapshot.claims.get(disk.serial) == name and (disk.signatures or disk.holders)
        if member is not None or claimed:
            yield disk, member


def blank_disk(make: PoolSteps, disk: Disk, member: MemberFound | None) -> Iterator[RunStep]:
    """Close the checksum layer over a disk that is out of its pool, and erase our labels on it."""
    layer = integrity_device(disk.serial)
    if layer in disk.holders or (member is not None and member.integrity):
        yield make.run(f"Close the checksum layer on {disk.where}",
                       "integritysetup", "close", layer, claims=(disk.serial,))  # fmt: skip
    yield make.run(
        f"Erase our labels on {disk.where}",
        "wipefs", "--all", disk.device,
        claims=(disk.serial,),
        destroys=f"what pool '{make.pool}' had on {disk.where}",
    )  # fmt: skip
