"""What the first boot finds: the chassis, which disks may be used and why not, and the layouts."""

from __future__ import annotations

import re
from typing import Final

from appliance.model.boot import LEAST_DISK, boot_in
from appliance.model.disk import Disk, DiskRole, Quarantine, Transport
from appliance.model.link import LinkFound
from appliance.model.setup import CardSeen, ChassisSeen, DiskChecked, Proposal
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.fitness import doubts, examine, unfit
from appliance.planner.layouts import layouts

_PARTS: Final = re.compile(r"\d+|\D+")
_OPEN: Final = frozenset({DiskRole.FREE, DiskRole.QUARANTINED})


def propose(chassis: ChassisSeen, snapshot: NodeSnapshot, pool: str = "data") -> Proposal:
    """The proposal for a machine; the snapshot holds what is thought of each disk's health."""
    disks = sorted(snapshot.disks, key=by_bay)
    checked = tuple(check(disk, snapshot) for disk in disks)
    fit = [disk for disk, found in zip(disks, checked, strict=True) if found.usable]
    cards = (item for item in snapshot.found.get("link", {}).values())
    return Proposal(
        chassis=chassis,
        disks=checked,
        cards=tuple(
            CardSeen(
                interface=item.interface, mac=item.mac, state=item.state, addresses=item.addresses
            )
            for item in cards
            if isinstance(item, LinkFound) and item.physical
        ),
        layouts=layouts(fit, pool),
        on_medium=not boot_in(snapshot.found).running,
        boot_disks=tuple(disk.serial for disk in fit if (disk.size or 0) >= LEAST_DISK),
    )


def by_bay(disk: Disk) -> tuple[bool, tuple[str, ...], str]:
    """Sorts disks as they sit: bay 2 before bay 10, those in no bay last."""
    parts = _PARTS.findall(disk.bay)
    return (
        not disk.bay,
        tuple(part.zfill(9) if part.isdigit() else part for part in parts),
        disk.serial,
    )


def check(disk: Disk, snapshot: NodeSnapshot) -> DiskChecked:
    """Whether a disk may go into a pool, why not, and what to know of one that may.

    The checks are those by which a plan admits a new disk (admission.py).
    """
    why = _in_the_way(disk)
    known: tuple[str, ...] = ()
    if not why:
        checks = examine(disk, snapshot)
        bad = unfit(checks)
        why = f"{bad.words} {bad.next_step}".strip() if bad else ""
        known = () if bad else tuple(doubts(checks))
    verdict = snapshot.verdicts.get(disk.serial)
    return DiskChecked(
        serial=disk.serial,
        bay=disk.bay,
        model=disk.model,
        size=disk.size,
        medium=disk.medium,
        transport=disk.transport,
        usable=not why,
        why=why,
        doubts=known,
        verdict=verdict.verdict.value if verdict else "unknown",
    )


def _in_the_way(disk: Disk) -> str:
    """What keeps a disk from being taken, however good it is."""
    if disk.role is DiskRole.BOOT:
        return "The node starts from it."
    if disk.missing or disk.size is None:
        return "It does not answer; take it out."
    if disk.role not in _OPEN or disk.pool:
        return f"It is in use ({disk.pool or disk.role.value})."
    if disk.mounted_at:
        return f"It is mounted at {disk.mounted_at[0]}."
    if disk.signatures or disk.holders:
        held = ", ".join(dict.fromkeys(item.type for item in disk.signatures)) or disk.holders[0]
        return f"It holds {held}; if nobody needs that: appliance disk wipe {disk.serial}"
    if disk.quarantine not in {None, Quarantine.NEW}:
        act = "erase" if disk.quarantine is Quarantine.NOT_ERASED else "admit"
        return f"It is in quarantine ({disk.quarantine}): appliance disk {act} {disk.serial}"
    if disk.transport is Transport.USB:
        return "A pool is not made of USB disks."
    return ""
