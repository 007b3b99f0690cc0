"""Erasing a disk: which of its ways is the best, the steps of it, and the certificate. Pure.

Categories are those of NIST SP 800-88 Rev. 1, tables A-5 (hard disks) and A-8 (flash): a disk's own
block erase, sanitize overwrite or enhanced secure erase reaches what no command can read any more
and purges; whatever goes by plain writes or discards clears.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appliance.errors import InvalidInputError, RefusedError
from appliance.model.admission import Check, Depth, DiskEntry, Outcome, Standing
from appliance.model.base import format_size
from appliance.model.command import change, read
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
PASSWORD: Final = "appliance"  # noqa: S105 - no secret: the disk forgets it when it is erased
"""ATA takes no secure erase without a password (ACS-4, SECURITY SET PASSWORD)."""
_WRITES_PER_S: Final = 150e6
"""Bytes a hard disk writes in a second, on average over its tracks."""
_DAYS_S: Final = 4 * 86400.0
"""Time-out of what the disk does by itself: large disks take more than a day."""
_COMMANDS: Final[Mapping[EraseMethod, tuple[str, ...]]] = {
    EraseMethod.NVME_FORMAT: ("nvme", "format", "--ses=1", "--force"),
    EraseMethod.NVME_SANITIZE: ("nvme", "sanitize", "--sanact=2"),
    EraseMethod.SCSI_SANITIZE_BLOCK: ("sg_sanitize", "--block", "--quick"),
    EraseMethod.SCSI_SANITIZE_OVERWRITE: ("sg_sanitize", "--overwrite", "--zero", "--quick"),
    EraseMethod.ATA_SECURE_ERASE: (
        "hdparm", "--user-master", "u", "--security-erase", PASSWORD),
    EraseMethod.DISCARD: ("blkdiscard", "--force"),
}  # fmt: skip
"""nvme-format(1), nvme-sanitize(1), sg_sanitize(8), hdparm(8), blkdiscard(8); the disk follows."""
_ENHANCED: Final[Mapping[str, str]] = {"--security-erase": "--security-erase-enhanced"}
_WAYS: Final[Mapping[EraseMethod, str]] = {
    EraseMethod.NVME_FORMAT: "NVMe format with user data erase",
    EraseMethod.NVME_SANITIZE: "NVMe sanitize, block erase",
    EraseMethod.SCSI_SANITIZE_BLOCK: "SCSI sanitize, block erase",
    EraseMethod.SCSI_SANITIZE_OVERWRITE: "SCSI sanitize, overwrite",
    EraseMethod.ATA_SECURE_ERASE: "ATA secure erase",
    EraseMethod.DISCARD: "discard of every block",
    EraseMethod.OVERWRITE: "zeros over every block",
}


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
            f"The disk with {disk.where} cannot be erased by {_WAYS[method]}: "
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
    ways = tuple(_ways(chosen, disk, resource))
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
    yield f"Erased by {_WAYS[method]}: {category} by NIST SP 800-88."
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


def _ways(chosen: MethodFound, disk: Disk, resource: str) -> Iterator[Step]:
    """The steps that erase. What the disk is told before and after the one that does stands here."""
    words = f"Erase {disk.where}: {_WAYS[chosen.method]}"
    make = _Steps(disk, resource)
    if disk.signatures:
        # Also takes partitions away, which the kernel would show until the next start.
        yield make.run(f"Take the signatures off {disk.where}", "wipefs", "--all", "--force")
    if chosen.method is EraseMethod.OVERWRITE:
        yield make.zeros(words)
        return
    if chosen.method is EraseMethod.ATA_SECURE_ERASE:
        yield make.lock()
    command = _COMMANDS[chosen.method]
    if chosen.enhanced:
        command = tuple(_ENHANCED.get(word, word) for word in command)
    yield make.run(words, *command)
    if chosen.method is EraseMethod.NVME_SANITIZE:
        yield make.wait_for_sanitize()


@dataclass(frozen=True)
class _Steps:
    """Steps on one disk."""

    disk: Disk
    resource: str

    def run(self, title: str, *argv: str) -> RunStep:
        """A command on the disk that leaves nothing of its data."""
        return RunStep(
            title=title,
            resource=self.resource,
            claims=(self.disk.serial,),
            destroys=self._all,
            command=change(*argv, self.disk.device, timeout_s=_DAYS_S),
        )

    def zeros(self, title: str) -> SurfaceStep:
        """Zeros over every block."""
        return SurfaceStep(
            title=title,
            resource=self.resource,
            act=SurfaceAct.ZERO,
            device=self.disk.device,
            size=self.disk.size or 0,
            claims=(self.disk.serial,),
            destroys=self._all,
        )

    def lock(self) -> RunStep:
        """The password an ATA disk wants before it erases itself."""
        words = ("hdparm", "--user-master", "u")
        return RunStep(
            title=f"Lock {self.disk.where}, which a secure erase needs",
            resource=self.resource,
            claims=(self.disk.serial,),
            command=change(*words, "--security-set-pass", PASSWORD, self.disk.device),
            undo=change(*words, "--security-disable", PASSWORD, self.disk.device),
        )

    def wait_for_sanitize(self) -> WaitStep:
        """Sanitize goes on by itself; the log's SPROG is 65535 when it has ended."""
        return WaitStep(
            title=f"Wait until {self.disk.where} has erased itself",
            resource=self.resource,
            command=read("nvme", "sanitize-log", self.disk.device, "--output-format=json"),
            until=r'"sprog"\s*:\s*65535',
            timeout_s=_DAYS_S,
            poll_s=5,
        )

    @property
    def _all(self) -> str:
        return f"all data on the disk with {self.disk.where}"


def _entry(disk: Disk, snapshot: NodeSnapshot, now: datetime, chosen: MethodFound) -> DiskEntry:
    """An erased disk is admitted with it when nothing speaks against it."""
    checks = examine(disk, snapshot)
    words = f"Erased by {_WAYS[chosen.method]} ({chosen.category}), blank at {SAMPLES} places."
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
