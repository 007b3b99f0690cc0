"""The disks a pool's spec names: references become serials, and nobody else may want them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from appliance.errors import InvalidInputError, NotFoundError, RefusedError
from appliance.kinds.base import View
from appliance.kinds.pool_build import wanted_tiers
from appliance.kinds.pool_steps import tag_text
from appliance.model.disk import Disk, DiskRole
from appliance.model.pool import PoolFound, PoolSpec
from appliance.model.spare import SpareSpec

_BLANK: Final = frozenset({DiskRole.FREE, DiskRole.QUARANTINED, DiskRole.SPARE})
"""One in quarantine is admitted by the plan that keeps it, or refused there."""


def resolved_disks(name: str, spec: PoolSpec, view: View) -> PoolSpec:
    """The spec with serials for its disks and spares.

    Raises NotFoundError for a disk there is not, InvalidInputError for one that is wanted twice,
    RefusedError for a spare that is not blank.
    """
    tiers = {
        tier.value: wish.model_copy(
            update={"disks": tuple(_serial(name, item, view) for item in wish.disks)}
        )
        for tier in wanted_tiers(spec)
        for wish in (spec.tier(tier),)
    }
    spares = tuple(_serial(name, item, view) for item in spec.spares)
    resolved = spec.model_copy(update={**tiers, "spares": spares})
    _check_once(name, resolved)
    _check_others(name, resolved, view)
    for serial in spares:
        check_blank(serial, f"pool/{name}", view, tags=_spares_found(name, view))
    return resolved


def disks_of(spec: PoolSpec) -> Iterator[str]:
    """Every disk a pool's spec names, its spares last."""
    for tier in wanted_tiers(spec):
        yield from spec.tier(tier).disks
    yield from spec.spares


def check_blank(serial: str, subject: str, view: View, tags: tuple[str, ...] = ()) -> None:
    """A spare is blank when it becomes one; one of `tags` is a spare already and may be away.

    Raises RefusedError.
    """
    disk = view.snapshot.disk(serial)
    if tag_text(serial) in tags or disk is None or disk.role in _BLANK:
        return
    held = ", ".join(item.type for item in disk.signatures)
    raise RefusedError(
        f"The disk with {disk.where} cannot be a spare: it is {_state(disk)}"
        f"{f' and holds {held}' if held else ''}.",
        hint="Name a blank, free disk: appliance disk list",
        subject=subject,
    )


def _state(disk: Disk) -> str:
    return f"in use by pool '{disk.pool}'" if disk.pool else disk.role.value


def _spares_found(name: str, view: View) -> tuple[str, ...]:
    found = view.found("pool").get(name)
    return found.spares if isinstance(found, PoolFound) else ()


def _serial(pool: str, reference: str, view: View) -> str:
    disk = view.snapshot.disk(reference)
    if disk is not None:
        return disk.serial
    found = view.found("pool").get(pool)
    known = found.members if isinstance(found, PoolFound) else ()
    serials = {item.serial for item in known} | set(_spares_found(pool, view))
    if tag_text(reference) in serials:
        return reference
    place = f"in bay {reference[4:]}" if reference.startswith("bay:") else f"'{reference}'"
    raise NotFoundError(
        f"There is no disk {place}, which pool '{pool}' wants.",
        hint="List bays, serials and WWNs with: appliance disk list",
        subject=f"pool/{pool}",
    )


def _check_once(name: str, spec: PoolSpec) -> None:
    seen: set[str] = set()
    for serial in disks_of(spec):
        if serial in seen:
            where = "as a disk and as a spare" if serial in spec.spares else "twice"
            raise _invalid(
                name, f"names disk {serial} {where}", "Name each disk in one tier, once."
            )
        seen.add(serial)


def _check_others(name: str, spec: PoolSpec, view: View) -> None:
    mine = set(disks_of(spec))
    for reference, owner, hint in _wanted_by_others(name, view):
        disk = view.snapshot.disk(reference)
        if (disk.serial if disk else reference) in mine:
            raise _invalid(name, f"wants disk {reference}, and so does {owner}", hint)


def _wanted_by_others(name: str, view: View) -> Iterator[tuple[str, str, str]]:
    """Disk, who wants it, what to do."""
    for other, spec in view.specs("pool").items():
        if other != name and isinstance(spec, PoolSpec):
            for reference in sorted(disks_of(spec)):
                yield reference, f"pool '{other}'", "Name each disk in one pool only."
    for other, spec in view.specs("spare").items():
        if isinstance(spec, SpareSpec):
            hint = f"Let go of the spare first: appliance spare delete {other}"
            yield spec.disk, f"spare '{other}'", hint


def _invalid(name: str, what: str, hint: str) -> InvalidInputError:
    return InvalidInputError(f"Pool '{name}' {what}.", hint=hint, subject=f"pool/{name}")
