"""smartctl's text form, and whatever else a file may hold."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.model.smart import SmartProtocol
from appliance.model.smartctl import parse_smart
from appliance.model.smartctl_tables import packed
from appliance.model.smartctl_text import whole

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A loaded machine is no failure."""
TITLE = "smartctl 7.1 2019-12-30 r5022 [x86_64-linux-5.4.0] (local build)\n"
TABLE = "ID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE\n"
BRIEF = "ID# ATTRIBUTE_NAME          FLAGS    VALUE WORST THRESH FAIL RAW_VALUE\n"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4,000,787,030,016 bytes [4.00 TB]", 4_000_787_030_016),
        ("12 000 138 625 024 bytes [12,0 TB]", 12_000_138_625_024),
        ("256.060.514.304 [256 GB]", 256_060_514_304),
        ("1\u202f103", 1103),
        ("0x09", 9),
        ("5%", 5),
        ("-", None),
    ],
)
def test_digits_are_grouped_by_the_locale(text: str, number: int | None):
    assert whole(text) == number


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("2/66714750", 2 << 32 | 66_714_750),
        ("2 3 4", 2 << 32 | 3 << 16 | 4),
        ("6206h+47m+20.770s", 6206),
        ("35 (Min/Max 28/39)", 35),
        ("0x00ff", 255),
        ("?", 0),
    ],
)
def test_printed_raw_values_are_packed_again(text: str, raw: int):
    assert packed(text) == raw


def test_the_table_of_dash_a():
    row = "  5 Reallocated_Sector_Ct   0x0033   010   010   010    Pre-fail  Always   FAILING_NOW 844\n"
    reading = parse_smart(TITLE + "Device Model:     SAMSUNG HM251JI\n" + TABLE + row)
    assert reading.protocol is SmartProtocol.ATA
    assert reading.smartctl_version == (7, 1)
    assert reading.ata is not None
    (attribute,) = reading.ata.attributes
    assert (attribute.id, attribute.raw, attribute.threshold) == (5, 844, 10)
    assert (attribute.prefailure, attribute.when_failed) == (True, "now")


def test_the_brief_table_of_dash_x():
    rows = (
        "  5 Reallocated_Sector_Ct   PO--CK   100   100   010    -    0\n"
        "190 Airflow_Temperature_Cel -O---K   065   044   045    Past 35 (Min/Max 28/39)\n"
        "202 Percent_Lifetime_Remain ----CK   001   001   001    NOW  99\n"
    )
    reading = parse_smart(TITLE + BRIEF + rows)
    assert reading.ata is not None
    kinds = [(item.prefailure, item.when_failed) for item in reading.ata.attributes]
    assert kinds == [(True, ""), (False, "past"), (False, "now")]


def test_a_value_that_is_not_kept_is_no_zero():
    row = "233 Media_Wearout_Indicator 0x0032   ---   ---   ---    Old_age   Always       -       1053\n"
    reading = parse_smart(TITLE + TABLE + row)
    assert reading.ata is not None
    assert reading.ata.attributes[0].value == 253
    assert reading.ata.attributes[0].threshold is None


SAS = """=== START OF INFORMATION SECTION ===
Vendor:               SEAGATE
Product:              ST4000NM0023
User Capacity:        4 000 787 030 016 bytes [4,00 TB]
Rotation Rate:        7200 rpm
Logical Unit id:      0x5000c50058736557
SMART support is:     Available - device has SMART capability.
=== START OF READ SMART DATA SECTION ===
SMART Health Status: FAILURE PREDICTION THRESHOLD EXCEEDED [asc=5d, ascq=10]
Current Drive Temperature:     38 C
Drive Trip Temperature:        60 C
Elements in grown defect list: 15
  number of hours powered up = 48046.45
Error counter log:
read:   1777985825        0         0  1777985825          0     350675,664           3
write:         0        0         0         0          0     653674.760           0
Non-medium error count:      181
  Pending defect count:2 Pending Defects
SMART Self-test log
# 1  Background long   Failed in segment -->       7   48000          123456789 [0x3 0x11 0x0]
# 2  Background short  Self test in progress ...   -     NOW                 - [-   -    -]
Background scan results log
  Status: halted due to fatal error
relative target port id = 1
  phy identifier = 0
    Invalid DWORD count = 4
    Loss of DWORD synchronization = 3
    Phy event descriptors:
     Invalid word count: 4
"""


def test_a_sas_disk_in_text():
    reading = parse_smart(TITLE + SAS)
    assert reading.error == ""
    assert reading.protocol is SmartProtocol.SCSI
    assert (reading.model, reading.wwn) == ("SEAGATE ST4000NM0023", "0x5000c50058736557")
    assert (reading.size, reading.rotation_rpm) == (4_000_787_030_016, 7200)
    assert (reading.passed, reading.power_on_hours) == (False, 48046)
    scsi = reading.scsi
    assert scsi is not None
    assert scsi.sense == (0x5D, 0x10)
    # Text always tells elements, also where the JSON of the same version tells bytes.
    assert (scsi.grown_defects, scsi.non_medium_errors, scsi.pending_defects) == (15, 181, 2)
    assert scsi.read is not None
    assert scsi.read.uncorrected == 3
    assert scsi.read.bytes_processed == 350_675_664_000_000
    assert scsi.background_scan == "halted due to fatal error"
    assert {(event.name, event.value) for event in scsi.phy_events} == {
        ("Invalid DWORD count", 4),
        ("Loss of DWORD synchronization count", 3),
    }
    assert [test.passed for test in reading.self_tests] == [False, None]
    assert reading.self_tests[0].first_bad_lba == 123_456_789


