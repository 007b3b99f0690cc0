"""Disks as values: paths joined, bays named, and what is on them told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.node.observe.devices import BlockDevice, DeviceScan
from agents.node.observe.enclosures import BayRules, bay_of, observe_places
from agents.node.observe.identity import has_identity, identify
from agents.node.observe.mounts import observe_mounts
from agents.node.observe.signatures import UNREADABLE, observe_signatures
from agents.node.observe.stack import BlockStack
from appliance.kinds.base import Probe
from appliance.model.disk import Disk, DiskRole, Signature


@dataclass(frozen=True)
class _Paths:
    """One disk and the devices that lead to it, the first by kernel name first."""

    disk: Disk
    devices: tuple[BlockDevice, ...]


def observe_disks(
    probe: Probe, scan: DeviceScan, rules: BayRules
) -> tuple[tuple[Disk, ...], tuple[str, ...]]:
    """All disks that are there, and what could not be read, in words.

    Roles are those a disk has by itself: boot, foreign (something is written on it), free.
    """
    stack = BlockStack(probe, observe_mounts(probe))
    places = observe_places(probe)
    joined = _join(scan.devices)
    written_on = {paths.disk.serial: _content_nodes(stack, paths) for paths in joined}
    signatures = observe_signatures(
        probe, [node for nodes in written_on.values() for node in nodes]
    )
    disks = tuple(
        _finished(
            paths,
            bay=bay_of(paths.devices, places, rules, probe),
            stack=stack,
            signatures=signatures.on(written_on[paths.disk.serial]),
        )
        for paths in joined
    )
    problems = (*scan.problems, *places.problems, *signatures.problems, *_doubts(disks))
    return disks, problems


def just_put_in(probe: Probe, device: BlockDevice, rules: BayRules) -> Disk:
    """A disk that came a moment ago: who it is and in which bay. Nobody has looked at what is on
    it yet, so it is taken for a stranger's."""
    return identify(device).model_copy(
        update={
            "bay": bay_of((device,), observe_places(probe), rules, probe),
            "role": DiskRole.FOREIGN,
            "signatures": (Signature(type=UNREADABLE, node=device.node),),
        }
    )


def identities(devices: Iterable[BlockDevice]) -> tuple[Disk, ...]:
    """Each disk once, by the serial it has in every look; without its bay and what is on it."""
    return tuple(paths.disk for paths in _join(devices))


def _join(devices: Iterable[BlockDevice]) -> tuple[_Paths, ...]:
    """One entry a disk: two paths to a dual-port SAS disk show the same WWN and serial."""
    groups: dict[tuple[str, str], list[BlockDevice]] = defaultdict(list)
    for device in devices:
        disk = identify(device)
        groups[disk.wwn or disk.node, disk.serial].append(device)
    first = [_joined(group) for group in groups.values()]
    serials = Counter(paths.disk.serial for paths in first)
    return tuple(_told_apart(paths) if serials[paths.disk.serial] > 1 else paths for paths in first)


def _joined(group: Sequence[BlockDevice]) -> _Paths:
    disk = identify(group[0])
    # A path that fails tells no capacity; the disk has the one its other path tells.
    size = next((size for device in group if (size := identify(device).size)), None)
    return _Paths(
        disk.model_copy(update={"size": size, "paths": tuple(device.node for device in group)}),
        tuple(group),
    )


def _told_apart(paths: _Paths) -> _Paths:
    """Two disks of one serial (dual actuators, cheap bridges): a name must mean one of them."""
    disk = paths.disk
    serial = f"{disk.serial}-{disk.wwn or disk.id_path or disk.node}"
    return _Paths(disk.model_copy(update={"serial": serial}), paths.devices)


def _content_nodes(stack: BlockStack, paths: _Paths) -> tuple[str, ...]:
    """The devices whose signatures are the disk's: itself by one path, its partitions, and layers
    over it as far as they are no logical volumes. A disk without capacity cannot be read."""
    if paths.disk.size is None:
        return ()
    device = paths.devices[0]
    layers = (layer.node for layer in stack.layers(device) if not layer.is_volume)
    return (device.node, *sorted(device.partitions), *layers)


def _finished(
    paths: _Paths, *, bay: str, stack: BlockStack, signatures: tuple[Signature, ...]
) -> Disk:
    usage = stack.usage(paths.devices)
    holders = dict.fromkeys(layer.name for item in paths.devices for layer in stack.layers(item))
    if usage.boots:
        role = DiskRole.BOOT
    else:
        role = DiskRole.FOREIGN if signatures or holders else DiskRole.FREE
    return paths.disk.model_copy(
        update={
            "bay": bay,
            "role": role,
            "signatures": signatures,
            "holders": tuple(holders),
            "mounted_at": usage.mounted_at,
        }
    )


def _doubts(disks: Iterable[Disk]) -> tuple[str, ...]:
    """What a person should know of disks that were read."""
    return tuple(
        f"{disk.node} ({disk.where}) {doubt}." for disk in disks for doubt in _doubts_about(disk)
    )


def _doubts_about(disk: Disk) -> Iterator[str]:
    if disk.size is None:
        yield "tells no capacity: it is broken, locked or still starting"
    if not has_identity(disk):
        yield "has neither serial number nor WWN, so it cannot be told from another one put there"
