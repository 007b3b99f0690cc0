"""Disks nobody can judge: virtual ones, and readings with nothing in them."""

from __future__ import annotations

from appliance.health.rules import RuleBook, VirtualDisk
from appliance.model.smart import SmartReading
from appliance.model.verdict import Confidence, Evidence, Grade, Part, Verdict


def why_unknown(reading: SmartReading, book: RuleBook) -> Verdict | None:
    """The verdict `unknown` with its reason, None when the reading can be judged."""
    virtual = _virtual(reading, book)
    if virtual is not None:
        return _unknown(
            "virtual-disk",
            f"{reading.model or reading.vendor} is a volume of a RAID controller or hypervisor, not a disk",
            "Read its member disks through the controller: smartctl -d megaraid,N or cciss,N (smartctl --scan).",
            Confidence.HIGH,
            source=book.source(virtual.source),
        )
    if reading.error:
        return _unknown("no-reading", reading.error, _next(reading), Confidence.HIGH)
    if reading.passed is False or _counts(reading):
        return None
    return _unknown(
        "nothing-counted",
        "the drive says that it passed and shows no counter; that is not enough to call it healthy",
        "Read everything: smartctl -x -j DEVICE.",
        Confidence.MEDIUM,
    )


def _virtual(reading: SmartReading, book: RuleBook) -> VirtualDisk | None:
    model = reading.model
    name = model if model.startswith(reading.vendor) else f"{reading.vendor} {model}"
    return next(
        (
            known
            for known in book.virtual
            if reading.protocol in known.protocols and known.compiled.match(name.strip())
        ),
        None,
    )


def _counts(reading: SmartReading) -> bool:
    """Whether there is any number of the drive's own to judge by."""
    if reading.nvme is not None:
        return True
    if reading.ata is not None and (reading.ata.attributes or reading.ata.statistics):
        return True
    scsi = reading.scsi
    return scsi is not None and any(
        item is not None for item in (scsi.grown_defects, scsi.read, scsi.write, scsi.verify)
    )


def _next(reading: SmartReading) -> str:
    if reading.standby:
        return "Ask again when the disk is awake."
    if reading.supported is False:
        return "Ask through the controller: smartctl -d megaraid,N, cciss,N or sat (smartctl --scan-open)."
    return "Check that the disk answers: smartctl -x DEVICE; with -d TYPE behind a controller."


def _unknown(
    rule: str, words: str, next_step: str, confidence: Confidence, *, source: str = ""
) -> Verdict:
    line = Evidence(rule=rule, grade=Grade.UNKNOWN, part=Part.NONE, words=words, source=source)
    return Verdict(
        verdict=Grade.UNKNOWN,
        part=Part.NONE,
        confidence=confidence,
        evidence=(line,),
        next_step=next_step,
    )
