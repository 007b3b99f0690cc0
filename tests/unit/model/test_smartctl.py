"""smartctl's JSON: every capture parses, and each trap of versions and drives is stepped over."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from appliance.model.smart import ExitBit, SmartProtocol, SmartReading
from appliance.model.smartctl import parse_smart

CAPTURES = Path(__file__).parents[4] / "shared" / "captures" / "smart"
"""Recorded outputs beside the repository; a machine without them skips, CI does not."""


def rows() -> list[dict[str, str]]:
    index = CAPTURES / "index.csv"
    if not index.exists():
        return []
    with index.open(newline="") as lines:
        return [
            row
            for row in csv.DictReader(lines)
            if row["format"] == "json" and row["protocol"] != "scan"
        ]


needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason=f"{CAPTURES} is missing")


def capture(name: str) -> SmartReading:
    return parse_smart((CAPTURES / name).read_text())


def test_the_captures_are_there():
    if not CAPTURES.is_dir() and os.environ.get("CI") != "true":
        pytest.skip(f"{CAPTURES} is missing")
    assert len(rows()) > 100


def document(**fields: Any) -> str:
    return json.dumps({"smartctl": {"version": [7, 4], "exit_status": 0}, **fields})


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_every_capture_is_read(row: dict[str, str]):
    reading = capture(row["file"])
    has_verdict = row["self_assessment"] in {"passed", "failed"}
    assert reading.passed is ((row["self_assessment"] == "passed") if has_verdict else None)
    if row["truth"] == "unknown":
        assert reading.error
        assert not reading.has_health
        return
    assert reading.error == ""
    assert reading.has_health
    assert bool(reading.model) == bool(row["model"])
    assert "  " not in reading.model
    protocol = {"ATA": SmartProtocol.ATA, "NVMe": SmartProtocol.NVME}
    assert reading.protocol is protocol.get(row["protocol"], SmartProtocol.SCSI)
    assert reading.temperature_c is None or -10 < reading.temperature_c < 100
    assert reading.power_on_hours is None or reading.power_on_hours < 200_000


@needs_captures
def test_sas_counters():
    reading = capture("scsi-seagate-st373453lc.json")
    assert reading.scsi is not None
    assert reading.scsi.grown_defects == 260
    assert reading.scsi.write is not None
    assert reading.scsi.write.uncorrected == 535


@needs_captures
def test_grown_defects_of_old_versions_are_bytes():
    reading = capture("sas-seagate-st4000nm0043.json")
    assert reading.scsi is not None
    assert reading.scsi.grown_defects == 7


@needs_captures
def test_a_running_scsi_self_test_and_the_log_behind_it():
    reading = capture("sas-seagate-stmfsnd2clar4000.json")
    assert reading.self_test_remaining_percent == 100
    assert [test.passed for test in reading.self_tests[:3]] == [None, True, True]
    assert reading.self_tests[1].kind == "extended"
    assert reading.self_tests[1].at_hours == 44683
    assert reading.wwn == "0x5000c500adec6ea3"


@needs_captures
def test_packed_raw_values_can_be_taken_apart():
    reading = capture("ata-st2000nm0008-2f3100.json")
    assert reading.ata is not None
    timeouts = reading.ata.attribute(188)
    assert timeouts is not None
    assert timeouts.words == (2, 2, 2)
    assert reading.power_on_hours == 37054


@needs_captures
def test_statistics_and_phy_counters():
    reading = capture("ata-kioxia-exceria-sata-ssd.json")
    assert reading.ata is not None
    assert ("General Statistics", "Power-on Hours", 29314) in [
        (item.group, item.name, item.value) for item in reading.ata.statistics
    ]
    assert reading.ata.phy_events[0].name == "Command failed due to ICRC error"
    assert reading.endurance_used_percent == 0


@needs_captures
def test_nvme_health():
    reading = capture("nvme-ct250p2ssd8.json")
    assert reading.nvme is not None
    assert (reading.nvme.available_spare, reading.nvme.media_errors) == (100, 0)
    assert reading.power_on_hours == 10147
    assert reading.wwn.startswith("eui.")


def test_text_before_the_json_is_passed_over():
    text = "  Pending defect count:0 Pending Defects\n" + document(smart_status={"passed": True})
    assert parse_smart(text).passed is True


@pytest.mark.parametrize("text", ["", "Segmentation fault", "{ half of", "[1]"])
def test_no_report_is_an_error_and_no_exception(text: str):
    reading = parse_smart(text, 4)
    assert "output of smartctl" in reading.error
    assert reading.exit_bits == {ExitBit.COMMAND_FAILED}


def test_the_exit_status_is_a_mask():
    text = json.dumps({"smartctl": {"exit_status": 0b11011100}, "smart_status": {"passed": False}})
    reading = parse_smart(text)
    assert reading.exit_bits == {
        ExitBit.COMMAND_FAILED,
        ExitBit.FAILING,
        ExitBit.PREFAIL,
        ExitBit.ERROR_LOG,
        ExitBit.TEST_LOG,
    }
    assert reading.error == ""


@pytest.mark.parametrize("mode", ["STANDBY", "STANDBY BY COMMAND", "SLEEP"])
def test_a_sleeping_drive_is_told_as_sleeping(mode: str):
    message = {"string": f"Device is in {mode} mode, exit(2)", "severity": "information"}
    reading = parse_smart(json.dumps({"smartctl": {"exit_status": 2, "messages": [message]}}))
    assert reading.standby
    assert reading.short(12).error == "The drive is in standby and was not woken."
    assert reading.short(12).passed is None


def test_a_failing_sas_drive_tells_why():
    status = {"passed": False, "scsi": {"asc": 93, "ascq": 50, "ie_string": "DATA CHANNEL  GEN"}}
    reading = parse_smart(document(device={"protocol": "SCSI"}, smart_status=status))
    assert reading.passed is False
    assert reading.verdict_text == "DATA CHANNEL GEN"
    assert reading.scsi is not None
    assert reading.scsi.sense == (0x5D, 50)


@pytest.mark.parametrize(
    "names",
    [
        {"scsi_model_name": "HGST   HUH7210"},
        {"scsi_vendor": "HGST", "scsi_product": "HUH7210"},
        {"vendor": "HGST    ", "product": "HUH7210   "},
        {"model_name": "HGST HUH7210"},
    ],
)
def test_the_model_by_all_its_names(names: dict[str, str]):
    assert parse_smart(document(**names)).model == "HGST HUH7210"


def test_the_older_name_of_the_temperature():
    assert parse_smart(document(scsi_temperature={"current": 41})).temperature_c == 41


def test_sas_link_errors_pending_defects_and_background_scan():
    phy = {"identifier": 0, "Invalid DWORD count": 7, "phy_reset_problem_count": 1}
    reading = parse_smart(
        document(
            device={"protocol": "SCSI"},
            scsi_sas_port_0={"relative_target_port_id": 1, "phy_0": phy},
            scsi_pending_defects={"count": 3},
            scsi_background_scan={
                "status": {"value": 5, "string": "halted due to a vendor specific cause"},
                "result_1": {"lba": 1},
                "result_2": {"lba": 2},
            },
        )
    )
    assert reading.scsi is not None
    assert [(item.group, item.name, item.value) for item in reading.scsi.phy_events] == [
        ("port 0 phy 0", "Invalid DWORD count", 7),
        ("port 0 phy 0", "phy reset problem count", 1),
    ]
    assert reading.scsi.pending_defects == 3
    assert "halted" in reading.scsi.background_scan
    assert reading.scsi.background_scan_findings == 2


def test_self_tests_of_ata_and_nvme():
    failed = {
        "type": {"string": "Extended offline"},
        "status": {"string": "Completed: read failure", "passed": False, "remaining_percent": 90},
        "lifetime_hours": 100,
        "lba": 4711,
    }
    ata = parse_smart(
        document(
            ata_smart_self_test_log={"standard": {"table": [failed]}},
            ata_smart_data={"self_test": {"status": {"remaining_percent": 60}}},
        )
    )
    assert ata.self_test_remaining_percent == 60
    assert (ata.self_tests[0].kind, ata.self_tests[0].first_bad_lba) == ("extended", 4711)
    assert ata.self_tests[0].passed is False
    rows = [
        {"self_test_code": {"string": "Short"}, "self_test_result": {"value": value}}
        for value in (0, 2, 7)
    ]
    nvme = parse_smart(
        document(
            nvme_self_test_log={"current_self_test_completion_percent": 30, "table": [None, *rows]}
        )
    )
    assert nvme.self_test_remaining_percent == 70
    assert [test.passed for test in nvme.self_tests] == [True, None, False]


def test_hours_with_milliseconds_above_them():
    table = [{"id": 9, "name": "Power_On_Hours", "value": 97, "raw": {"value": 167031278144165}}]
    assert parse_smart(document(ata_smart_attributes={"table": table})).power_on_hours == 2725


def test_a_raid_volume_has_no_temperature_of_zero():
    reading = parse_smart(document(device={"protocol": "SCSI"}, temperature={"current": 0}))
    assert reading.temperature_c is None
    assert "tells nothing of its health" in reading.error
