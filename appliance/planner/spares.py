"""Hot spares: which one takes a lost disk's place, and what the wish is then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.errors import NotFoundError, RefusedError
from appliance.kinds.pool_layout import EXTENT, disk_extents
from appliance.kinds.pool_steps import tag_text
from appliance.model.base import format_size
from appliance.model.disk import Disk, DiskRole, Medium
from appliance.model.pool import PoolSpec, TierName
from appliance.model.resource import Resource
from appliance.model.snapshot import NodeSnapshot
from appliance.model.spare import SpareSpec
from appliance.planner.replace import needed_extents, swapped, tier_of
from appliance.planner.wish import Wish


@dataclass(frozen=True)
class Takeover:
    """A spare in a lost disk's place."""

    old: Disk
    new: Disk
    wish: Wish
    spare: str
    """Name of the global spare it was; empty for one of the pool's own."""


@dataclass(frozen=True)
class _Candidate:
    disk: Disk
    name: str = ""

    @property
    def order(self) -> tuple[bool, int, str]:
        """The pool's own first, then the smallest."""
        return bool(self.name), self.disk.size or 0, self.disk.serial


def takeover(snapshot: NodeSnapshot, before: tuple[Resource, ...], old: Disk) -> Takeover:
    """The smallest fitting spare of the same medium in the old disk's place.

    Raises NotFoundError when there is none, RefusedError for a disk whose pool is not managed or
    whose place is being taken already.
    """
    resource = next((item for item in before if item.id == f"pool/{old.pool}"), None)
    if resource is None or not isinstance(resource.spec, PoolSpec):
        raise RefusedError(
            f"Pool '{old.pool}' is not managed here.",
            hint=f"Manage it from now on with: appliance pool import {old.pool}",
            subject=f"pool/{old.pool}",
        )
    spec, tier = resource.spec, tier_of(resource.spec, old.pool, old.serial)
    needed = needed_extents(snapshot, old.pool, old.serial)
    medium = _medium(snapshot, spec, tier, old)
    found = tuple(_spares(snapshot, before, spec))
    fitting = [
        item
        for item in found
        if item.disk.medium is medium
        and disk_extents(item.disk.size or 0, integrity=spec.has_integrity(tier)) >= needed
    ]
    if not fitting:
        raise NotFoundError(
            f"No spare can take the place of {old.where}: it needs an {medium} of "
            f"{format_size(needed * EXTENT)}{_others(found)}.",
            hint=f"Put a blank disk in, then: appliance disk replace {old.serial}",
            subject=f"disk/{old.serial}",
        )
    best = min(fitting, key=lambda item: item.order)
    changed = resource.model_copy(update={"spec": swapped(spec, tier, old.serial, best.disk)})
    used = f"spare/{best.name}" if best.name else ""
    after = tuple(changed if item is resource else item for item in before if item.id != used)
    return Takeover(old, best.disk, Wish(after), best.name)


def has_spares(before: tuple[Resource, ...], pool: str) -> bool:
    """Whether anybody ever meant a spare for a pool."""
    return any(
        isinstance(item.spec, SpareSpec)
        or (item.id == f"pool/{pool}" and isinstance(item.spec, PoolSpec) and item.spec.spares)
        for item in before
    )


def refilled(
    before: tuple[Resource, ...], pool: str, spare: str, new: Disk
) -> tuple[Resource, ...]:
    """The wish with a new disk as the spare that was used up: the pool's, or the global `spare`."""
    if spare:
        resource = Resource(kind="spare", name=spare, spec=SpareSpec(disk=new.serial))
        return (*(item for item in before if item.id != resource.id), resource)
    return tuple(
        item.model_copy(
            update={
                "spec": item.spec.model_copy(update={"spares": (*item.spec.spares, new.serial)})
            }
        )
        if item.id == f"pool/{pool}" and isinstance(item.spec, PoolSpec)
        else item
        for item in before
    )


def _spares(
    snapshot: NodeSnapshot, before: tuple[Resource, ...], spec: PoolSpec
) -> Iterator[_Candidate]:
    """Spares that are there and still blank."""
    named = [(item, "") for item in spec.spares]
    named += [(item.spec.disk, item.name) for item in before if isinstance(item.spec, SpareSpec)]
    by_text = {tag_text(disk.serial): disk for disk in snapshot.disks}
    for serial, name in named:
        disk = by_text.get(tag_text(serial))
        if disk and disk.role is DiskRole.SPARE and disk.size and not disk.missing:
            yield _Candidate(disk, name)


def _medium(snapshot: NodeSnapshot, spec: PoolSpec, tier: TierName, old: Disk) -> Medium:
    """The old disk's, or that of its neighbours when nobody ever saw it."""
    disks = (snapshot.disk(serial) for serial in (old.serial, *spec.tier(tier).disks))
    known = (disk.medium for disk in disks if disk and disk.medium is not Medium.UNKNOWN)
    return next(known, Medium.UNKNOWN)


def _others(found: tuple[_Candidate, ...]) -> str:
    words = [
        f"{item.disk.where} is an {item.disk.medium} of {format_size(item.disk.size or 0)}"
        for item in found
    ]
    return f"; {', '.join(words)}" if words else ""
