"""smartctl's text output as the document its -j option would have printed.

Formats are those of smartmontools' ataprint.cpp, scsiprint.cpp and nvmeprint.cpp since 5.x. Numbers
are grouped by the locale of whoever ran it ("4.000.787", "4 000 787", "38280,029").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Document = dict[str, Any]
Path = tuple[str, ...]

_MARKS: Final = re.compile(
    r"^\W{0,4}smartctl (version )?\d|^=== START OF|^ID# +ATTRIBUTE_NAME|^Smartctl open device:",
    re.MULTILINE,
)
_VERSION: Final = re.compile(r"^smartctl (?:version )?(\d+)\.(\d+)", re.MULTILINE)
_PAIR: Final = re.compile(r"^\s*([A-Za-z][^:=]*?)\s*(?::| =)\s*(.*?)\s*$")
_TROUBLE: Final = re.compile(
    r"^(Smartctl open device: .*|Device is in \S+ mode, exit.*|Read Device Identity failed.*"
    r"|.*Unknown USB bridge.*|.*Please specify device type.*|A mandatory SMART command failed.*)$",
    re.MULTILINE,
)
_NO_DRIVE: Final = re.compile(r"open device|mode, exit|USB bridge|specify device type")
_GROUPED: Final = re.compile(r"\d[\d.,' \u00a0\u202f\u2019]*")

_ATTRIBUTE: Final = re.compile(
    r"^\s*(?P<id>\d{1,3}|0x[0-9a-f]{2})\s+(?P<name>[A-Za-z]\S*)\s+"
    r"(?P<flags>0x[0-9a-f]{4}|[-POSRCK+]{6,7})\s+"
    r"(?P<value>\d{3}|---|0x[0-9a-f]{2})\s+(?P<worst>\d{3}|---|0x[0-9a-f]{2})\s+"
    r"(?P<thresh>\d{3}|---|0x[0-9a-f]{2})\s+"
    r"(?:(?P<type>Pre-fail|Old_age)\s+(?:Always|Offline)\s+)?"
    r"(?P<failed>FAILING_NOW|In_the_past|NOW|Past|-)\s+(?P<raw>\S.*?)\s*$"
)
_PREFAILURE_BIT: Final = 1
_COUNTER: Final = re.compile(r"^\s*(read|write|verify):((?:\s+\d+){5})\s+(\d+[.,]\d+)\s+(\d+)\s*$")
_STATISTIC: Final = re.compile(
    r"^0x([0-9a-f]{2})\s+0x[0-9a-f]{3}\s+\d\s+(-?\d+)\s+([-A-Z]{3,4})\s+(\S.*?)\s*$"
)
_PHY_EVENT: Final = re.compile(r"^\s*0x[0-9a-f]{4}\s+\d\s+(\d+)\+?\s+(\S.*?)\s*$")
_SENSE: Final = re.compile(r"\[asc=([0-9a-f]+), *ascq=([0-9a-f]+)\]")
_SCAN_HOURS: Final = re.compile(r"power on time, hours:minutes (\d+):(\d+)")

_ATA_TEST: Final = re.compile(
    r"^#\s*\d+\s+(?P<kind>\S+(?: \S+)*? ?(?:offline|captive|test)|Offline|Vendor \(0x\w+\)"
    r"|Reserved \(0x\w+\))\s+(?P<status>\S.*?)\s+(?P<left>\d{1,3})%\s+(?P<hours>\d+)\s+(?P<lba>\S+)"
)
_SCSI_TEST: Final = re.compile(
    r"^#\s*\d+\s+(?P<kind>Default|(?:Background|Foreground) (?:short|long)|Abort background"
    r"|Reserved\(\d\))\s+(?P<status>\S.*?)\s+(?:\d+|-)\s+(?P<hours>\d+|NOW)\s+(?P<lba>\S+)\s+\["
)
_NVME_TEST: Final = re.compile(
    r"^\s*\d+\s+(?P<kind>Short|Extended|Vendor specific|Unknown \(0x\w+\))\s+"
    r"(?P<status>\S.*?)\s+(?P<hours>\d+)\s+(?P<lba>\S+)\s+\S+\s+\S+\s+\S+\s+\S+\s*$"
)
_ATA_FAILED: Final = re.compile(r"^Fatal or unknown|^Completed: ")
_SCSI_RESULTS: Final = (
    ("Completed, segment failed", 4),
    ("Completed", 0),
    ("Aborted (by user", 1),
    ("Aborted (device", 2),
    ("Unknown error", 3),
    ("Failed in first", 5),
    ("Failed in second", 6),
    ("Failed in segment", 7),
    ("Self test in progress", 15),
)
"""SPC-5 self-test results as scsiprint.cpp words them."""
_NVME_RESULTS: Final = (
    ("Completed without error", 0),
    ("Fatal", 5),
    ("Completed: unknown", 6),
    ("Completed: failed", 7),
)
_NVME_BROKEN_OFF: Final = 8


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
        _put(document, ("smartctl", "version"), [int(version[1]), int(version[2])])
    trouble = _TROUBLE.findall(text)
    if trouble:
        _put(document, ("smartctl", "messages"), [{"string": line} for line in trouble])
        _put(document, ("smartctl", "exit_status"), 2 if _NO_DRIVE.search(trouble[0]) else 4)
    lines = text.splitlines()
    _put(document, ("device", "protocol"), _protocol(text))
    for line in lines:
        _pair(document, line)
    _tables(document, lines)
    _self_tests(document, lines)
    _sas_ports(document, lines)
    return document


def _put(document: Document, path: Path, value: object) -> None:
    *way, last = path
    for key in way:
        document = document.setdefault(key, {})
    document.setdefault(last, value)


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
            _put(document, path, found)
    _special(document, label, value)
    protocol = document["device"]["protocol"]
    if protocol == "NVMe" and label in _NVME_PAIRS:
        _put(document, (_NVME_LOG, _NVME_PAIRS[label]), whole(value))
    elif protocol == "NVMe" and label == "temperature":
        _put(document, ("temperature", "current"), whole(value))


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
            _put(document, ("smart_status", "scsi"), detail)
    elif label == "status" and document["device"]["protocol"] == "SCSI":
        _put(document, ("scsi_background_scan", "status", "string"), value)


def _tables(document: Document, lines: list[str]) -> None:
    attributes = [_attribute(match) for line in lines if (match := _ATTRIBUTE.match(line))]
    if attributes:
        _put(document, ("ata_smart_attributes", "table"), attributes)
    for line in lines:
        if match := _COUNTER.match(line):
            _put(document, ("scsi_error_counter_log", match[1]), _counter(match))
        elif match := _SCAN_HOURS.search(line):
            _put(document, ("power_on_time", "hours"), int(match[1]))
    statistics = [row for line in lines if (row := _STATISTIC.match(line))]
    if statistics:
        pages = [
            {
                "name": f"page {row[1]}",
                "table": [{"name": row[4], "value": int(row[2]), "flags": {"valid": True}}],
            }
            for row in statistics
        ]
        _put(document, ("ata_device_statistics", "pages"), pages)
    events = [row for line in lines if (row := _PHY_EVENT.match(line))]
    if events:
        table = [{"name": row[2], "value": int(row[1])} for row in events]
        _put(document, ("sata_phy_event_counters", "table"), table)


def _normalized(text: str) -> int | None:
    return None if text == "---" else int(text, 0 if text.startswith("0x") else 10)


def _attribute(match: re.Match[str]) -> Document:
    flags = match["flags"]
    prefailure = (
        bool(int(flags, 16) & _PREFAILURE_BIT) if flags.startswith("0x") else flags[0] == "P"
    )
    failed = {"FAILING_NOW": "now", "NOW": "now", "In_the_past": "past", "Past": "past"}
    threshold = _normalized(match["thresh"])
    return {
        "id": int(match["id"], 0),
        "name": match["name"],
        "value": _normalized(match["value"]),
        "worst": _normalized(match["worst"]),
        **({} if threshold is None else {"thresh": threshold}),
        "flags": {"prefailure": prefailure},
        "when_failed": failed.get(match["failed"], ""),
        "raw": {"value": packed(match["raw"]), "string": match["raw"]},
    }


def packed(text: str) -> int:
    """The raw value behind smartctl's words for it, as far as they tell.

    By ata_format_attr_raw_value() in atacmds.cpp: "A/B" is raw24/raw32, "A B C" three 16-bit
    words, highest first, "Ah+Bm" hours in the low bits.
    """
    if match := re.match(r"(\d+)/(\d+)", text):
        return int(match[1]) << 32 | int(match[2])
    if match := re.fullmatch(r"(\d+) (\d+) (\d+)", text):
        return int(match[1]) << 32 | int(match[2]) << 16 | int(match[3])
    match = re.match(r"0x[0-9a-f]+|\d+", text)
    return int(match[0], 0 if match[0].startswith("0x") else 10) if match else 0


def _counter(match: re.Match[str]) -> Document:
    fast, delayed, rereads, total, invocations = map(int, match[2].split())
    return {
        "errors_corrected_by_eccfast": fast,
        "errors_corrected_by_eccdelayed": delayed,
        "errors_corrected_by_rereads_rewrites": rereads,
        "total_errors_corrected": total,
        "correction_algorithm_invocations": invocations,
        "gigabytes_processed": match[3].replace(",", "."),
        "total_uncorrected_errors": int(match[4]),
    }


def _self_tests(document: Document, lines: list[str]) -> None:
    protocol = document["device"]["protocol"]
    pattern = {"ATA": _ATA_TEST, "SCSI": _SCSI_TEST, "NVMe": _NVME_TEST}.get(protocol)
    rows = [row for line in lines if pattern and (row := pattern.match(line))]
    if not rows:
        return
    if protocol == "ATA":
        table = [_ata_test(row) for row in rows]
        _put(document, ("ata_smart_self_test_log", "standard", "table"), table)
    elif protocol == "NVMe":
        _put(document, ("nvme_self_test_log", "table"), [_nvme_test(row) for row in rows])
    else:
        for number, row in enumerate(rows):
            document[f"scsi_self_test_{number}"] = _scsi_test(row)


def _where(row: re.Match[str]) -> Iterator[tuple[str, int]]:
    address = row["lba"]
    if re.fullmatch(r"\d+|0x[0-9a-f]+", address):
        yield "lba", int(address, 0 if address.startswith("0x") else 10)


def _ata_test(row: re.Match[str]) -> Document:
    status = row["status"]
    done = {"passed": True} if status == "Completed without error" else {}
    if _ATA_FAILED.match(status):
        done = {"passed": False}
    return {
        "type": {"string": row["kind"]},
        "status": {"string": status, **done},
        "lifetime_hours": int(row["hours"]),
        **dict(_where(row)),
    }


def _result(status: str, table: tuple[tuple[str, int], ...], other: int) -> int:
    return next((number for words, number in table if status.startswith(words)), other)


def _nvme_test(row: re.Match[str]) -> Document:
    number = _result(row["status"], _NVME_RESULTS, _NVME_BROKEN_OFF)
    return {
        "self_test_code": {"string": row["kind"]},
        "self_test_result": {"value": number, "string": row["status"]},
        "power_on_hours": int(row["hours"]),
        **dict(_where(row)),
    }


def _scsi_test(row: re.Match[str]) -> Document:
    running = row["hours"] == "NOW"
    number = _result(row["status"], _SCSI_RESULTS, 15 if running else 2)
    return {
        "code": {"string": row["kind"]},
        "result": {"value": number, "string": row["status"]},
        **({} if running else {"power_on_time": {"hours": int(row["hours"])}}),
        "lba_first_failure": {"value": dict(_where(row)).get("lba")},
    }


_PHY_COUNT: Final = re.compile(
    r"^\s*(Invalid DWORD|Running disparity error|Loss of DWORD synchronization|Phy reset problem)"
    r"(?: count)? = (\d+)"
)


def _sas_ports(document: Document, lines: list[str]) -> None:
    """Link error counts by port and phy; the event descriptors below them repeat them."""
    port, phy = 0, 0
    for line in lines:
        if match := re.match(r"\s*relative target port id = (\d+)", line):
            port, phy = int(match[1]), -1
        elif re.match(r"\s*phy identifier = \d+", line):
            phy += 1
        elif match := _PHY_COUNT.match(line):
            path = (f"scsi_sas_port_{port}", f"phy_{phy}", f"{match[1]} count")
            _put(document, path, int(match[2]))
