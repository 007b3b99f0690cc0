"""The numbers in a SMART reading that rules judge. All are counted so that higher is worse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from appliance.health.rules import WEAR_TOP, AttributeMeasure, RuleBook, Take
from appliance.model.disk import Medium
from appliance.model.smart import (
    AtaAttribute,
    AtaHealth,
    NvmeHealth,
    ScsiHealth,
    SelfTest,
    SmartProtocol,
    SmartReading,
)

ASC_PREDICTION: Final = 0x5D
"""SPC-5: failure prediction threshold exceeded."""
ASC_WARNING: Final = 0x0B
ASCQ_FALSE: Final = 0xFF
"""SPC-5: a prediction made for a test."""
ASCQ_TEMPERATURE: Final = 0x01
_HEAT: Final = re.compile(r"(?i)temp")
_SSD_NAMES: Final = re.compile(r"(?i)ssd|nvme|solid.state|flash|nand|wear|erase_|program_fail")
"""Unknown_SSD_Attribute among them: smartctl's name for what only disks have, seen on flash."""
_HDD_NAMES: Final = re.compile(r"(?i)spin_|seek_|head_|load_cycle|unknown_hdd")
_NVME_SPARE: Final = 0x01
_NVME_HOT: Final = 0x02
_NVME_RELIABILITY: Final = 0x04
_NVME_READ_ONLY: Final = 0x08
_NVME_BACKUP: Final = 0x10
_NVME_REST: Final = 0xE0
_SATA_CRC: Final = frozenset(
    {
        "command failed due to icrc error",
        "crc errors within host-to-device fis",
    }
)
_SAS_COUNTERS: Final = (
    ("invalid dword", "sas-invalid-dwords"),
    ("running disparity", "sas-disparity"),
    ("loss of dword", "sas-sync-losses"),
    ("phy reset problem", "sas-reset-problems"),
)


class Measure(NamedTuple):
    """One number, and where in the reading it stands."""

    key: str
    value: int
    told: str = ""


def medium_of(reading: SmartReading) -> Medium:
    """Disk or flash, by rotation, protocol, names and the attributes only one of them has."""
    if reading.protocol is SmartProtocol.NVME or reading.rotation_rpm == 0:
        return Medium.SSD
    if reading.rotation_rpm:
        return Medium.HDD
    attributes = reading.ata.attributes if reading.ata else ()
    names = [reading.family, reading.model, *(item.name for item in attributes)]
    if any(map(_SSD_NAMES.search, names)):
        return Medium.SSD
    return Medium.HDD if any(map(_HDD_NAMES.search, names)) else Medium.UNKNOWN


def measures_of(reading: SmartReading, book: RuleBook) -> dict[str, Measure]:
    """All measures by key; where two places tell the same, the higher one."""
    found: dict[str, Measure] = {}
    medium = medium_of(reading)
    for measure in _all(reading, medium, book):
        known = found.get(measure.key)
        if known is None or measure.value > known.value:
            found[measure.key] = measure
    return found


def _all(reading: SmartReading, medium: Medium, book: RuleBook) -> Iterator[Measure]:
    yield from _self_assessment(reading)
    yield from _temperature(reading)
    failed = last_failed_test(reading.self_tests)
    if failed is not None:
        hours = "" if failed.at_hours is None else f" at {failed.at_hours} hours"
        yield Measure("self-test-failed", 1, f"{failed.outcome}{hours}")
    if reading.ata is not None:
        yield from _ata(reading.ata, reading.model, medium, book)
    if reading.nvme is not None:
        yield from _nvme(reading.nvme)
    elif reading.endurance_used_percent is not None:
        yield Measure("endurance-used", reading.endurance_used_percent, "endurance indicator")
    if reading.scsi is not None:
        yield from _scsi(reading.scsi, reading.verdict_text)


def last_failed_test(tests: tuple[SelfTest, ...]) -> SelfTest | None:
    """The newest failed self-test that no later complete test has disproved.

    smartctl counts a failure as outdated by a later extended test that passed; so do we.
    """
    for test in tests:
        if test.passed is False:
            return test
        if test.passed and test.kind.lower() == "extended":
            return None
    return None


def _self_assessment(reading: SmartReading) -> Iterator[Measure]:
    """A bare "failed"; NVMe and SCSI say why, and are judged by that."""
    warning = reading.nvme is not None and reading.nvme.critical_warning != 0
    sense = reading.scsi is not None and reading.scsi.sense is not None
    if reading.passed is False and not warning and not sense:
        told = f": {reading.verdict_text}" if reading.verdict_text else ""
        yield Measure("self-assessment-failed", 1, told)


def _temperature(reading: SmartReading) -> Iterator[Measure]:
    now, limit = reading.temperature_c, reading.temperature_limit_c
    if now is None or now <= 0:
        return
    yield Measure("hot-disk", now)
    if limit is not None and limit > 0:
        words = f"{now} degrees C, the drive's own limit is {limit}"
        yield Measure("over-limit", now - limit, words)


