"""Self-tests by schedule: spread, one an HBA, never on a disk that sleeps."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from agents.node.care.metrics import self_test_families
from agents.node.care.selftests import SelfTestRounds
from agents.node.observe.smart import SmartCache, SmartReader, SmartTarget, smart_targets
from appliance.model.command import Command, Output
from tests.unit.care.node import CareNode, later
from tests.unit.fakehost import NOW

AWAKE: dict[str, Any] = {
    "device": {"protocol": "ATA"},
    "smart_support": {"available": True},
    "smart_status": {"passed": True},
    "power_mode": "ACTIVE",
}
ASLEEP = {"device": {"protocol": "ATA"}, "power_mode": "STANDBY",
          "smartctl": {"exit_status": 2, "messages": [{"string": "Device is in STANDBY mode, exit(2)"}]}}  # fmt: skip


class Drives:
    """Three disks at two HBAs, and what they say."""

    def __init__(self, node: CareNode) -> None:
        self.node = node
        self.node.snapshot["disks"] = [
            drive("A", "sda", "pci-0000:01:00.0-sas-1"),
            drive("B", "sdb", "pci-0000:01:00.0-sas-2"),
            drive("C", "sdc", "pci-0000:02:00.0-sas-1"),
            {"serial": "V", "transport": "virtio", "medium": "hdd", "node": "vda", "size": 1},
        ]
        node.snapshot["found"] = {}
        node.want({})
        self.says: dict[str, dict[str, Any]] = dict.fromkeys(("sda", "sdb", "sdc"), AWAKE)
        self.begun: list[tuple[str, str]] = []
        self.answer = (True, "Testing has begun.")
        self.cache = SmartCache(SmartReader(self.run), lambda: node.seconds)
        self.rounds = SelfTestRounds(
            node.book, self.cache, self, lambda: node.time, note=node.means.note, begin=self.begin
        )

    def run(self, command: Command) -> Output:
        assert "standby" in command.argv, "it must not wake a drive"
        said = self.says[command.argv[-1].removeprefix("/dev/")]
        code = said.get("smartctl", {}).get("exit_status", 0)
        return Output(code=code, stdout=json.dumps(said))

    def begin(self, target: SmartTarget, kind: str) -> tuple[bool, str]:
        self.begun.append((target.serial, kind))
        return self.answer

    def round(self) -> float | None:
        return self.rounds.round(self.node.now_seen)

    def poll(self) -> None:
        self.cache.refresh(smart_targets(self.node.now_seen.disks))

    def live(self, days: int) -> None:
        """Days pass; tests that run are seen to have ended an hour later."""
        until = self.node.time + timedelta(days=days)
        while self.node.time < until:
            pause_s = self.round()
            self.node.passes(seconds=3600 if pause_s is None else max(1, pause_s))
            self.node.passes(minutes=20)
            self.poll()


def drive(serial: str, node: str, path: str) -> dict[str, Any]:
    plain = {"transport": "sata", "medium": "hdd", "size": 10**12}
    return {"serial": serial, "node": node, "paths": [node], "id_path": path, **plain}


@pytest.fixture
def drives(node: CareNode) -> Drives:
    return Drives(node)


def test_short_ones_weekly_long_ones_monthly_none_for_virtual_disks(drives: Drives) -> None:
    drives.live(60)
    for serial in ("A", "B", "C"):
        assert 1 <= drives.begun.count((serial, "long")) <= 2
        assert 7 <= drives.begun.count((serial, "short")) <= 9
    assert {serial for serial, _ in drives.begun} == {"A", "B", "C"}


def test_one_at_a_time_at_an_hba_and_the_thorough_one_first(drives: Drives) -> None:
    drives.round()
    drives.node.passes(days=31)
    for _ in range(6):
        drives.round()
    assert len(drives.begun) == 2
    assert {serial == "C" for serial, _ in drives.begun} == {True, False}


def test_a_test_somebody_else_began_counts(drives: Drives) -> None:
    drives.round()
    drives.node.passes(days=31)
    running = {"ata_smart_data": {"self_test": {"status": {"remaining_percent": 40}}}}
    drives.says = dict.fromkeys(("sda", "sdb", "sdc"), AWAKE | running)
    drives.poll()
    assert drives.round() == 3600
    assert drives.begun == []


def test_a_disk_that_sleeps_is_asked_again_later(drives: Drives) -> None:
    drives.round()
    drives.node.passes(days=31)
    drives.says = dict.fromkeys(("sda", "sdb", "sdc"), ASLEEP)
    for _ in range(6):
        drives.round()
    assert drives.begun == []
    drives.says["sdc"] = AWAKE
    drives.node.passes(hours=1)
    for _ in range(6):
        drives.round()
    assert [serial for serial, _ in drives.begun] == ["C"]


def test_what_came_of_it_is_kept_and_told(drives: Drives) -> None:
    (disk,) = (item for item in drives.node.now_seen.disks if item.serial == "A")
    drives.live(40)
    log = [{"type": {"value": 2, "string": "Extended offline"}, "lifetime_hours": 100,
            "status": {"value": 112, "string": "Completed: read failure"}},
           {"type": {"value": 1, "string": "Short offline"}, "lifetime_hours": 90,
            "status": {"value": 0, "string": "Completed without error"}}]  # fmt: skip
    drives.says["sda"] = AWAKE | {"ata_smart_self_test_log": {"standard": {"table": log}}}
    drives.live(31)
    long, short = drives.rounds.lines(disk)
    assert (long.what, long.outcome) == ("long self-test", "Completed: read failure")
    assert (short.what, short.outcome) == ("short self-test", "Completed without error")
    assert later(long.next_at) - later(long.last_at) == timedelta(days=30)
    assert later(short.next_at) - later(short.last_at) == timedelta(days=7)
    assert ("schedule", "long self-test", "disk/A") in drives.node.audited()


def test_a_drive_that_cannot_is_not_asked_all_day(drives: Drives) -> None:
    drives.answer = (False, "Self-tests are not supported.")
    drives.live(31)
    assert drives.begun.count(("A", "long")) == 1
    (disk,) = (item for item in drives.node.now_seen.disks if item.serial == "A")
    assert "not begun: Self-tests are not supported." in drives.rounds.lines(disk)[0].outcome


def test_a_virtual_disk_has_no_line(drives: Drives) -> None:
    (disk,) = (item for item in drives.node.now_seen.disks if item.serial == "V")
    assert drives.rounds.lines(disk) == ()
    assert drives.node.book.since("long-test/A", NOW) == NOW


def test_a_disk_that_went_does_not_keep_its_hba_for_ever(drives: Drives) -> None:
    drives.round()
    drives.node.passes(days=31)
    drives.round()
    ((serial, kind),) = drives.begun
    drives.node.snapshot["disks"] = [
        disk for disk in drives.node.snapshot["disks"] if disk["serial"] != serial
    ]
    drives.node.passes(days=5)
    drives.round()
    last = drives.node.book.last_test(serial, kind)
    assert last is not None
    assert last.outcome == "nothing was heard of it"


def numbers(drives: Drives, serial: str, kind: str) -> dict[str, float]:
    """What Prometheus is told of a disk's tests of one kind."""
    families = self_test_families(drives.rounds.states(drives.node.now_seen.disks))
    samples = ((family.name, *sample) for family in families for sample in family.samples)
    wanted = {"serial": serial, "kind": kind}.items()
    return {name: number for name, labels, number in samples if wanted <= labels.items()}


def test_the_numbers_of_a_self_test(drives: Drives) -> None:
    before = numbers(drives, "C", "long")
    assert set(before) == {"disk_self_test_running", "disk_self_test_next_timestamp_seconds"}
    assert numbers(drives, "V", "long") == {}
    drives.round()
    drives.node.passes(days=31)
    drives.round()
    drives.round()
    begun_at = drives.node.time.timestamp()
    (kind,) = (kind for serial, kind in drives.begun if serial == "C")
    assert numbers(drives, "C", kind) == {
        "disk_self_test_running": 1, "disk_self_test_begin_timestamp_seconds": begun_at,
    }  # fmt: skip
    name = {"long": "Extended offline", "short": "Short offline"}[kind]
    log = {"type": {"string": name}, "status": {"string": "read failure", "passed": False}}
    table = {"ata_smart_self_test_log": {"standard": {"table": [log]}}}
    drives.says = dict.fromkeys(("sda", "sdb", "sdc"), AWAKE | table)
    drives.node.passes(hours=2)
    drives.poll()
    drives.round()
    after = numbers(drives, "C", kind)
    assert (after["disk_self_test_running"], after["disk_self_test_passed"]) == (0, 0)
    assert after["disk_self_test_begin_timestamp_seconds"] == begun_at
