"""What the first boot finds: the chassis, which disks may be used and why not, and the layouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from appliance.model.disk import Disk, DiskRole, Transport
from appliance.model.link import LinkFound
from appliance.model.setup import CardSeen, ChassisSeen, DiskChecked, Proposal
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.layouts import layouts

_BAD: Final = frozenset({"failing", "prefail"})


def propose(
    chassis: ChassisSeen, snapshot: NodeSnapshot, verdicts: Mapping[str, str], pool: str = "data"
) -> Proposal:
    """The proposal for a machine; `verdicts` has a word on each disk's health, by serial."""
    checked = tuple(check(disk, verdicts.get(disk.serial, "unknown")) for disk in snapshot.disks)
    fit = [disk for disk, found in zip(snapshot.disks, checked, strict=True) if found.usable]
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
    )


def check(disk: Disk, verdict: str) -> DiskChecked:
    """Whether a disk may go into a pool, and why not."""
    why = _objection(disk, verdict)
    return DiskChecked(
        serial=disk.serial,
        bay=disk.bay,
        model=disk.model,
        size=disk.size,
        medium=disk.medium,
        transport=disk.transport,
        usable=not why,
        why=why,
        verdict=verdict,
    )


def _objection(disk: Disk, verdict: str) -> str:
    if disk.role is DiskRole.BOOT:
        return "the node starts from it"
    if disk.missing or disk.size is None:
        return "it does not answer; take it out"
    if disk.role is not DiskRole.FREE or disk.pool:
        return f"it is in use ({disk.pool or disk.role.value})"
    if disk.mounted_at:
        return f"it is mounted at {disk.mounted_at[0]}"
    if disk.signatures or disk.holders:
        held = ", ".join(dict.fromkeys(item.type for item in disk.signatures)) or disk.holders[0]
        return f"it holds {held}; if nobody needs that: appliance disk wipe {disk.serial}"
    if disk.transport is Transport.USB:
        return "a pool is not made of USB disks"
    if verdict in _BAD:
        return f"it is {verdict}; replace it: appliance disk show {disk.serial}"
    return ""
