"""smartctl's text output as the document its -j option would have printed.

Formats are those of smartmontools' ataprint.cpp, scsiprint.cpp and nvmeprint.cpp since 5.x. Numbers
are grouped by the locale of whoever ran it ("4.000.787", "4 000 787", "38280,029").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from appliance.model.smartctl_tables import (
    Document,
    Path,
    put,
    sas_ports,
    self_tests,
    tables,
)

_MARKS: Final = re.compile(
    r"^\W{0,4}smartctl (version )?\d|^=== START OF|^ID# +ATTRIBUTE_NAME|^Smartctl open device:",
    re.MULTILINE,
)
_VERSION: Final = re.compile(r"^smartctl (?:version )?(\d+)\.(\d+)", re.MULTILINE)
_PAIR: Final = re.compile(r"^\s*([A-Za-z][^:=]*?)\s*(?::| =)\s*(.*?)\s*$")
_TROUBLE: Final = re.compile(
    r"Smartctl open device: |Device is in \S+ mode, exit|Read Device Identity failed"
    r"|Unknown USB bridge|Please specify device type|A mandatory SMART command failed"
)
_NO_DRIVE: Final = re.compile(r"open device|mode, exit|USB bridge|specify device type")
_GROUPED: Final = re.compile(r"\d[\d.,' \u00a0\u202f\u2019]*")

_EXECUTION: Final = re.compile(r"\(\s*(\d+)\)\s*(.*)")
_LONGEST_LINE: Final = 500
"""smartctl prints none longer; what comes from elsewhere must not cost minutes."""
_SENSE: Final = re.compile(r"\[asc=([0-9a-f]+), *ascq=([0-9a-f]+)\]")


def is_smartctl(text: str) -> bool:
    """Whether the text looks like something smartctl printed."""
    return _MARKS.search(text) is not None


def document_of(text: str) -> Document:
    """The document for a text report, by the keys of `smartctl -j`; what is not told is absent.

    Two keys are ours, because -j never prints these: `scsi_non_medium_errors`, and
    `scsi_grown_defects` for the true number of elements whatever the version.
    """
    document: Document = {}
    version = _VERSION.search(text)
    if version:
        put(document, ("smartctl", "version"), [int(version[1]), int(version[2])])
    lines = [line[:_LONGEST_LINE] for line in text.splitlines()]
    trouble = [line.strip() for line in lines if _TROUBLE.search(line)]
    if trouble:
        put(document, ("smartctl", "messages"), [{"string": line} for line in trouble])
        put(document, ("smartctl", "exit_status"), 2 if _NO_DRIVE.search(trouble[0]) else 4)
    put(document, ("device", "protocol"), _protocol(text))
    for line in lines:
        _pair(document, line)
    tables(document, lines)
    self_tests(document, lines)
    sas_ports(document, lines)
    return document


def _protocol(text: str) -> str:
    if re.search(r"^(Device Model:|ATA Version is:|ID# +ATTRIBUTE_NAME)", text, re.MULTILINE):
        return "ATA"
    if re.search(r"^(Model Number:|NVMe Version:)|\(NVMe Log 0x0?2", text, re.MULTILINE):
        return "NVMe"
    if re.search(
        r"^(Vendor:|Product:|Transport protocol:|SMART Health Status:)", text, re.MULTILINE
    ):
        return "SCSI"
    return ""


def whole(text: str) -> int | None:
    """A whole number, whatever groups its digits: 4,000,787 or 4.000.787 or 4 000 787."""
    if hexadecimal := re.match(r"0x[0-9a-fA-F]+\b", text):
        return int(hexadecimal[0], 16)
    match = _GROUPED.match(text)
    return int("".join(filter(str.isdecimal, match[0]))) if match else None


def _rotation(text: str) -> int | None:
    return 0 if text.startswith("Solid State") else whole(text)


def _available(text: str) -> bool | None:
    word = text.split(" ", maxsplit=1)[0]
    return {"Available": True, "Unavailable": False}.get(word)


def _passed(text: str) -> bool | None:
    return {"PASSED": True, "OK": True, "FAILED!": False}.get(text)


def _scsi_passed(text: str) -> bool | None:
    return False if _SENSE.search(text) else _passed(text)


def _decimal_hours(text: str) -> int | None:
    match = re.match(r"(\d+)[.,]\d\d$", text)
    return int(match[1]) if match else None


def _plain(text: str) -> str | None:
    return text or None


_PAIRS: Final[Mapping[str, tuple[Path, Callable[[str], object]]]] = {
    "device model": (("model_name",), _plain),
    "model number": (("model_name",), _plain),
    "model family": (("model_family",), _plain),
    "vendor": (("scsi_vendor",), _plain),
    "product": (("scsi_product",), _plain),
    "serial number": (("serial_number",), _plain),
    "logical unit id": (("logical_unit_id",), _plain),
    "firmware version": (("firmware_version",), _plain),
    "revision": (("scsi_revision",), _plain),
    "user capacity": (("user_capacity", "bytes"), whole),
    "namespace 1 size/capacity": (("user_capacity", "bytes"), whole),
    "total nvm capacity": (("nvme_total_capacity",), whole),
    "rotation rate": (("rotation_rate",), _rotation),
    "smart support is": (("smart_support", "available"), _available),
    "smart overall-health self-assessment test result": (("smart_status", "passed"), _passed),
    "smart health status": (("smart_status", "passed"), _scsi_passed),
    "current drive temperature": (("temperature", "current"), whole),
    "current temperature": (("temperature", "current"), whole),
    "drive trip temperature": (("temperature", "drive_trip"), whole),
    "warning  comp. temp. threshold": (("temperature", "op_limit_max"), whole),
    "elements in grown defect list": (("scsi_grown_defects",), whole),
    "non-medium error count": (("scsi_non_medium_errors",), whole),
    "pending defect count": (("scsi_pending_defects", "count"), whole),
    "percentage used endurance indicator": (("endurance_used", "current_percent"), whole),
    "number of hours powered up": (("power_on_time", "hours"), _decimal_hours),
    "ata error count": (("ata_smart_error_log", "summary", "count"), whole),
    "device error count": (("ata_smart_error_log", "extended", "count"), whole),
}
_NVME_LOG: Final = "nvme_smart_health_information_log"
_NVME_PAIRS: Final[Mapping[str, str]] = {
    "critical warning": "critical_warning",
    "available spare": "available_spare",
    "available spare threshold": "available_spare_threshold",
    "percentage used": "percentage_used",
    "data units read": "data_units_read",
    "data units written": "data_units_written",
    "power cycles": "power_cycles",
    "power on hours": "power_on_hours",
    "unsafe shutdowns": "unsafe_shutdowns",
    "media and data integrity errors": "media_errors",
    "error information log entries": "num_err_log_entries",
    "warning  comp. temperature time": "warning_temp_time",
    "critical comp. temperature time": "critical_comp_time",
}


def _pair(document: Document, line: str) -> None:
    match = _PAIR.match(line)
    if match is None:
        return
    label, value = match[1].lower(), match[2]
    if label in _PAIRS:
        path, read = _PAIRS[label]
        found = read(value)
        if found is not None:
            put(document, path, found)
    _special(document, label, value)
    protocol = document["device"]["protocol"]
    if protocol == "NVMe" and label in _NVME_PAIRS:
        put(document, (_NVME_LOG, _NVME_PAIRS[label]), whole(value))
    elif protocol == "NVMe" and label == "temperature":
        put(document, ("temperature", "current"), whole(value))


def _special(document: Document, label: str, value: str) -> None:
    """Lines that hold more than one fact."""
    if label == "lu wwn device id":
        parts = value.split()
        if len(parts) == 3 and all(re.fullmatch(r"[0-9a-f]+", part) for part in parts):  # noqa: PLR2004
            numbers = (int(part, 16) for part in parts)
            document["wwn"] = dict(zip(("naa", "oui", "id"), numbers, strict=True))
    elif label == "smart health status":
        sense = _SENSE.search(value)
        if sense:
            words = value[: sense.start()].strip()
            detail = {"asc": int(sense[1], 16), "ascq": int(sense[2], 16), "ie_string": words}
            put(document, ("smart_status", "scsi"), detail)
    elif label == "self-test execution status":
        last = _EXECUTION.match(value)
        if last:
            detail = {"value": int(last[1]), "string": last[2]}
            put(document, ("ata_smart_data", "self_test", "status"), detail)
    elif label == "status" and document["device"]["protocol"] == "SCSI":
        put(document, ("scsi_background_scan", "status", "string"), value)
