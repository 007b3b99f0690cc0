"""Which disks lines of the kernel's log accuse; a leg of a RAID may lie on more than one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Final, NamedTuple

from agents.node.observe.kernel import KernelSaid
from appliance.model.disk import Disk
from appliance.model.pool import pools_in
from appliance.model.snapshot import NodeSnapshot

DROPPED: Final = "kernel-raid-dropped"
"""Said of a leg, never of a disk."""


class Accusation(NamedTuple):
    """What was said of one disk."""

    serial: str
    measure: str
    times: int
    line: str


def accusations(
    said: Collection[KernelSaid],
    seen: NodeSnapshot | None,
    below: Callable[[str], Iterable[str]],
    known: Callable[[str], Collection[str]],
) -> tuple[Accusation, ...]:
    """What lines say, by disk; `below` gives the nodes of the disks under a node's name, `known`
    the measures the kernel told of a disk before.

    A leg that the RAID drops accuses its disk; where it lies on several, as in a pool that grew,
    those that gave a sign themselves: an error, a wrong checksum, no answer. Without any sign
    nobody is accused by guess, and the pool's own finding tells of the loss.
    """
    disks = by_node(seen)
    counts: Counter[tuple[str, str]] = Counter()
    lines: dict[tuple[str, str], str] = {}
    own = [item for item in said if item.measure != DROPPED]
    legs = [item for item in said if item.measure == DROPPED]
    for item in (*own, *legs):
        under = {disks[node].serial: disks[node] for node in below(item.node) if node in disks}
        if item.measure == DROPPED and len(under) > 1:
            told = {serial for serial, measure in counts if measure != DROPPED}
            told |= _with_wrong_checksums(seen)
            under = {
                serial: disk
                for serial, disk in under.items()
                if disk.missing or serial in told or known(serial)
            }
        for serial in under:
            counts[serial, item.measure] += 1
            lines[serial, item.measure] = item.line
    return tuple(
        Accusation(serial, measure, count, lines[serial, measure])
        for (serial, measure), count in counts.items()
    )


def by_node(seen: NodeSnapshot | None) -> dict[str, Disk]:
    """The disks by each kernel name they have."""
    disks = seen.disks if seen else ()
    return {node: disk for disk in disks for node in (*disk.paths, disk.node) if node}


def used_by_all(seen: NodeSnapshot) -> frozenset[str]:
    """Serials of disks in pools whose RAIDs use every leg: none of them is left out any more.

    A disk that is back is dropped once more while its RAID takes it in: md writes its own notes
    to the device that went, before LVM gives it the new one (seen with `lvchange --refresh`).
    """
    whole = {
        name
        for name, found in pools_in(seen.found).items()
        if all(tier.whole for tier in found.tiers.values())
    }
    return frozenset(disk.serial for disk in seen.disks if disk.pool in whole and not disk.missing)


def _with_wrong_checksums(seen: NodeSnapshot | None) -> frozenset[str]:
    pools = pools_in(seen.found) if seen else {}
    return frozenset(
        member.serial for found in pools.values() for member in found.members if member.mismatches
    )
