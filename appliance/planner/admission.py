"""Admitting disks: by an act of its own, or as the first step of the plan that takes them. Pure.

Whoever writes a spec has named the disks, so a new one among them is admitted by that plan itself:
the checks that take no time, told in the preview, refused where one says so. A disk that was in use
before may be named as well, since it stays in the same hands; that it was not erased is told. What
picks a disk by itself takes none but free and new ones (`Disk.on_hand`). Burning a disk in takes
hours, so it is asked for by name: `appliance disk admit`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appliance.errors import InvalidInputError, RefusedError
from appliance.model.admission import Check, Depth, DiskEntry, Outcome, Standing
from appliance.model.disk import Disk, DiskRole, Quarantine, bay_order
from appliance.model.pool import PoolSpec, TierName
from appliance.model.resource import ActionRequest, Resource
from appliance.model.snapshot import NodeSnapshot
from appliance.model.spare import SpareSpec
from appliance.model.steps import SAMPLES, BookStep, Step, SurfaceAct, SurfaceStep
from appliance.planner.fitness import doubts, examine, sector_words, unfit

_SURFACE: Final[Mapping[Depth, tuple[SurfaceAct, str, str]]] = {
    Depth.SAMPLE: (SurfaceAct.SAMPLE, "Read {n} places spread over {where}",
                    "{n} places spread over it were read without an error."),
    Depth.FULL: (SurfaceAct.READ, "Read every block of {where}",
                  "Every block was read without an error."),
    Depth.PATTERN: (SurfaceAct.PATTERN, "Write every block of {where} and read it back",
                     "Every block was written and read back as it was written."),
}  # fmt: skip
_BLANK: Final = frozenset({DiskRole.FREE, DiskRole.QUARANTINED})


@dataclass(frozen=True)
class Admission:
    """What admits the disks of a plan, and what to know of them beforehand."""

    steps: tuple[BookStep, ...] = ()
    warnings: tuple[str, ...] = ()


def admission(
    snapshot: NodeSnapshot,
    after: tuple[Resource, ...],
    claimed: Mapping[str, str],
    now: datetime,
) -> Admission:
    """The blank disks a plan takes, judged: those it overwrites, and those it keeps as spares.

    `claimed` is serial -> resource.

    Raises RefusedError for one that is not fit.
    """
    taken = {**dict(_spares(after)), **claimed}
    disks = [disk for disk in snapshot.disks if disk.serial in taken and disk.role in _BLANK]
    judged = [(disk, examine(disk, snapshot)) for disk in disks]
    for disk, checks in judged:
        _refuse_unfit(disk, checks)
    mixed = tuple(_mixed_sectors(snapshot, after, taken))
    waiting = [(disk, checks) for disk, checks in judged if disk.role is DiskRole.QUARANTINED]
    if not waiting:
        return Admission((), mixed)
    steps = tuple(
        BookStep(
            title=f"Admit {_names([disk for disk, _ in own])}",
            resource=resource,
            entries=tuple(_entry(disk, checks, Depth.IDENTITY, now) for disk, checks in own),
        )
        for resource in dict.fromkeys(taken[disk.serial] for disk, _ in waiting)
        for own in ([pair for pair in waiting if taken[pair[0].serial] == resource],)
    )
    return Admission(steps, (*_grouped(waiting), *mixed))


def _spares(after: tuple[Resource, ...]) -> Iterator[tuple[str, str]]:
    """Serial and resource of the spares that are wanted: nothing is written on them, so nothing
    claims them."""
    for item in after:
        if isinstance(item.spec, PoolSpec):
            yield from ((serial, item.id) for serial in item.spec.spares)
        elif isinstance(item.spec, SpareSpec):
            yield item.spec.disk, item.id


def admit_steps(
    action: ActionRequest, disk: Disk, snapshot: NodeSnapshot, now: datetime
) -> Iterator[Step]:
    """Try a disk and admit it. Raises InvalidInputError, RefusedError."""
    depth = _depth(action)
    _refuse_taken(disk)
    checks = examine(disk, snapshot)
    _refuse_unfit(disk, checks)
    resource = f"disk/{disk.serial}"
    if depth is not Depth.IDENTITY:
        act, title, words = _SURFACE[depth]
        writes = act is SurfaceAct.PATTERN
        yield SurfaceStep(
            title=title.format(n=SAMPLES, where=disk.where),
            resource=resource,
            act=act,
            device=disk.device,
            size=disk.size or 0,
            claims=(disk.serial,) if writes else (),
            destroys=f"whatever is on the disk with {disk.where}" if writes else "",
        )
        checks += (Check(name="surface", outcome=Outcome.OK, words=words.format(n=SAMPLES)),)
    yield BookStep(
        title=f"Admit the disk with {disk.where}",
        resource=resource,
        entries=(_entry(disk, checks, depth, now),),
    )


def admit_warnings(disk: Disk, snapshot: NodeSnapshot) -> tuple[str, ...]:
    """What to know of a disk that is about to be admitted by itself."""
    return tuple(_grouped([(disk, examine(disk, snapshot))]))


def _depth(action: ActionRequest) -> Depth:
    unknown = sorted(set(action.arguments) - {"depth"})
    depth = str(action.arguments.get("depth", Depth.SAMPLE))
    if unknown or depth not in set(Depth):
        raise InvalidInputError(
            f"A disk is not admitted by {unknown[0] if unknown else f'depth {depth!r}'}.",
            hint=f"Its one argument is `depth`: {', '.join(Depth)}.",
            subject=action.resource,
        )
    return Depth(depth)


def _entry(disk: Disk, checks: tuple[Check, ...], depth: Depth, now: datetime) -> DiskEntry:
    return DiskEntry(
        serial=disk.serial,
        standing=Standing.ADMITTED,
        at=now,
        was=disk.was,
        depth=depth,
        checks=checks,
    )


def _refuse_taken(disk: Disk) -> None:
    """Only a blank disk that answers can be admitted."""
    if disk.missing:
        raise _refused(disk, "does not answer", "Put it back, or see: appliance disk list")
    if disk.quarantine is Quarantine.NOT_ERASED:
        raise _refused(
            disk,
            f"was {disk.was or 'in use'} and was not erased",
            f"Erase it, which admits it as well: appliance disk erase {disk.serial}",
        )
    if disk.role not in _BLANK:
        held = ", ".join(item.type for item in disk.signatures)
        state = f"is in pool '{disk.pool}'" if disk.pool else f"is {disk.role}"
        hint = (
            f"If its data may go: appliance disk erase {disk.serial}"
            if disk.role is DiskRole.FOREIGN
            else "It needs no admission: appliance disk list"
        )
        raise _refused(disk, f"{state}{f' and holds {held}' if held else ''}", hint)


def _refuse_unfit(disk: Disk, checks: tuple[Check, ...]) -> None:
    check = unfit(checks)
    if check is not None:
        raise _refused(disk, f"is not fit for a pool. {check.words.removesuffix('.')}",
                       check.next_step)  # fmt: skip


def _mixed_sectors(
    snapshot: NodeSnapshot, after: Iterable[Resource], taken: Mapping[str, str]
) -> Iterator[str]:
    """A tier has one size of sectors. Raises RefusedError where that would break what is on it.

    Below dm-integrity all disks have sectors of 4 KiB (integritysetup --sector-size). Without it
    a disk of 4 KiB sectors in a tier of 512-byte ones makes the file systems' small writes fail.
    """
    for item in after:
        if not isinstance(item.spec, PoolSpec):
            continue
        for tier in TierName:
            wish = item.spec.capacity if tier is TierName.CAPACITY else item.spec.performance
            named = [snapshot.disk(serial) for serial in wish.disks] if wish else []
            disks = [disk for disk in named if disk is not None]
            if not any(disk.serial in taken for disk in disks):
                continue
            logical = {disk.logical_block for disk in disks}
            if len(logical) > 1 and not item.spec.has_integrity(tier):
                odd = next(disk for disk in disks if disk.serial in taken)
                raise _refused(
                    odd,
                    f"cannot be in tier {tier} of pool '{item.name}': "
                    f"{_sectors(disks)}, and without checksums the tier has the largest for all",
                    "Take disks of one kind, or write integrity = true for the tier.",
                )
            if len({sector_words(disk) for disk in disks}) > 1:
                yield f"Tier {tier} of pool '{item.name}' mixes sectors: {_sectors(disks)}."


def _sectors(disks: Iterable[Disk]) -> str:
    found: dict[str, list[str]] = {}
    for disk in disks:
        found.setdefault(sector_words(disk), []).append(disk.bay or disk.serial)
    return "; ".join(f"{words} in {', '.join(bays)}" for words, bays in sorted(found.items()))


def _grouped(judged: Iterable[tuple[Disk, tuple[Check, ...]]]) -> Iterator[str]:
    """Each doubt once, with the disks it is about."""
    about: dict[str, list[Disk]] = {}
    for disk, checks in judged:
        if disk.quarantine is Quarantine.NOT_ERASED:
            words = f"It was {disk.was or 'in use'} and was not erased."
            about.setdefault(words, []).append(disk)
        for words in doubts(checks):
            about.setdefault(words, []).append(disk)
    for words, disks in about.items():
        names = _names(disks)
        yield f"{names[0].upper()}{names[1:]}: {words}"


def _names(disks: list[Disk]) -> str:
    if len(disks) == 1:
        return f"the disk with {disks[0].where}"
    if all(disk.bay for disk in disks):
        bays = sorted((disk.bay for disk in disks), key=bay_order)
        return f"the disks in bays {', '.join(bays)}"
    return f"the disks {', '.join(disk.serial for disk in disks)}"


def _refused(disk: Disk, what: str, hint: str) -> RefusedError:
    return RefusedError(
        f"The disk with {disk.where} {what}.", hint=hint, subject=f"disk/{disk.serial}"
    )