def _ata(ata: AtaHealth, model: str, medium: Medium, book: RuleBook) -> Iterator[Measure]:
    told: set[str] = set()
    for measure in _attributes(ata, model, medium, book):
        told.add(measure.key)
        yield measure
    yield from _failed_attributes(ata)
    for count in ata.statistics:
        known = book.by_statistic.get(count.name)
        if known is not None and known.measure not in told:
            yield Measure(known.measure, count.value, "device statistics")
    if ata.pending_defects is not None and "pending" not in told:
        yield Measure("pending", ata.pending_defects, "pending defects log")
    if ata.error_count:
        yield Measure("ata-error-log", ata.error_count)
    crc = [item.value for item in ata.phy_events if item.name.lower() in _SATA_CRC]
    if crc:
        yield Measure("sata-link-crc", max(crc))


def _attributes(ata: AtaHealth, model: str, medium: Medium, book: RuleBook) -> Iterator[Measure]:
    for attribute in ata.attributes:
        for known in book.by_attribute.get(attribute.id, ()):
            if (
                known.medium in {None, medium}
                and known.name_pattern.fullmatch(attribute.name)
                and known.model_pattern.match(model)
            ):
                number = _number(attribute, known)
                if number is not None:
                    words = f"attribute {attribute.id} {attribute.name}"
                    yield Measure(known.measure, number, words)


def _number(attribute: AtaAttribute, known: AttributeMeasure) -> int | None:
    """The number in the attribute; None where a normalized 0 only means that none is kept.

    SFF-8035i: normalized values run from 1 to 253.
    """
    match known.take:
        case Take.LOW16:
            return attribute.raw & 0xFFFF
        case Take.HIGH16:
            return attribute.raw >> 32 & 0xFFFF
        case Take.USED:
            kept = attribute.value > 0 or bool(attribute.threshold)
            return max(0, WEAR_TOP - attribute.value) if kept else None
        case Take.PRINTED:
            printed = re.match(r"\d+", attribute.raw_text)
            return int(printed[0]) if printed else attribute.raw


def _failed_attributes(ata: AtaHealth) -> Iterator[Measure]:
    """Attributes the maker's own threshold condemns."""
    groups: dict[str, list[str]] = {}
    for item in ata.attributes:
        heat = _HEAT.search(item.name)
        if item.when_failed == "now":
            kind = "prefail" if item.prefailure else "oldage"
            key = f"{'heat' if heat else kind}-attribute-now"
        elif item.when_failed == "past" and item.prefailure and not heat:
            key = "prefail-attribute-past"
        else:
            continue
        limit = "" if item.threshold is None else f", threshold {item.threshold}"
        groups.setdefault(key, []).append(
            f"attribute {item.id} {item.name} (value {item.value}{limit}, raw {item.raw_text})"
        )
    for key, names in groups.items():
        yield Measure(key, len(names), ", ".join(names))


def _nvme(log: NvmeHealth) -> Iterator[Measure]:
    warning = log.critical_warning
    spare = f"{log.available_spare} % left, threshold {log.spare_threshold} %"
    if warning & _NVME_SPARE or log.available_spare < log.spare_threshold:
        yield Measure("nvme-spare-low", 1, spare)
    elif log.available_spare == log.spare_threshold > 0:
        yield Measure("nvme-spare-near", 1, spare)
    for bit, key in (
        (_NVME_HOT, "nvme-hot"),
        (_NVME_RELIABILITY, "nvme-reliability"),
        (_NVME_READ_ONLY, "nvme-read-only"),
        (_NVME_BACKUP, "nvme-backup-failed"),
        (_NVME_REST, "nvme-memory-unreliable"),
    ):
        if warning & bit:
            yield Measure(key, 1)
    yield Measure("endurance-used", log.percentage_used, "percentage used")
    yield Measure("nvme-media-errors", log.media_errors)
    yield Measure("nvme-error-log", log.error_log_entries)
    yield Measure("nvme-critical-minutes", log.critical_minutes)


def _scsi(scsi: ScsiHealth, words: str) -> Iterator[Measure]:
    yield from _sense(scsi.sense, words)
    rows = (("read", scsi.read), ("write", scsi.write), ("verify", scsi.verify))
    for name, row in rows:
        if row is not None:
            yield Measure(f"{name}-uncorrected", row.uncorrected)
    counts = (
        ("grown-defects", scsi.grown_defects),
        ("pending-defects", scsi.pending_defects),
        ("non-medium-errors", scsi.non_medium_errors),
    )
    for key, value in counts:
        if value is not None:
            yield Measure(key, value)
    yield from _scan(scsi.background_scan)
    for event in scsi.phy_events:
        name = event.name.lower().replace("_", " ")
        for start, key in _SAS_COUNTERS:
            if name.startswith(start):
                yield Measure(key, event.value, event.group)


def _scan(status: str) -> Iterator[Measure]:
    words = status.lower()
    if "halted" in words:
        key = "scan-halted-heat" if "temperature" in words else "scan-halted"
        yield Measure(key, 1, status)


def _sense(sense: tuple[int, int] | None, words: str) -> Iterator[Measure]:
    if sense is None:
        return
    asc, ascq = sense
    code = f"asc {asc:02x}h, ascq {ascq:02x}h"
    told = f"{words.lower()} ({code})" if words else code
    if asc == ASC_PREDICTION and ascq != ASCQ_FALSE:
        yield Measure("scsi-prediction", 1, told)
    elif asc == ASC_WARNING:
        heat = ascq == ASCQ_TEMPERATURE
        yield Measure("scsi-heat-warning" if heat else "scsi-warning", 1, told)
    elif asc != ASC_PREDICTION:
        yield Measure("scsi-warning", 1, told)
