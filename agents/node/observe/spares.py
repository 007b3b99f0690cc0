"""Hot spares among the disks: what pools' tags and the spares' documents say of blank disks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from appliance.kinds.pool_steps import tag_text
from appliance.model.disk import Disk, DiskRole
from appliance.model.pool import PoolFound
from appliance.model.resource import Found
from appliance.model.spare import SpareFound


def spare_places(
    pools: Mapping[str, PoolFound], documents: Mapping[str, Found]
) -> Mapping[str, str]:
    """Serial, as a tag holds it -> the pool it is a spare of, empty for one of all pools."""
    found = {
        tag_text(item.disk): ""
        for item in documents.values()
        if isinstance(item, SpareFound) and item.disk
    }
    return found | {serial: name for name, pool in pools.items() for serial in pool.spares}


def as_spares(disks: Iterable[Disk], spares: Mapping[str, str]) -> tuple[Disk, ...]:
    """The disks; a free one that is a spare says so. One that was written on is none."""
    return tuple(
        disk.model_copy(update={"role": DiskRole.SPARE, "pool": spares[tag_text(disk.serial)]})
        if disk.role is DiskRole.FREE and tag_text(disk.serial) in spares
        else disk
        for disk in disks
    )


def missing_spares(
    present: Iterable[Disk], spares: Mapping[str, str], last_known: Mapping[str, Disk]
) -> Iterator[Disk]:
    """Spares that do not answer now, as they were last seen."""
    here = {disk.serial for disk in present}
    for serial, disk in last_known.items():
        if serial not in here and tag_text(serial) in spares:
            gone = {"missing": True, "paths": (), "node": "", "role": DiskRole.SPARE}
            yield disk.model_copy(update=gone | {"pool": spares[tag_text(serial)]})
