"""Erasing a disk: which of its ways is the best, the steps of it, and the certificate. Pure.

Categories are those of NIST SP 800-88 Rev. 1, tables A-5 (hard disks) and A-8 (flash): a disk's own
block erase, sanitize overwrite or enhanced secure erase reaches what no command can read any more
and purges; whatever goes by plain writes or discards clears.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from appliance.errors import InvalidInputError, RefusedError
from appliance.model.admission import Check, Depth, DiskEntry, Outcome, Standing
from appliance.model.base import format_size
from appliance.model.disk import Disk, Medium
from appliance.model.erasing import Certificate, EraseMeans, EraseMethod, MethodFound, Sanitization
from appliance.model.resource import ActionRequest
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import (
    SAMPLES,
    BookStep,
    RunStep,
    Step,
    SurfaceAct,
    SurfaceStep,
    WaitStep,
)
from appliance.planner.erase_ways import PASSWORD, WAYS, erase_ways
from appliance.planner.fitness import examine, unfit

BEST_FIRST: Final = (
    EraseMethod.NVME_FORMAT,
    EraseMethod.NVME_SANITIZE,
    EraseMethod.SCSI_SANITIZE_BLOCK,
    EraseMethod.SCSI_SANITIZE_OVERWRITE,
    EraseMethod.ATA_SECURE_ERASE,
    EraseMethod.DISCARD,
    EraseMethod.OVERWRITE,
)
AUTO: Final = "auto"
_WRITES_PER_S: Final = 150e6
"""Bytes a hard disk writes in a second, on average over its tracks."""


def with_method(action: ActionRequest, disk: Disk, means: EraseMeans) -> ActionRequest:
    """The act with its method settled: the one asked for, or the best the disk has now.

    Raises InvalidInputError for a method there is not, RefusedError for one this disk has not.
    """
    unknown = sorted(set(action.arguments) - {"method"})
    asked = str(action.arguments.get("method", AUTO))
    if unknown or asked not in {AUTO, *EraseMethod}:
        raise InvalidInputError(
            f"A disk is not erased by {unknown[0] if unknown else f'method {asked!r}'}.",
            hint=f"Its one argument is `method`: {AUTO}, {', '.join(EraseMethod)}.",
            subject=action.resource,
        )
    found = {item.method: item for item in means.found}
    method = _best(disk, found) if asked == AUTO else EraseMethod(asked)
    if method not in found:
        raise RefusedError(
            f"The disk with {disk.where} cannot be erased by {WAYS[method]}: "
            f"{means.barred.get(method, 'it does not have that')}.",
            hint=f"It can now: {', '.join(item for item in BEST_FIRST if item in found)}.",
            subject=action.resource,
        )
    chosen = found[method]
    told = means.barred.items() if asked == AUTO else ()
    barred = [f"{way}: {why}" for way, why in told if way is not EraseMethod.DISCARD]
    return action.model_copy(
        update={"arguments": {**chosen.model_dump(mode="json"), "barred": barred}}
    )


def erase_steps(
    action: ActionRequest, disk: Disk, snapshot: NodeSnapshot, now: datetime
) -> Iterator[Step]:
    """Erase, look whether it is erased, write that down. Raises InvalidInputError."""
    facts = {key: value for key, value in action.arguments.items() if key != "barred"}
    if not {"method", "category"} <= facts.keys():
        raise InvalidInputError(
            "How to erase the disk was not settled with the disk itself.",
            hint=f"Ask for it with: appliance disk erase {disk.serial}",
            subject=action.resource,
        )
    chosen = MethodFound.model_validate(facts)
    resource = f"disk/{disk.serial}"
    ways = tuple(erase_ways(chosen, disk, resource))
    yield from ways
    yield SurfaceStep(
        title=f"Make sure that {disk.where} is blank at {SAMPLES} places",
        resource=resource,
        act=SurfaceAct.BLANK,
        device=disk.device,
        size=disk.size or 0,
    )
    certificate = _certificate(chosen, disk, snapshot, ways)
    yield BookStep(
        title=f"Certify that {disk.where} is erased ({chosen.category})",
        resource=resource,
        entries=(_entry(disk, snapshot, now, chosen),),
        certificate=certificate,
    )


def erase_notes(action: ActionRequest, disk: Disk) -> Iterator[str]:
    """What to know before: the way, how long it takes, and the better one that is barred."""
    method = EraseMethod(str(action.arguments.get("method", EraseMethod.OVERWRITE)))
    category = action.arguments.get("category", Sanitization.CLEAR)
    yield f"Erased by {WAYS[method]}: {category} by NIST SP 800-88."
    minutes = action.arguments.get("minutes")
    if minutes is None and method is EraseMethod.OVERWRITE and disk.size:
        minutes = round(disk.size / _WRITES_PER_S / 60)
    if minutes:
        yield (
            f"That takes about {_duration(int(minutes))} for {format_size(disk.size or 0)}; no "
            "other change is carried out meanwhile."
        )
    for words in action.arguments.get("barred", ()):
        yield f"A better way is barred now. {words}."
    if method is EraseMethod.ATA_SECURE_ERASE:
        yield (
            "Should it be cut off, the disk stays locked until: hdparm --user-master u "
            f"--security-erase {PASSWORD} {disk.device}"
        )


def _best(disk: Disk, found: Mapping[EraseMethod, MethodFound]) -> EraseMethod:
    """What purges before what clears. A hard disk that takes discards may well ignore them."""
    ways = [way for way in BEST_FIRST if way in found]
    if disk.medium is not Medium.SSD and EraseMethod.DISCARD in ways:
        ways.remove(EraseMethod.DISCARD)
    purging = [way for way in ways if found[way].category is Sanitization.PURGE]
    return (*purging, *ways, EraseMethod.OVERWRITE)[0]


def _entry(disk: Disk, snapshot: NodeSnapshot, now: datetime, chosen: MethodFound) -> DiskEntry:
    """An erased disk is admitted with it when nothing speaks against it."""
    checks = examine(disk, snapshot)
    words = f"Erased by {WAYS[chosen.method]} ({chosen.category}), blank at {SAMPLES} places."
    return DiskEntry(
        serial=disk.serial,
        standing=Standing.ERASED if unfit(checks) else Standing.ADMITTED,
        at=now,
        depth=Depth.IDENTITY,
        checks=(*checks, Check(name="erased", outcome=Outcome.OK, words=words)),
    )


def _certificate(
    chosen: MethodFound, disk: Disk, snapshot: NodeSnapshot, ways: tuple[Step, ...]
) -> Certificate:
    lines = (
        step.line() if isinstance(step, SurfaceStep) else step.command.line()
        for step in ways
        if isinstance(step, SurfaceStep | RunStep | WaitStep)
    )
    return Certificate(
        serial=disk.serial,
        wwn=disk.wwn,
        model=disk.model,
        vendor=disk.vendor,
        firmware=disk.firmware,
        size=disk.size or 0,
        bay=disk.bay,
        node=snapshot.host.hostname,
        held=", ".join(dict.fromkeys(item.type for item in disk.signatures)) or disk.was,
        method=chosen.method,
        commands=tuple(lines),
        category=chosen.category,
        verified=f"{SAMPLES} places of 1 MiB from the first block to the last were read back: "
        "blank, every one",
    )


def _duration(minutes: int) -> str:
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.0f} h"  # noqa: PLR2004 - two hours
