"""Self-test logs of ATA, NVMe and SCSI drives in one form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from appliance.model.json_tree import Tree
from appliance.model.smart import SelfTest

_SCSI_LOG_ROWS: Final = 20
_SCSI_BROKEN_OFF: Final = frozenset({1, 2, 15})
"""SPC-5 self-test results: aborted by the host, by a reset, still running."""
_ATA_FAILED: Final = frozenset(range(3, 9))
"""ACS-4 self-test execution status: fatal or unknown error to damage by handling."""
_NVME_FAILED: Final = frozenset({5, 6, 7})
"""NVM Express: fatal error, failed segments; the others above 0 were broken off."""


def self_tests(root: Tree) -> Iterator[SelfTest]:
    """The self-test log, newest first."""
    log = root.at("ata_smart_self_test_log")
    rows = tuple((log.at("extended", "table") or log.at("standard", "table")).rows())
    yield from map(_ata_test, rows)
    last = root.at("ata_smart_data", "self_test", "status")
    if not rows and _ata_passed(last) is False:
        yield SelfTest(kind="last", outcome=last.at("string").text, passed=False)
    for row in root.at("nvme_self_test_log", "table").rows():
        yield _nvme_test(row)
    for number in range(_SCSI_LOG_ROWS):
        row = root.at(f"scsi_self_test_{number}")
        if row:
            yield _scsi_test(row)


def test_remaining_percent(root: Tree) -> int | None:
    """How much of the running self-test is left; None when none runs."""
    ata = root.at("ata_smart_data", "self_test", "status", "remaining_percent").number
    if ata is not None:
        return ata
    done = root.at("nvme_self_test_log", "current_self_test_completion_percent").number
    if done is None:
        done = root.at("scsi_self_test_status", "completion_percent").number
    if done is not None:
        return 100 - done
    running = root.at("scsi_self_test_0", "self_test_in_progress").truth
    return 100 if running else None  # before 7.4 SCSI tells that one runs, not how far


def _kind(words: str) -> str:
    for word, kind in (("short", "short"), ("extended", "extended"), ("long", "extended")):
        if word in words.lower():
            return kind
    return words.lower()


def _ata_passed(status: Tree) -> bool | None:
    """By the number: smartctl calls a test that still runs passed, and a fatal error nothing."""
    number = status.at("value").number
    if number is None:
        return status.at("passed").truth
    result = number >> 4
    return True if result == 0 else False if result in _ATA_FAILED else None


def _ata_test(row: Tree) -> SelfTest:
    return SelfTest(
        kind=_kind(row.at("type", "string").text),
        outcome=row.at("status", "string").text,
        passed=_ata_passed(row.at("status")),
        at_hours=row.at("lifetime_hours").number,
        first_bad_lba=row.at("lba").number,
    )


def _nvme_test(row: Tree) -> SelfTest:
    result = row.at("self_test_result", "value").count
    return SelfTest(
        kind=_kind(row.at("self_test_code", "string").text),
        outcome=row.at("self_test_result", "string").text,
        passed=True if result == 0 else False if result in _NVME_FAILED else None,
        at_hours=row.at("power_on_hours").number,
        first_bad_lba=row.at("lba").number,
    )


def _scsi_test(row: Tree) -> SelfTest:
    result = row.at("result", "value").count
    return SelfTest(
        kind=_kind(row.at("code", "string").text),
        outcome=row.at("result", "string").text,
        passed=None if result in _SCSI_BROKEN_OFF else result == 0,
        at_hours=row.at("power_on_time", "hours").number,
        first_bad_lba=row.at("lba_first_failure", "value").number,
    )
