"""The watch on a real node: a pulled disk, a failing one, a silent one; each named with its bay.

Times are the node's own: from the kernel's word to the alert, and to the list of disks.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from images.chassis import device_id
from images.machine import Machine
from images.qmp import connect

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900, func_only=True)]

HERE = Path(__file__).parent
POLL_S = 6
SOON_S = 5.0
"""What is promised from the pull to the alert, by the alert's own time. When a list shows it is
printed only: a busy machine answers late."""
SITE = """
[pool.tank.performance]
disks = ["bay:9", "bay:10"]
raid = "raid1"

[pool.tank.capacity]
disks = ["bay:1", "bay:2"]
raid = "raid1"
integrity = false

[receiver.log]
all_well = ""
[receiver.log.syslog]
server = "10.0.2.2"
port = {port}
"""
Times = dict[str, float | None]


class Box:
    """The node with a pool, watched closely, and the syslog server its alerts go to."""

    def __init__(self, node: Machine, log: socket.socket) -> None:
        self.node = node
        self.log = log
        self.threads = ThreadPoolExecutor(1)

    def alerts(self) -> dict[str, dict[str, str]]:
        answer = json.loads(self.node.succeed("appliance alert list --json"))
        return {alert["subject"]: alert for alert in answer["alerts"]}

    def disk(self, bay: str) -> dict[str, object]:
        """All about the disk in a bay, missing or not."""
        shown = json.loads(self.node.succeed(f"appliance disk show bay:{bay} --json"))
        disk = shown["disk"]
        assert isinstance(disk, dict)
        return disk

    def told(self, *words: str) -> str:
        """The next syslog frame that holds all these words."""
        while True:
            frame = self.log.recv(4096).decode()
            if all(word in frame for word in words):
                return frame

    @contextmanager
    def timing(self, *words: str) -> Iterator[Future[str]]:
        """Listens in the node while the block does something to it."""
        self.node.succeed("rm -f /run/seen")
        line = f"python3 /opt/tests/first_seen.py {' '.join(words)} > /run/seen; cat /run/seen"
        listening = self.threads.submit(self.node.succeed, line, timeout_s=180)
        self.node.wait_until_succeeds("grep -q ready /run/seen")
        yield listening


def taken(listening: Future[str]) -> tuple[float, float]:
    """Seconds from the kernel's word to the alert and to the list."""
    times: Times = json.loads(listening.result().splitlines()[-1])
    kernel, alert, listed = times["kernel"], times["alert"], times["list"]
    assert kernel is not None, times
    assert alert is not None, times
    assert listed is not None, times
    return alert - kernel, listed - kernel if listed else 0.0


@pytest.fixture(scope="module")
def box(node: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    log = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    log.bind(("127.0.0.1", 0))
    log.settimeout(60)
    node.copy_in(HERE / "on_node", "/opt/tests")
    unit = "/etc/systemd/system/appliance-agent.service.d"
    start = f"/opt/appliance/venv/bin/appliance-agent serve --smart-every {POLL_S}"
    node.succeed(
        f"mkdir -p {unit}; printf '[Service]\\nExecStart=\\nExecStart={start}\\n' > {unit}/lab.conf; "
        "systemctl daemon-reload; systemctl restart appliance-agent"
    )
    node.wait_for_agent()
    site = SITE.format(port=log.getsockname()[1])
    node.succeed("cat > /opt/site.toml", stdin=site.encode())
    node.succeed("appliance apply /opt/site.toml --yes", timeout_s=600)
    made = Box(node, log)
    yield made
    made.threads.shutdown(wait=False, cancel_futures=True)
    log.close()


def test_a_test_message_reaches_the_receiver(box: Box) -> None:
    box.node.succeed("appliance receiver test log --yes", timeout_s=120)
    assert box.node.name in box.told("test message")


def test_a_pulled_nvme_is_told_with_its_bay_and_over_when_it_is_back(box: Box) -> None:
    with box.timing("remove", "ZNVME0000", "open", "missing") as listening:
        box.node.pull_disk("9")
    alerted, listed = taken(listening)
    print(f"pulled: alert after {alerted:.2f} s, missing in the list after {listed:.2f} s")
    alert = box.alerts()["disk/ZNVME0000"]
    assert (alert["bay"], alert["pool"], alert["severity"]) == ("9", "tank", "critical")
    assert box.disk("9")["missing"] is True
    assert "bay 9 (serial ZNVME0000)" in box.told("CRITICAL", "bay 9")
    assert alerted < SOON_S
    with box.timing("add", "ZNVME0000", "none", "there") as listening:
        box.node.add_disk("9", serial="ZNVME0000")
    cleared, listed = taken(listening)
    print(f"inserted: over after {cleared:.2f} s, in the list after {listed:.2f} s")
    assert "over" in box.told("bay 9", "cleared")


def test_its_mirrors_take_it_in_again_by_themselves(box: Box) -> None:
    """LVM would leave it out until somebody refreshes the volume."""
    box.node.wait_until_succeeds(
        "appliance job list | grep -q 'done *return'"
        " && ! lvs --all --noheadings -o lv_health_status vg_tank | grep -q '[a-z]'",
        timeout_s=300,
    )


def test_a_drive_that_says_it_fails_alarms_within_one_poll(box: Box) -> None:
    _critical_warning(box.node, 0x04)
    try:
        frame = box.told("CRITICAL", "bay 10")
        assert "failing" in frame
        disk = box.disk("10")
        verdict = disk["verdict"]
        assert isinstance(verdict, dict)
        assert (verdict["verdict"], verdict["part"]) == ("failing", "disk")
        assert "nvme-reliability" in {line["rule"] for line in verdict["evidence"]}
        known = box.node.succeed("appliance alert acknowledge --note ordered --json "
                                 + str(box.alerts()["disk/ZNVME0001"]["number"]))  # fmt: skip
        assert json.loads(known)["state"] == "acknowledged"
    finally:
        _critical_warning(box.node, 0)
    box.told("cleared", "bay 10")


def _critical_warning(node: Machine, bits: int) -> None:
    with connect(node.record.folder / "qmp.sock") as qmp:
        path = f"/machine/peripheral/{device_id('10')}"
        qmp.command("qom-set", path=path, property="smart_critical_warning", value=bits)


def test_a_silent_sas_pull_is_noticed_by_the_kernels_errors(box: Box) -> None:
    with box.timing("errors", "ZSAS0000", "open", "any") as listening:
        with connect(box.node.record.folder / "qmp.sock") as qmp:
            qmp.command("device_del", id=device_id("1"))
            qmp.wait_event("DEVICE_DELETED", timeout_s=60, device=device_id("1"))
        device = "/dev/disk/by-id/wwn-0x5000c50012340000"
        box.node.fail(f"dd if={device} of=/dev/null bs=4096 count=1 iflag=direct")
    alerted, _ = taken(listening)
    print(f"silent pull: alert {alerted:.2f} s after the kernel's first error")
    alert = box.alerts()["disk/ZSAS0000"]
    assert (alert["bay"], alert["severity"], alert["pool"]) == ("1", "critical", "tank")
    shown = box.node.succeed("appliance disk show bay:1")
    assert "does not answer its controller" in shown
    assert alerted < SOON_S


def test_metrics_and_status_say_the_same(box: Box) -> None:
    text = box.node.succeed("appliance metrics")
    assert 'appliance_disk_health{serial="ZSAS0000",bay="1",health="failing"} 1' in text
    assert 'appliance_alerts{severity="critical",state="raised"} ' in text
    status = box.node.execute("appliance status").text
    assert "NOT WELL" in status
    assert "disk/ZSAS0000" in status
