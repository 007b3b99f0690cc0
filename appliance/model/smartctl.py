"""smartctl's output into a SmartReading: pure, and prepared for what versions and drives do wrong.

Field names are those of smartmontools' ataprint.cpp, scsiprint.cpp and nvmeprint.cpp, 6.7 to 7.5.
"""

from __future__ import annotations

import json
import re
from typing import Final

from appliance.model.json_tree import Tree
from appliance.model.smart import ExitBit, SmartProtocol, SmartReading
from appliance.model.smartctl_health import (
    ata_health,
    nvme_health,
    scsi_health,
    smartctl_version,
)
from appliance.model.smartctl_tests import self_tests, test_remaining_percent
from appliance.model.smartctl_text import document_of, is_smartctl

EXIT_BITS: Final = tuple(ExitBit)
"""In the order of their bits, lowest first."""
_ASLEEP: Final = re.compile(r"Device is in .* mode, exit\(")
_REPORT_KEYS: Final = frozenset(
    {
        "smartctl",
        "device",
        "devices",
        "smart_status",
        "ata_smart_attributes",
        "nvme_smart_health_information_log",
        "scsi_error_counter_log",
    }
)
"""A JSON object with none of these was not printed by smartctl."""
_HOURS_SANE: Final = 2**31
_NO_HEALTH: Final = (
    "The drive tells nothing of its health (no SMART, or a RAID controller hides it)."
)


def parse_smart(text: str, exit_status: int = 0) -> SmartReading:
    """The reading in what smartctl printed, as JSON (`-j`) or as text.

    Never raises: what cannot be understood becomes a reading with `error`.
    """
    document = _json(text)
    if document is None and is_smartctl(text):
        document = document_of(text)
    if document is None:
        return SmartReading(exit_bits=_exit_bits(exit_status), error=_not_smartctl(text))
    if "devices" in document and "device" not in document:
        return SmartReading(error="This is a list of devices (smartctl --scan), not a reading.")
    try:
        reading = _reading(Tree(document), exit_status)
    except ValueError:
        return SmartReading(error="The report of smartctl holds values that cannot be.")
    return reading.model_copy(update={"error": _error(reading)})


def _json(text: str) -> dict[str, object] | None:
    """The JSON report. Before 7.3 a line of text may stand before it, so it begins at the brace."""
    start = text.find("{")
    if start < 0:
        return None
    try:
        document, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    known = isinstance(document, dict) and not _REPORT_KEYS.isdisjoint(document)
    return document if known else None


def _not_smartctl(text: str) -> str:
    if not text.strip():
        return "There is no output of smartctl: it is empty."
    if text.lstrip().startswith("{") and '"smartctl"' in text:
        return "The JSON report of smartctl is cut off or damaged."
    return "This is no output of smartctl."


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
        smartctl_version=smartctl_version(root),
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
        ata=ata_health(root),
        nvme=nvme_health(root),
        scsi=scsi_health(root) if protocol is SmartProtocol.SCSI else None,
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
    if not told:  # RAID volumes say 0
        told = root.at("scsi_temperature", "current").number  # its name for a while
    if told:
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
