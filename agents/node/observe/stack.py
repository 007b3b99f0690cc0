"""What stands on a disk: partitions, mappings and mounts, read from sysfs.

sysfs and not udev's database: LVM may run without udev's rules, and then only the kernel knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from agents.node.observe.devices import BlockDevice
from agents.node.observe.mounts import BOOT_POINTS, MountTable
from appliance.kinds.base import Probe

MOUNTS_SHOWN: Final = 8
"""A pool's disk has every share of the pool standing on it. So many mount points are enough to
refuse it and to tell why; all of them on all disks would grow with disks times shares."""
LVM_UUID: Final = "LVM-"
"""Prefix of the device-mapper UUID of logical volumes (libdevmapper.h)."""


@dataclass(frozen=True)
class Layer:
    """A device-mapper or md device that stands on a disk."""

    node: str
    name: str
    """Its device-mapper name, which lasts; dm-3 may be dm-4 after a restart."""
    is_volume: bool
    """Whether it is a logical volume: then what is on it is data, and no layer of the disk."""


@dataclass(frozen=True)
class Usage:
    """Where a device and all that stands on it are mounted."""

    mounted_at: tuple[str, ...] = ()
    boots: bool = False
    """Whether the running system stands on it."""


class BlockStack:
    """Looks up and remembers what stands on what, for one observation."""

    def __init__(self, probe: Probe, mounts: MountTable) -> None:
        self._probe = probe
        self._mounts = mounts
        self._usage: dict[str, Usage] = {}
        self._above: dict[str, tuple[Layer, ...]] = {}

    def layers(self, device: BlockDevice) -> tuple[Layer, ...]:
        """Mappings over a disk and its partitions, nearest first, down to logical volumes."""
        seen: dict[str, Layer] = {}
        queue = [device.node, *device.partitions]
        for node in queue:
            for layer in self._layers_on(node):
                if layer.node not in seen:
                    seen[layer.node] = layer
                    if not layer.is_volume:
                        queue.append(layer.node)
        return tuple(seen.values())

    def usage(self, devices: Iterable[BlockDevice]) -> Usage:
        """Where a disk, seen by these paths, is mounted, through partitions and mappings."""
        numbers = (
            (node, number)
            for device in devices
            for node, number in ((device.node, device.number), *device.partitions.items())
        )
        return _merged(self._usage_of(node, number, f"/dev/{node}") for node, number in numbers)

    def _usage_of(self, node: str, number: str, *sources: str) -> Usage:
        known = self._usage.get(node)
        if known is None:
            here = self._mounts.on(number, sources)
            known = _merged(
                [Usage(tuple(here), bool(here & BOOT_POINTS)), *self._usages_over(node)]
            )
            self._usage[node] = known
        return known

    def _usages_over(self, node: str) -> Iterator[Usage]:
        for layer in self._layers_on(node):
            if layer.node in self._usage:
                yield self._usage[layer.node]
                continue
            number = (self._probe.read_text(f"/sys/class/block/{layer.node}/dev") or "").strip()
            names = (f"/dev/{layer.node}", f"/dev/mapper/{layer.name}")
            yield self._usage_of(layer.node, number, *names)

    def _layers_on(self, node: str) -> tuple[Layer, ...]:
        known = self._above.get(node)
        if known is None:
            names = self._probe.list_dir(f"/sys/class/block/{node}/holders")
            known = tuple(self._layer(name) for name in names)
            self._above[node] = known
        return known

    def _layer(self, node: str) -> Layer:
        folder = f"/sys/class/block/{node}/dm"
        name = (self._probe.read_text(f"{folder}/name") or "").strip()
        uuid = self._probe.read_text(f"{folder}/uuid") or ""
        return Layer(node, name or node, uuid.startswith(LVM_UUID))


def _merged(parts: Iterable[Usage]) -> Usage:
    points: set[str] = set()
    boots = False
    for part in parts:
        points.update(part.mounted_at)
        boots = boots or part.boots
    return Usage(tuple(sorted(points)[:MOUNTS_SHOWN]), boots)
