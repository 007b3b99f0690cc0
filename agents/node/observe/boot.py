"""Boot disks among the disks: what LVM's tags say of them, besides what is mounted from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from appliance.kinds.boot_found import is_on
from appliance.kinds.pool_steps import tag_text
from appliance.model.boot import BootDisk, BootFound
from appliance.model.disk import Disk, DiskRole, Medium, Transport


def as_boot(disks: Iterable[Disk], boot: BootFound) -> tuple[Disk, ...]:
    """The disks; those of the system say so, also one that the mirror does without now."""
    items = [item for group in boot.own for item in group.disks]
    return tuple(
        disk.model_copy(update={"role": DiskRole.BOOT})
        if any(is_on(disk, item) for item in items)
        else disk
        for disk in disks
    )


def missing_boot(
    present: Iterable[Disk], boot: BootFound, last_known: Mapping[str, Disk]
) -> Iterator[Disk]:
    """Boot disks that do not answer now, as they were last seen."""
    here = {tag_text(disk.serial) for disk in present}
    known = {tag_text(serial): disk for serial, disk in last_known.items()}
    for item in (item for group in boot.own for item in group.missing):
        if item.serial and item.serial not in here:
            gone = {"missing": True, "paths": (), "node": "", "role": DiskRole.BOOT}
            yield known.get(item.serial, _never_seen(item)).model_copy(update=gone)


def _never_seen(item: BootDisk) -> Disk:
    return Disk(serial=item.serial, transport=Transport.OTHER, medium=Medium.UNKNOWN, node="")
