"""The tables in smartctl's text output, row by row into the places `smartctl -j` puts them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

Document = dict[str, Any]
Path = tuple[str, ...]

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


def put(document: Document, path: Path, value: object) -> None:
    """Put a value where it belongs unless one is there already: the first telling counts."""
    *way, last = path
    for key in way:
        document = document.setdefault(key, {})
    document.setdefault(last, value)


def tables(document: Document, lines: list[str]) -> None:
    """Attributes, error counters, device statistics and SATA phy events."""
    attributes = [_attribute(match) for line in lines if (match := _ATTRIBUTE.match(line))]
    if attributes:
        put(document, ("ata_smart_attributes", "table"), attributes)
    for line in lines:
        if match := _COUNTER.match(line):
            put(document, ("scsi_error_counter_log", match[1]), _counter(match))
        elif match := _SCAN_HOURS.search(line):
            put(document, ("power_on_time", "hours"), int(match[1]))
    statistics = [row for line in lines if (row := _STATISTIC.match(line))]
    if statistics:
        pages = [
            {
                "name": f"page {row[1]}",
                "table": [{"name": row[4], "value": int(row[2]), "flags": {"valid": True}}],
            }
            for row in statistics
        ]
        put(document, ("ata_device_statistics", "pages"), pages)
    events = [row for line in lines if (row := _PHY_EVENT.match(line))]
    if events:
        table = [{"name": row[2], "value": int(row[1])} for row in events]
        put(document, ("sata_phy_event_counters", "table"), table)


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


def self_tests(document: Document, lines: list[str]) -> None:
    """The self-test log, newest first."""
    protocol = document["device"]["protocol"]
    pattern = {"ATA": _ATA_TEST, "SCSI": _SCSI_TEST, "NVMe": _NVME_TEST}.get(protocol)
    rows = [row for line in lines if pattern and (row := pattern.match(line))]
    if not rows:
        return
    if protocol == "ATA":
        table = [_ata_test(row) for row in rows]
        put(document, ("ata_smart_self_test_log", "standard", "table"), table)
    elif protocol == "NVMe":
        put(document, ("nvme_self_test_log", "table"), [_nvme_test(row) for row in rows])
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


def sas_ports(document: Document, lines: list[str]) -> None:
    """Link error counts by port and phy; the event descriptors below them repeat them."""
    port, phy = 0, 0
    for line in lines:
        if match := re.match(r"\s*relative target port id = (\d+)", line):
            port, phy = int(match[1]), -1
        elif re.match(r"\s*phy identifier = \d+", line):
            phy += 1
        elif match := _PHY_COUNT.match(line):
            path = (f"scsi_sas_port_{port}", f"phy_{phy}", f"{match[1]} count")
            put(document, path, int(match[2]))
