"""Block devices as plain values: what udev.py hands on, and what tests write down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

VIRTUAL: Final = re.compile(r"^(loop|ram|zram|dm-|md|sr|fd|nbd|rbd|drbd|zd|nvme\d+c\d+n)\d*")
"""Kernel names that are no disk: mappings, RAM, optical drives, network disks; and the paths below
a multipath NVMe head (nvme0c0n1), which have no device node."""


@dataclass(frozen=True)
class BlockDevice:
    """A whole disk as the kernel and udev know it."""

    node: str
    """Kernel name: sda, nvme0n1."""
    sys_path: str
    """Real path under /sys/devices, so that HBA, port and end device can be read from it."""
    number: str = ""
    """major:minor."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """udev's properties: ID_WWN, ID_PATH and so on."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """sysfs attributes of the device, stripped: size, queue/rotational."""
    partitions: Mapping[str, str] = field(default_factory=dict)
    """Kernel name -> major:minor of its partitions."""

    def text(self, *keys: str) -> str:
        """The first property of these that says something."""
        return next((value for key in keys if (value := self.properties.get(key, "").strip())), "")


@dataclass(frozen=True)
class DeviceScan:
    """All disks that were seen, and what could not be read, in words."""

    devices: tuple[BlockDevice, ...] = ()
    problems: tuple[str, ...] = ()


def is_virtual(node: str, sys_path: str) -> bool:
    """Whether this is a mapping, a RAM disk or the like, and no disk of its own."""
    return VIRTUAL.match(node) is not None or "/devices/virtual/block/" in sys_path
