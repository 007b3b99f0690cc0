"""P10: SMART of 24 drives, ours beside one drive alone and beside pySMART in a row.

A stand-in for smartctl waits 200 ms, as a busy drive does, and prints a recorded answer: JSON to
us, text to pySMART. All 24 are read at once here, 8 a controller; a poll nobody waits for reads 4.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pySMART import Device
from pySMART.smartctl import Smartctl

from agents.node.apply.executor import Executor
from agents.node.apply.files import NodeFiles
from agents.node.apply.secrets import SecretStore
from agents.node.observe.smart import SmartCache, SmartLimits, SmartReader, SmartTarget
from appliance.model.command import Command, Output
from tests.benchmarks.table import show

DRIVES = 24
WAIT_MS = 200
ROUNDS = 5
AGAINST_SLOWEST = 1.5
AGAINST_PYSMART = 1 / 10

ATTRIBUTES = [
    (1, "Raw_Read_Error_Rate", 0),
    (5, "Reallocated_Sector_Ct", 0),
    (9, "Power_On_Hours", 21000),
    (187, "Reported_Uncorrect", 0),
    (194, "Temperature_Celsius", 31),
    (197, "Current_Pending_Sector", 0),
    (198, "Offline_Uncorrectable", 0),
    (199, "UDMA_CRC_Error_Count", 0),
]
REPORT = {
    "smartctl": {"version": [7, 4], "exit_status": 0},
    "device": {"name": "/dev/sda", "type": "sat", "protocol": "ATA"},
    "model_name": "HUH721010ALE600",
    "serial_number": "X",
    "smart_status": {"passed": True},
    "temperature": {"current": 31},
    "power_on_time": {"hours": 21000},
    "ata_smart_attributes": {
        "table": [
            {"id": number, "name": name, "value": 100, "worst": 100, "thresh": 10,
             "when_failed": "", "flags": {"prefailure": True}, "raw": {"value": raw, "string": str(raw)}}
            for number, name, raw in ATTRIBUTES
        ]
    },
}  # fmt: skip
TEXT = (
    """\
smartctl 7.4 2023-08-01 r5530 [x86_64-linux] (local build)
Copyright (C) 2002-23, Bruce Allen, Christian Franke, www.smartmontools.org

=== START OF INFORMATION SECTION ===
Device Model:     HUH721010ALE600
Serial Number:    X
User Capacity:    10,000,831,348,736 bytes [10.0 TB]
Rotation Rate:    7200 rpm
ATA Version is:   ACS-3 T13/2161-D revision 5
SATA Version is:  SATA 3.2, 6.0 Gb/s (current: 6.0 Gb/s)
SMART support is: Available - device has SMART capability.
SMART support is: Enabled

=== START OF READ SMART DATA SECTION ===
SMART overall-health self-assessment test result: PASSED

Vendor Specific SMART Attributes with Thresholds:
ID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE
"""
    + "".join(
        f"{number:3d} {name:<23} 0x0033   100   100   010    Pre-fail  Always       -       {raw}\n"
        for number, name, raw in ATTRIBUTES
    )
    + "\nSMART Error Log Version: 1\nNo Errors Logged\n"
)
DOUBLE = """\
#!/bin/sh
sleep {seconds}
case " $* " in *" -j "*) exec cat {folder}/answer.json ;; *) exec cat {folder}/answer.txt ;; esac
"""


@pytest.fixture
def smartctl(tmp_path: Path) -> Path:
    """The stand-in."""
    (tmp_path / "answer.json").write_text(json.dumps(REPORT))
    (tmp_path / "answer.txt").write_text(TEXT)
    double = tmp_path / "smartctl"
    double.write_text(DOUBLE.format(seconds=WAIT_MS / 1000, folder=tmp_path))
    double.chmod(0o755)
    return double


def clocked(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and own processor seconds."""
    wall, own = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - own


@pytest.mark.bench
def test_24_drives(smartctl: Path):
    executor = Executor(SecretStore(NodeFiles()))

    def run(command: Command) -> Output:
        argv = (str(smartctl), *command.argv[1:])
        return executor.run(command.model_copy(update={"argv": argv}))

    targets = [
        SmartTarget(f"S{number}", f"/dev/sd{number}", "sat", hba=f"pci-{number % 3}")
        for number in range(DRIVES)
    ]
    cache = SmartCache(SmartReader(run, SmartLimits(at_once=DRIVES, per_hba=8)), time.monotonic)
    theirs = Smartctl(smartctl_path=str(smartctl))

    def one_after_the_other() -> None:
        for item in targets:
            assert Device(item.device, interface="sat", smartctl=theirs).temperature == 31

    alone, ours, pysmart = [], [], []
    for _ in range(ROUNDS):
        alone.append(max(clocked(lambda: cache.refresh(targets[:1])) for _ in range(3)))
        ours.append(clocked(lambda: cache.refresh(targets)))
        pysmart.append(clocked(one_after_the_other))
    assert all(item.temperature_c == 31 and not item.error for item in cache.shorts().values())
    assert len(cache.readings()) == DRIVES

    (slowest, _), (wall, cpu), (row, row_cpu) = (
        map(statistics.median, zip(*times, strict=True)) for times in (alone, ours, pysmart)
    )
    show(
        f"SMART of {DRIVES} drives, {WAIT_MS} ms each (P10)",
        ("way", "wall s", "own CPU ms a drive", "against ours"),
        ("one drive alone, slowest of 3", slowest, "", f"1/{wall / slowest:.2f}"),
        ("ours, 24 at once", wall, cpu / DRIVES * 1000, "1"),
        ("pySMART, one after the other", row, row_cpu / DRIVES * 1000, row / wall),
    )
    assert wall <= AGAINST_SLOWEST * slowest
    assert wall <= AGAINST_PYSMART * row
