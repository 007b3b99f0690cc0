"""From LVM's report to installed systems: tags say what is whole, names say which part. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from appliance.kinds.lvm_report import PhysicalVolume, VolumeGroup, tag_value
from appliance.kinds.pool_found import REFRESH_NEEDED
from appliance.kinds.pool_steps import tag_text
from appliance.model.boot import BootDisk, BootFound, BootGroup
from appliance.model.disk import Disk

PREFIX: Final = "approot_"
"""Of the volume group; the initrd knows it by that (images/recipe/local-block.sh)."""
ROOT: Final = "root"
ESP_LABEL: Final = "appesp-"
SYSTEM_LABEL: Final = "appsys-"
_LABEL_SERIAL: Final = 29
"""So much of a serial has room in the name of a GPT partition, which has 36 letters."""
_LEG: Final = re.compile(rf"{ROOT}(_rimage_\d+)?")


def group_name(serial: str) -> str:
    """The volume group of a system first installed on that disk: no other node's has the name."""
    return PREFIX + "".join(letter for letter in serial if letter.isalnum()).lower()


def root_device(group: str) -> str:
    """The root as the kernel is told it."""
    return f"/dev/mapper/{group}-{ROOT}"


def esp_label(disk: Disk) -> str:
    """The name of the disk's EFI partition."""
    return ESP_LABEL + tag_text(disk.serial)[-_LABEL_SERIAL:]


def system_label(disk: Disk) -> str:
    """The name of the disk's partition for the volume group."""
    return SYSTEM_LABEL + tag_text(disk.serial)[-_LABEL_SERIAL:]


def boot_found(groups: Iterable[VolumeGroup], cmdline: str, labels: Iterable[str]) -> BootFound:
    """The groups with our tag; `cmdline` is the kernel's, which tells what the node runs from."""
    words = cmdline.split()
    found = tuple(
        _group(group, running=_is_open(group) and f"root={root_device(group.name)}" in words)
        for group in sorted(groups, key=lambda group: group.name)
        if tag_value(group.tags, "boot")
    )
    here = [disk for group in found if group.running for disk in group.disks]
    return BootFound(
        disks=tuple(disk.serial for disk in here if not disk.missing),
        running=any(group.running for group in found),
        groups=found,
        labels=frozenset(label for label in labels if label.startswith((ESP_LABEL, SYSTEM_LABEL))),
    )


def is_on(disk: Disk, item: BootDisk) -> bool:
    """Whether a physical volume is the disk's: by its tag, or before it has one by the device."""
    if item.serial:
        return item.serial == tag_text(disk.serial)
    nodes = {node for node in (disk.node, *disk.paths) if node}
    return any(re.fullmatch(rf"/dev/{re.escape(node)}p?\d+", item.pv) for node in nodes)


def _is_open(group: VolumeGroup) -> bool:
    """Half of an earlier installation may bear the same name; only one root can be open."""
    root = group.logical_volumes.get(ROOT)
    return root is not None and root.is_open


def _group(group: VolumeGroup, *, running: bool) -> BootGroup:
    root = group.logical_volumes.get(ROOT)
    volumes = group.logical_volumes.items()
    failed = {name for name, item in volumes if name != ROOT and item.health == REFRESH_NEEDED}
    disks = tuple(_disk(item, failed) for item in group.physical_volumes)
    return BootGroup(
        name=group.name,
        disks=tuple(sorted(disks, key=lambda disk: (disk.serial, disk.pv))),
        size=root.size if root else 0,
        copies=_copies(group),
        whole=bool(root) and tag_value(group.tags, "system") == "whole",
        running=running,
        returned=any(item.health == REFRESH_NEEDED for item in group.logical_volumes.values()),
        sync_percent=root.sync_percent if root else 100,
    )


def _copies(group: VolumeGroup) -> int:
    legs = [name for name in group.logical_volumes if re.fullmatch(rf"{ROOT}_rimage_\d+", name)]
    return len(legs) or int(ROOT in group.logical_volumes)


def _disk(item: PhysicalVolume, failed: set[str]) -> BootDisk:
    known = item.device.startswith("/dev/")
    return BootDisk(
        serial=tag_value(item.tags, "serial"),
        pv=item.device if known else "",
        missing=item.missing,
        flagged=item.missing and known,
        holds_root=any(_LEG.fullmatch(name) for name in item.logical_volumes),
        stale=not failed.isdisjoint(item.logical_volumes),
        loader=tag_value(item.tags, "loader") == "whole",
    )