def test_an_nvme_drive_in_text():
    text = TITLE + (
        "Model Number:                       KBG30ZMV256G TOSHIBA\n"
        "Warning  Comp. Temp. Threshold:     82 Celsius\n"
        "=== START OF SMART DATA SECTION ===\n"
        "SMART overall-health self-assessment test result: FAILED!\n"
        "- available spare has fallen below threshold\n"
        "SMART/Health Information (NVMe Log 0x02)\n"
        "Critical Warning:                   0x09\n"
        "Temperature:                        48 Celsius\n"
        "Available Spare:                    4%\n"
        "Available Spare Threshold:          10%\n"
        "Percentage Used:                    133%\n"
        "Media and Data Integrity Errors:    1.133\n"
        "Self-test Log (NVMe Log 0x06)\n"
        " 0   Extended          Completed: failed segments   8754      77     1   2   -    -\n"
        " 1   Short             Completed without error      8754       -     -   -   -    -\n"
    )
    reading = parse_smart(text)
    assert reading.protocol is SmartProtocol.NVME
    assert (reading.temperature_c, reading.temperature_limit_c) == (48, 82)
    assert reading.passed is False
    log = reading.nvme
    assert log is not None
    assert (log.critical_warning, log.available_spare, log.spare_threshold) == (9, 4, 10)
    assert (log.percentage_used, log.media_errors) == (133, 1133)
    assert [test.passed for test in reading.self_tests] == [False, True]


@pytest.mark.parametrize(
    ("status", "passed"),
    [
        ("Completed without error       00%", True),
        ("Completed: read failure       90%", False),
        ("Fatal or unknown error        90%", False),
        ("Aborted by host               90%", None),
        ("Self-test routine in progress 30%", None),
    ],
)
def test_ata_self_tests_in_text(status: str, passed: bool | None):
    row = f"# 1  Extended offline    {status}     47396         1234\n"
    (test,) = parse_smart(TITLE + TABLE + row).self_tests
    assert (test.kind, test.passed, test.at_hours) == ("extended", passed, 47396)


def test_a_failed_test_is_known_without_a_log():
    line = "Self-test execution status:      ( 121)\tThe previous self-test completed having\n"
    (test,) = parse_smart(TITLE + TABLE + line).self_tests
    assert test.passed is False
    running = parse_smart(TITLE + TABLE + line.replace("121", "243"))
    assert running.self_tests == ()


def test_a_running_test_is_not_passed_in_json():
    row = {"type": {"string": "Extended offline"}, "status": {"value": 243, "passed": True}}
    document = {"device": {}, "ata_smart_self_test_log": {"standard": {"table": [row]}}}
    (test,) = parse_smart(json.dumps(document)).self_tests
    assert test.passed is None


def test_statistics_and_phy_events_in_text():
    text = (
        TITLE
        + TABLE
        + (
            "0x06  0x018  4               7  ---  Number of Interface CRC Errors\n"
            "0x0001  2            3  Command failed due to ICRC error\n"
        )
    )
    ata = parse_smart(text).ata
    assert ata is not None
    assert [(item.name, item.value) for item in ata.statistics] == [
        ("Number of Interface CRC Errors", 7)
    ]
    assert [(item.name, item.value) for item in ata.phy_events] == [
        ("Command failed due to ICRC error", 3)
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        (" \n\n", "it is empty"),
        ("Lorem ipsum", "no output of smartctl"),
        ("\x7fELF\x02\x01\x01\x00{}", "no output of smartctl"),
        ('{"hello": "world"}', "no output of smartctl"),
        ("[1, 2]", "no output of smartctl"),
        ('{"smartctl": {"version": [7, 4]}, "device"', "cut off or damaged"),
        ('{"smartctl": {}, "devices": [{"name": "/dev/sda"}]}', "list of devices"),
        ('{"device": {"name": "x"}, "user_capacity": {"bytes": -1}}', "cannot be"),
        (TITLE, "tells nothing of its health"),
        (TITLE + "Smartctl open device: /dev/sdz failed: No such device\n", "No such device"),
        (TITLE + "Device is in STANDBY mode, exit(2)\n", "standby"),
        (TITLE + "/dev/sdb: Unknown USB bridge [0x152d:0x0578]\n", "Unknown USB bridge"),
        ("[" * 100_000, "no output of smartctl"),
        ('{"a":' * 100_000, "no output of smartctl"),
    ],
)
def test_what_is_no_reading_says_so(text: str, words: str):
    reading = parse_smart(text)
    assert words in reading.error
    assert not reading.has_health


def test_a_cut_off_text_tells_what_it_has():
    whole_text = TITLE + "Device Model: X\n" + TABLE
    row = "197 Current_Pending_Sector  0x0012   095   090   000    Old_age   Always       -       54\n"
    reading = parse_smart((whole_text + row * 2)[:-40])
    assert reading.ata is not None
    assert reading.ata.attributes[0].raw == 54


@UNHURRIED
@given(st.text())
def test_no_text_is_too_odd(text: str):
    assert parse_smart(text).error
    parse_smart(TITLE + SAS + text)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.sampled_from(
    ["device", "protocol", "smart_status", "passed", "temperature", "current", "table", "wwn",
     "ata_smart_attributes", "scsi_error_counter_log", "read", "gigabytes_processed", "version",
     "smartctl", "scsi_grown_defect_list", "nvme_smart_health_information_log", "exit_status"]
)  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
)


@UNHURRIED
@given(st.dictionaries(KEYS, TREES, max_size=6))
def test_no_json_is_too_odd(document: dict[str, object]):
    parse_smart(json.dumps({"device": {"protocol": "SCSI"}, **document}))
