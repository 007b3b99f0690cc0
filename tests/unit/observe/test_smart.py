"""Reading many disks: which, how many at once, and what a bad one does to the others."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agents.node.observe.identity import identify
from agents.node.observe.smart import (
    SmartCache,
    SmartLimits,
    SmartReader,
    SmartTarget,
    parse_scan,
    read_smart,
    scan_types,
    smart_command,
    smart_targets,
)
from appliance.errors import ApplianceError, StepFailedError
from appliance.model.command import Command, Effect, Output
from tests.unit.fakes import FakeProbe
from tests.unit.observe.chassis import boot_disk, nvme, sas

HANGS = StepFailedError("'smartctl' did not end within 30 s and was killed.", hint="-")
HEALTHY = json.dumps(
    {"smart_status": {"passed": True}, "temperature": {"current": 31}, "serial_number": "X"}
)
ASLEEP = json.dumps(
    {"smartctl": {"exit_status": 2, "messages": [{"string": "Device is in STANDBY mode, exit(2)"}]}}
)


def target(number: int, hba: str = "pci-a") -> SmartTarget:
    return SmartTarget(f"S{number}", f"/dev/sd{number}", "scsi", hba)


@dataclass
class Drives:
    """Answers for smartctl by device; counts how many run at once."""

    answers: dict[str, str | ApplianceError] = field(default_factory=dict)
    wait: Callable[[], object] = lambda: None
    asked: list[str] = field(default_factory=list)
    most: Counter[str] = field(default_factory=Counter)
    hba_of: dict[str, str] = field(default_factory=dict)
    _now: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, command: Command) -> Output:
        device = command.argv[-1]
        groups = ("all", self.hba_of.get(device, ""), device)
        with self._lock:
            self.asked.append(device)
            for group in groups:
                self._now[group] += 1
                self.most[group] = max(self.most[group], self._now[group])
        self.wait()
        with self._lock:
            for group in groups:
                self._now[group] -= 1
        answer = self.answers.get(device, HEALTHY)
        if isinstance(answer, ApplianceError):
            raise answer
        return Output(code=0, stdout=answer)


def test_the_command_never_wakes_a_disk_and_takes_every_exit_code():
    command = smart_command(target(1))
    assert command.line() == "smartctl -x -j -n standby -d scsi /dev/sd1"
    assert command.effect is Effect.READ
    assert {0, 4, 64, 255} <= set(command.ok_codes)


def test_targets_by_transport_and_the_rest_by_smartctls_own_scan():
    usb = identify(sas("sdu", 9, ID_BUS="usb"))
    disks = [
        identify(sas("sda", 1)),
        identify(sas("sdb", 2, ID_BUS="ata", ID_ATA="1")),
        identify(nvme()),
        identify(boot_disk()),
        usb,
        identify(sas("sdm", 3)).model_copy(update={"missing": True, "node": ""}),
    ]
    assert [(item.device, item.type) for item in smart_targets(disks)] == [
        ("/dev/sda", "scsi"),
        ("/dev/sdb", "sat"),
        ("/dev/nvme0n1", "nvme"),
    ]
    assert smart_targets([usb], [("/dev/sdu", "sntjmicron")])[0].type == "sntjmicron"
    assert smart_targets(disks)[0].hba == "pci-0000:03:00.0"


def test_a_scan_leaves_out_what_could_not_be_opened():
    text = json.dumps(
        {
            "devices": [
                {"name": "/dev/sda", "type": "sat"},
                {"name": "/dev/bus/0", "type": "megaraid,16"},
                {"name": "/dev/sdc", "type": "scsi", "open_error": "No medium"},
            ]
        }
    )
    assert parse_scan(text) == (("/dev/sda", "sat"), ("/dev/bus/0", "megaraid,16"))
    probe = FakeProbe({"smartctl --scan-open -j": Output(code=2, stdout=text)})
    assert scan_types(probe.run) == parse_scan(text)
    assert scan_types(FakeProbe({"smartctl --scan-open -j": HANGS}).run) == ()
    assert parse_scan("no JSON") == ()


def test_a_hanging_disk_is_told_and_hides_no_other():
    drives = Drives({"/dev/sd1": HANGS, "/dev/sd2": "no JSON"})
    cache = SmartCache(SmartReader(drives.run), lambda: 0)
    cache.refresh([target(number) for number in range(4)])
    errors = {serial: reading.error for serial, reading in cache.readings().items()}
    assert errors["S1"] == HANGS.message
    assert errors["S2"]
    assert errors["S0"] == errors["S3"] == ""
    assert read_smart(drives.run, target(1)).device == "/dev/sd1"


def test_so_many_at_once_and_so_many_an_hba():
    # Every batch is let go only when as many as may run are running: fewer would hang, more show.
    gate = threading.Barrier(6)
    hbas = {f"/dev/sd{n}": "pci-a" if n < 12 else "pci-b" for n in range(24)}
    drives = Drives(wait=lambda: gate.wait(10), hba_of=hbas)
    reader = SmartReader(drives.run, SmartLimits(at_once=6, per_hba=3))
    reader.read([target(n, hbas[f"/dev/sd{n}"]) for n in range(24)], lambda *_: None)
    assert sorted(drives.asked) == sorted(hbas)
    assert drives.most["all"] == 6
    assert drives.most["pci-a"] == drives.most["pci-b"] == 3
    assert all(drives.most[device] == 1 for device in hbas)


def test_never_two_processes_on_one_disk():
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert go_on.wait(10)

    drives = Drives(wait=wait)
    cache = SmartCache(SmartReader(drives.run), lambda: 0)
    poll = threading.Thread(target=cache.refresh, args=([target(1)],))
    poll.start()
    assert begun.wait(10)
    cache.refresh([target(1)])
    assert cache.readings() == {}
    go_on.set()
    poll.join()
    assert drives.asked == ["/dev/sd1"]
    cache.refresh([target(1)])
    assert len(drives.asked) == 2


def test_readings_age_and_a_sleeping_disk_keeps_its_last():
    now = [100.0]
    drives = Drives()
    cache = SmartCache(SmartReader(drives.run), lambda: now[0])
    cache.refresh([target(1)])
    now[0] = 160.0
    assert cache.shorts()["S1"].age_s == 60
    drives.answers["/dev/sd1"] = ASLEEP
    cache.refresh([target(1), replace(target(2), device="/dev/sd1", type="sat")])
    now[0] = 170.0
    shorts = cache.shorts()
    assert (shorts["S1"].passed, shorts["S1"].age_s) == (True, 70)
    assert shorts["S2"].error == "The drive is in standby and was not woken."
    cache.retain(["S2"])
    assert list(cache.readings()) == ["S2"]
