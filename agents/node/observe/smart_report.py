"""smartctl's JSON into a SmartReading: pure, and prepared for what versions and drives do wrong.

Field names are those of smartmontools' ataprint.cpp, scsiprint.cpp and nvmeprint.cpp, 6.7 to 7.5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from agents.node.observe.json_tree import Tree
from agents.node.observe.smart_tests import self_tests, test_remaining_percent
from appliance.model.smart import (
    AtaAttribute,
    AtaHealth,
    ErrorCounter,
    ExitBit,
    NamedCount,
    NvmeHealth,
    ScsiHealth,
    SmartProtocol,
    SmartReading,
)

EXIT_BITS: Final = tuple(ExitBit)
"""In the order of their bits, lowest first."""
_ASLEEP: Final = re.compile(r"Device is in .* mode, exit\(")
_GROWN_DEFECTS_RIGHT: Final = (7, 2)
"""Before this version scsi_grown_defect_list is a length in bytes, eight a defect."""
_DEFECT_BYTES: Final = 8
_HOURS_SANE: Final = 2**31
_NO_HEALTH: Final = (
    "The drive tells nothing of its health (no SMART, or a RAID controller hides it)."
)


def parse_smart(text: str, exit_status: int = 0) -> SmartReading:
    """The reading in what `smartctl -x -j` printed; text before the JSON is passed over.

    Never raises: what cannot be understood becomes a reading with `error`.
    """
    start = text.find("{")
    try:
        document = Tree(json.loads(text[start:]) if start >= 0 else None)
    except ValueError:
        document = Tree()
    if not isinstance(document.value, dict):
        return SmartReading(
            exit_bits=_exit_bits(exit_status), error="smartctl answered without a JSON report."
        )
    reading = _reading(document, exit_status)
    return reading.model_copy(update={"error": _error(reading)})


def _reading(root: Tree, exit_status: int) -> SmartReading:
    status = root.at("smartctl", "exit_status").number
    messages = tuple(row.at("string").text for row in root.at("smartctl", "messages").rows())
    protocol = _protocol(root)
    return SmartReading(
        device=root.at("device", "name").text,
        protocol=protocol,
        serial=root.at("serial_number").text,
        wwn=_wwn(root),
        model=_model(root),
        vendor=root.first("scsi_vendor", "vendor").text,
        firmware=root.first("firmware_version", "scsi_revision", "revision").text,
        family=root.at("model_family").text,
        size=root.at("user_capacity", "bytes").number or root.at("nvme_total_capacity").number,
        rotation_rpm=root.at("rotation_rate").number,
        smartctl_version=_version(root),
        exit_bits=_exit_bits(exit_status if status is None else status),
        messages=messages,
        standby=any(_ASLEEP.search(message) for message in messages),
        supported=root.at("smart_support", "available").truth,
        passed=root.at("smart_status", "passed").truth,
        verdict_text=root.at("smart_status", "scsi", "ie_string").text,
        temperature_c=_temperature(root),
        temperature_limit_c=_temperature_limit(root),
        power_on_hours=_hours(root),
        power_cycles=root.at("power_cycle_count").number,
        endurance_used_percent=root.at("endurance_used", "current_percent").number,
        spare_percent=root.at("spare_available", "current_percent").number,
        ata=_ata(root),
        nvme=_nvme(root),
        scsi=_scsi(root) if protocol is SmartProtocol.SCSI else None,
        self_tests=tuple(self_tests(root)),
        self_test_remaining_percent=test_remaining_percent(root),
    )


def _error(reading: SmartReading) -> str:
    if reading.standby:
        return "The drive is in standby and was not woken."
    if reading.has_health:
        return ""
    if reading.exit_bits & {ExitBit.OPEN_FAILED, ExitBit.USAGE}:
        return " ".join(reading.messages) or "The drive could not be opened."
    return _NO_HEALTH


def _protocol(root: Tree) -> SmartProtocol:
    try:
        return SmartProtocol(root.at("device", "protocol").text.lower())
    except ValueError:
        return SmartProtocol.UNKNOWN


def _exit_bits(status: int) -> frozenset[ExitBit]:
    return frozenset(bit for place, bit in enumerate(EXIT_BITS) if status >> place & 1)


def _version(root: Tree) -> tuple[int, int]:
    numbers = [row.count for row in root.at("smartctl", "version").rows()]
    return (numbers[0], numbers[1]) if len(numbers) > 1 else (0, 0)


def _model(root: Tree) -> str:
    whole = root.first("model_name", "scsi_model_name").text
    parts = (root.first("scsi_vendor", "vendor").text, root.first("scsi_product", "product").text)
    return whole or " ".join(part for part in parts if part)


def _wwn(root: Tree) -> str:
    unit = root.at("logical_unit_id").text
    if unit:
        return unit.lower()
    naa, oui, number = (root.at("wwn", key).number for key in ("naa", "oui", "id"))
    if naa is not None and oui is not None and number is not None:
        return f"0x{naa:x}{oui:06x}{number:09x}"
    for namespace in root.at("nvme_namespaces").rows():
        oui, number = (namespace.at("eui64", key).number for key in ("oui", "ext_id"))
        if oui is not None and number is not None:
            return f"eui.{oui:06x}{number:010x}"
    return ""


def _temperature(root: Tree) -> int | None:
    told = root.at("temperature", "current").number
    if told is None:
        told = root.at("scsi_temperature", "current").number  # its name for a while
    if told is not None:
        return told
    for number in (194, 190):
        raw = _raw(root, number)
        if raw is not None:
            return raw & 0xFF  # the higher bytes hold minimum and maximum
    return None


def _temperature_limit(root: Tree) -> int | None:
    here = root.at("temperature")
    return here.first("drive_trip", "op_limit_max", "limit_max").number


def _hours(root: Tree) -> int | None:
    hours = root.at("power_on_time", "hours").number
    if hours is None:
        hours = root.at("nvme_smart_health_information_log", "power_on_hours").number
    if hours is None:
        hours = _raw(root, 9)
    # Seagate and others keep milliseconds or minutes above the hours.
    return hours & 0xFFFFFFFF if hours is not None and hours >= _HOURS_SANE else hours


def _raw(root: Tree, attribute: int) -> int | None:
    for row in root.at("ata_smart_attributes", "table").rows():
        if row.at("id").number == attribute:
            return row.at("raw", "value").number
    return None


def _ata(root: Tree) -> AtaHealth | None:
    log = root.at("ata_smart_error_log")
    errors = log.at("extended", "count").number
    health = AtaHealth(
        attributes=tuple(map(_attribute, root.at("ata_smart_attributes", "table").rows())),
        error_count=log.at("summary", "count").number if errors is None else errors,
        pending_defects=root.at("ata_pending_defects_log", "count").number,
        statistics=tuple(_statistics(root)),
        phy_events=tuple(
            NamedCount(group="sata", name=row.at("name").text, value=row.at("value").count)
            for row in root.at("sata_phy_event_counters", "table").rows()
        ),
    )
    return None if health == AtaHealth() else health


def _attribute(row: Tree) -> AtaAttribute:
    return AtaAttribute(
        id=row.at("id").count,
        name=row.at("name").text,
        value=row.at("value").count,
        worst=row.at("worst").number,
        threshold=row.at("thresh").number,
        prefailure=row.at("flags", "prefailure").truth or False,
        when_failed=row.at("when_failed").text,
        raw=row.at("raw", "value").count,
        raw_text=row.at("raw", "string").text,
    )


def _statistics(root: Tree) -> Iterator[NamedCount]:
    for page in root.at("ata_device_statistics", "pages").rows():
        for row in page.at("table").rows():
            value = row.at("value").number
            if value is not None and row.at("flags", "valid").truth:
                yield NamedCount(group=page.at("name").text, name=row.at("name").text, value=value)


def _nvme(root: Tree) -> NvmeHealth | None:
    log = root.at("nvme_smart_health_information_log")
    if not log:
        return None
    return NvmeHealth(
        critical_warning=log.at("critical_warning").count,
        available_spare=log.at("available_spare").count,
        spare_threshold=log.at("available_spare_threshold").count,
        percentage_used=log.at("percentage_used").count,
        media_errors=log.at("media_errors").count,
        error_log_entries=log.at("num_err_log_entries").count,
        unsafe_shutdowns=log.at("unsafe_shutdowns").count,
        data_units_read=log.at("data_units_read").count,
        data_units_written=log.at("data_units_written").count,
        warning_minutes=log.at("warning_temp_time").count,
        critical_minutes=log.at("critical_comp_time").count,
    )


def _scsi(root: Tree) -> ScsiHealth:
    asc = root.at("smart_status", "scsi", "asc").number
    scan = root.at("scsi_background_scan")
    return ScsiHealth(
        grown_defects=_grown_defects(root),
        pending_defects=root.at("scsi_pending_defects", "count").number,
        read=_counter(root, "read"),
        write=_counter(root, "write"),
        verify=_counter(root, "verify"),
        background_scan=scan.at("status", "string").text,
        background_scan_findings=sum(key.startswith("result_") for key, _ in scan.items()),
        phy_events=tuple(_phy_events(root)),
        sense=None if asc is None else (asc, root.at("smart_status", "scsi", "ascq").count),
    )


def _grown_defects(root: Tree) -> int | None:
    told = root.at("scsi_grown_defect_list").number
    version = _version(root)
    # A report without a version is judged by its field names: "vendor" was renamed in 7.3.
    old = version < _GROWN_DEFECTS_RIGHT if version != (0, 0) else bool(root.at("vendor"))
    return told // _DEFECT_BYTES if told is not None and old else told


def _counter(root: Tree, row: str) -> ErrorCounter | None:
    here = root.at("scsi_error_counter_log", row)
    if not here:
        return None
    return ErrorCounter(
        corrected=here.at("total_errors_corrected").count,
        corrected_fast=here.at("errors_corrected_by_eccfast").count,
        corrected_delayed=here.at("errors_corrected_by_eccdelayed").count,
        rereads=here.at("errors_corrected_by_rereads_rewrites").count,
        uncorrected=here.at("total_uncorrected_errors").count,
        bytes_processed=round(here.at("gigabytes_processed").decimal * 10**9),
    )


def _phy_events(root: Tree) -> Iterator[NamedCount]:
    """Link error counts of every phy; they accuse the cable, not the disk."""
    for port, ports in root.items():
        if port.startswith("scsi_sas_port_"):
            for phy, counters in ports.items():
                yield from _phy_counts(f"port {port.rpartition('_')[2]} {phy}", counters.items())


def _phy_counts(group: str, counters: Iterable[tuple[str, Tree]]) -> Iterator[NamedCount]:
    for name, place in counters:
        value = place.number
        if value is not None and name.lower().endswith("count"):
            yield NamedCount(
                group=group.replace("_", " "), name=name.replace("_", " "), value=value
            )
