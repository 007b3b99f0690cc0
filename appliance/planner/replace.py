"""`disk replace`: a change of one pool's spec, composed from what a technician can read off a bay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from appliance.errors import InvalidInputError, NotFoundError, RefusedError
from appliance.kinds.pool_disks import disks_of
from appliance.kinds.pool_layout import EXTENT, disk_extents
from appliance.kinds.pool_steps import tag_text
from appliance.model.base import format_size
from appliance.model.disk import Disk, DiskRole
from appliance.model.pool import MemberFound, PoolFound, PoolSpec, TierName
from appliance.model.resource import ActionRequest, Resource
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.disks import NOUN, means, refuse_several
from appliance.planner.wish import Wish

REPLACE: Final = "replace"
"""The act; its argument `with` names the new disk and may be left out."""


def replaced(snapshot: NodeSnapshot, before: tuple[Resource, ...], wish: Wish) -> Wish:
    """The wish with one disk in another's place, when the act asked for is to replace a disk.

    Nothing is decided here that a changed spec would not say as well: the pool's own plan does
    the rest. Raises NotFoundError, InvalidInputError, or RefusedError for a disk of no pool.
    """
    act = wish.action
    noun, _, reference = act.resource.partition("/") if act else ("", "", "")
    if act is None or noun != NOUN or act.verb != REPLACE:
        return wish
    old = _member(snapshot, reference)
    pool, serial = old.pool, old.serial
    resource = next((item for item in before if item.id == f"pool/{pool}"), None)
    if resource is None or not isinstance(resource.spec, PoolSpec):
        raise RefusedError(
            f"Pool '{pool}' is not managed here, so its disk {serial} cannot be replaced.",
            hint=f"Manage it from now on with: appliance pool import {pool}",
            subject=f"disk/{serial}",
        )
    tier = tier_of(resource.spec, pool, serial)
    named = _argument(act)
    new = _named(snapshot, named, serial) if named else None
    if new is None:
        integrity = resource.spec.has_integrity(tier)
        needed = needed_extents(snapshot, pool, serial)
        free = tuple(_free(snapshot, before))
        new = _best(free, old, needed, integrity=integrity)
    spec = swapped(resource.spec, tier, serial, new)
    changed = Resource(kind="pool", name=pool, spec=spec)
    return Wish(tuple(changed if item is resource else item for item in wish.after))


def _argument(act: ActionRequest) -> str:
    unknown = sorted(set(act.arguments) - {"with"})
    if unknown:
        raise InvalidInputError(
            f"Replacing a disk takes no '{unknown[0]}'.",
            hint="Its one argument is `with`: bay, serial or WWN of the new disk.",
            subject=act.resource,
        )
    return str(act.arguments.get("with", ""))


# --- the disk that goes


def _member(snapshot: NodeSnapshot, reference: str) -> Disk:
    """The member a person means. A missing one comes first: the disk that is in its bay now is
    the one that was put there to replace it."""
    meant = [disk for disk in snapshot.disks if means(disk, reference)]
    members = [disk for disk in meant if disk.pool and disk.role is not DiskRole.SPARE]
    missing = [disk for disk in members if disk.missing]
    refuse_several(reference, missing or members)
    if members:
        return (missing or members)[0]
    if meant and meant[0].role is DiskRole.BOOT:
        raise RefusedError(
            f"The disk with {meant[0].where} is a boot disk, and those are named by themselves.",
            hint="Name the one that stays and the new one: appliance boot set node --disks A,B",
            subject=f"disk/{meant[0].serial}",
        )
    if meant:
        raise RefusedError(
            f"The disk with {meant[0].where} belongs to no pool, so there is nothing to replace.",
            hint="Pools and their disks: appliance disk list",
            subject=f"disk/{meant[0].serial}",
        )
    raise NotFoundError(
        f"There is no disk '{reference}', and none is expected there.",
        hint="List bays, serials and what is missing with: appliance disk list",
        subject=f"disk/{reference}",
    )


def tier_of(spec: PoolSpec, pool: str, serial: str) -> TierName:
    """The tier whose spec names a member. Raises RefusedError when none does any more."""
    for tier in TierName:
        wish = spec.capacity if tier is TierName.CAPACITY else spec.performance
        if wish and tag_text(serial) in {tag_text(item) for item in wish.disks}:
            return tier
    raise RefusedError(
        f"Disk {serial} is in pool '{pool}', but its spec no longer names it: it is being "
        f"replaced already.",
        hint="Look at the jobs: appliance job list",
        subject=f"disk/{serial}",
    )


def swapped(spec: PoolSpec, tier: TierName, old: str, new: Disk) -> PoolSpec:
    """The spec with one disk in another's place; one of its own spares is none any more."""
    wish = spec.tier(tier)
    disks = tuple(new.serial if tag_text(item) == tag_text(old) else item for item in wish.disks)
    spares = tuple(item for item in spec.spares if item != new.serial)
    changes = {tier.value: wish.model_copy(update={"disks": disks}), "spares": spares}
    return spec.model_copy(update=changes)


# --- the disk that comes


def _named(snapshot: NodeSnapshot, reference: str, old: str) -> Disk:
    """The disk a person names, whatever it is: the guard and the pool's plan judge it."""
    meant = [disk for disk in snapshot.disks if means(disk, reference) and not disk.missing]
    refuse_several(reference, meant)
    if meant:
        return meant[0]
    raise NotFoundError(
        f"There is no disk '{reference}' to take the place of {old}.",
        hint="List bays, serials and WWNs with: appliance disk list",
        subject=f"disk/{reference}",
    )


def _best(free: tuple[Disk, ...], old: Disk, needed: int, *, integrity: bool) -> Disk:
    """The free disk that fits best, of those with `needed` extents."""
    fitting = [disk for disk in free if disk_extents(disk.size or 0, integrity=integrity) >= needed]
    if fitting:
        return min(fitting, key=lambda disk: _distance(disk, old))
    smaller = f"; too small are: {', '.join(disk.where for disk in free)}" if free else ""
    raise NotFoundError(
        f"No free disk can take the place of {old.serial}: it needs "
        f"{format_size(needed * EXTENT)}{smaller}.",
        hint="Put a blank disk of at least that size into a bay, or free one with: "
        "appliance disk erase DISK",
        subject=f"disk/{old.serial}",
    )


def needed_extents(snapshot: NodeSnapshot, pool: str, serial: str) -> int:
    """Extents of a member that something lies on; 0 for one that is not known."""
    found = snapshot.found.get("pool", {}).get(pool)
    members: tuple[MemberFound, ...] = found.members if isinstance(found, PoolFound) else ()
    return next(((m.size - m.free) // EXTENT for m in members if m.serial == tag_text(serial)), 0)


def _free(snapshot: NodeSnapshot, before: Iterable[Resource]) -> Iterator[Disk]:
    """Blank disks that nothing stands on and no spec names."""
    wanted = {
        serial
        for item in before
        if isinstance(item.spec, PoolSpec)
        for serial in disks_of(item.spec)
    }
    for disk in snapshot.disks:
        taken = disk.serial in wanted or disk.serial in snapshot.claims
        if disk.on_hand and not taken:
            yield disk


def _distance(disk: Disk, old: Disk) -> tuple[bool, bool, bool, int, str]:
    """The disk in the lost one's bay first, then its like, the smallest that is large enough."""
    return (
        not old.missing or disk.bay != old.bay or not disk.bay,
        disk.medium is not old.medium,
        disk.transport is not old.transport,
        disk.size or 0,
        disk.serial,
    )
