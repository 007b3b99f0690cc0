"""Self-tests through pySMART, whose every command goes through our handle."""

from __future__ import annotations

import pytest

from agents.node.observe.smart import SmartTarget
from agents.node.observe.smart_device import SelfTestKind, SelfTests, StartOutcome
from appliance.errors import InvalidInputError
from appliance.model.command import Command, Effect, Output

HEAD = """\
smartctl 7.4 2023-08-01 r5530 [x86_64-linux-7.3.4+deb13-amd64] (local build)
Copyright (C) 2002-23, Bruce Allen, Christian Franke, www.smartmontools.org

=== START OF INFORMATION SECTION ===
Device Model:     LAB-SATA-SSD
Serial Number:    ZSSD0000
User Capacity:    1,073,741,824 bytes [1.07 GB]
SMART support is: Available - device has SMART capability.
SMART support is: Enabled

=== START OF READ SMART DATA SECTION ===
SMART overall-health self-assessment test result: PASSED

General SMART Values:
"""
IDLE = """\
Self-test execution status:      (   0)\tThe previous self-test routine completed
\t\t\t\t\twithout error or no self-test has ever
\t\t\t\t\tbeen run.
"""
RUNNING = """\
Self-test execution status:      ( 249)\tSelf-test routine in progress...
\t\t\t\t\t90% of test remaining.
"""
TAIL = """\
Offline data collection
capabilities: \t\t\t (0x19) SMART execute Offline immediate.
\t\t\t\t\tSelf-test supported.
\t\t\t\t\tNo Conveyance Self-test supported.
Short self-test routine
recommended polling time: \t (   2) minutes.

SMART Self-test log structure revision number 1
Num  Test_Description    Status                  Remaining  LifeTime(hours)  LBA_of_first_error
# 1  Extended offline    Completed: read failure       90%      4661         123456
# 2  Short offline       Aborted by host               60%      4660         -
# 3  Short offline       Completed without error       00%      4660         -
"""
BEGUN = """\
Testing has begun.
Please wait 2 minutes for test to complete.
Test will complete after Tue Nov 24 08:50:00 2026 UTC
"""


class Drive:
    """A SATA drive that answers in text and tells what it was asked to do."""

    def __init__(self) -> None:
        self.running = False
        self.changes: list[str] = []

    def run(self, command: Command) -> Output:
        if command.effect is Effect.READ:
            return Output(code=0, stdout=HEAD + (RUNNING if self.running else IDLE) + TAIL)
        self.changes.append(command.line())
        self.running = "-t" in command.argv
        return Output(code=0, stdout=BEGUN)


@pytest.fixture
def drive() -> Drive:
    return Drive()


@pytest.fixture
def tests(drive: Drive) -> SelfTests:
    return SelfTests(SmartTarget("ZSSD0000", "/dev/sdg", "sat"), drive.run)


def test_looking_changes_nothing(drive: Drive, tests: SelfTests):
    assert not tests.running()
    failed, aborted, passed = tests.results()
    assert (failed.passed, failed.first_bad_lba, failed.at_hours) == (False, 123456, 4661)
    assert (aborted.passed, passed.passed, passed.first_bad_lba) == (None, True, None)
    assert drive.changes == []


def test_begin_and_break_off(drive: Drive, tests: SelfTests):
    assert tests.start(SelfTestKind.SHORT).outcome is StartOutcome.STARTED
    assert tests.running()
    assert tests.start(SelfTestKind.LONG).outcome is StartOutcome.ALREADY_RUNNING
    assert tests.abort()
    assert not tests.running()
    assert drive.changes == ["smartctl -d sat -t short /dev/sdg", "smartctl -d sat -X /dev/sdg"]


def test_a_test_the_drive_lacks(drive: Drive, tests: SelfTests):
    assert tests.start(SelfTestKind.CONVEYANCE).outcome is StartOutcome.UNSUPPORTED
    assert drive.changes == []


def test_a_type_pysmart_does_not_know(drive: Drive):
    with pytest.raises(InvalidInputError, match="cciss"):
        SelfTests(SmartTarget("S", "/dev/sg0", "cciss,0"), drive.run)
