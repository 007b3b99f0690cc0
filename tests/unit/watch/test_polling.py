"""The SMART poll: by the clock, at once for a disk that came, never asleep on an error."""

from __future__ import annotations

import json
import threading

from agents.node.observe.smart import SmartCache, SmartReader
from agents.node.watch.polling import SmartPoll
from appliance.errors import UnavailableError
from appliance.model.command import Command, Output
from appliance.model.disk import Disk, Transport
from appliance.model.smart import SmartReading
from tests.unit.watch.node import FREE, A, B

HEALTHY = json.dumps({"smart_status": {"passed": True}, "nvme_smart_health_information_log": {}})


class Tools:
    """smartctl, as it is called."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def run(self, command: Command) -> Output:
        self.lines.append(command.line())
        return Output(code=0, stdout=HEALTHY)


def poll(tools: Tools, disks, done=lambda: None, every_s: float = 600) -> SmartPoll:
    cache = SmartCache(SmartReader(tools.run), lambda: 0.0)
    return SmartPoll(cache, disks, tools, done, every_s)


def test_a_round_reads_each_disk_once_and_wakes_none() -> None:
    tools, rounds = Tools(), []
    poll(tools, lambda: (A, B, FREE), lambda: rounds.append(1)).round()
    assert sorted(tools.lines) == [
        f"smartctl -x -j -n standby -d scsi /dev/{node}" for node in ("sda", "sdb", "sdf")
    ]
    assert rounds == [1]


def test_smartctls_scan_is_for_disks_of_unknown_ways_only() -> None:
    usb: Disk = A.model_copy(update={"transport": Transport.USB})
    tools = Tools()
    poll(tools, lambda: (usb, B)).round()
    assert tools.lines[0].startswith("smartctl --scan-open")


def test_every_reading_is_told() -> None:
    tools, told = Tools(), list[tuple[str, bool | None]]()
    cache = SmartCache(SmartReader(tools.run), lambda: 0.0)

    def tell(serial: str, reading: SmartReading) -> None:
        told.append((serial, reading.passed))

    cache.tell(tell)
    SmartPoll(cache, lambda: (A, B), tools, lambda: None).round()
    assert sorted(told) == [("A", True), ("B", True)]


def test_a_node_that_cannot_be_read_is_read_the_next_time() -> None:
    def fail() -> tuple[Disk, ...]:
        raise UnavailableError("udev is away.", hint="-")

    rounds: list[int] = []
    poll(Tools(), fail, lambda: rounds.append(1)).round()
    assert rounds == []


def test_a_disk_that_came_is_read_at_once() -> None:
    tools, done = Tools(), threading.Event()
    thread = poll(tools, lambda: (A,), done.set)
    thread.start()
    thread.soon()
    assert done.wait(4)
    thread.stop()
    thread.join(4)
    assert not thread.is_alive()
