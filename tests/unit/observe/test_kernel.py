"""Lines of the kernel's log that speak of disks, and whose disks they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agents.node.observe.kernel import (
    KernelLog,
    KernelSaid,
    disks_under,
    parse_kernel_line,
    said_of,
)
from tests.unit.fakes import FakeProbe

LINES = [
    ("I/O error, dev sdc, sector 2048 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2",
     "kernel-io-errors", "sdc"),
    ("critical medium error, dev sda, sector 113 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
     "kernel-medium-errors", "sda"),
    ("I/O error, dev nvme0n1, sector 0 op 0x1:(WRITE) flags 0x800 phys_seg 4 prio class 2",
     "kernel-io-errors", "nvme0n1"),
    ("sd 2:0:3:0: [sdd] tag#73 FAILED Result: hostbyte=DID_NO_CONNECT driverbyte=DRIVER_OK cmd_age=0s",
     "kernel-no-answer", "sdd"),
    ("sd 2:0:3:0: rejecting I/O to offline device", "kernel-no-answer", "2:0:3:0"),
    ("device-mapper: integrity: dm-3: Checksum failed at sector 0x2a8e0", "kernel-wrong-checksums",
     "dm-3"),
    ("md/raid:mdX: Disk failure on dm-7, disabling device.", "kernel-raid-dropped", "dm-7"),
    ("md/raid1:mdX: Disk failure on dm-12, disabling device.", "kernel-raid-dropped", "dm-12"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "measure", "node"), LINES)
def test_lines_that_speak_of_a_disk(line: str, measure: str, node: str):
    assert parse_kernel_line(line) == KernelSaid(measure, node, line)


@pytest.mark.parametrize(
    "line",
    [
        "usb 1-1: new high-speed USB device number 2 using xhci_hcd",
        "sd 2:0:3:0: [sdd] Attached SCSI disk",
        "Buffer I/O error on dev dm-3, logical block 1, async page read",
        "critical target error, dev sdb, sector 0 op 0x3:(DISCARD) flags 0x0",
        # what somebody on the network asked for, quoted by LIO
        "Unable to locate Target IQN: md/raid1: Disk failure on sda, in Storage Node",
        "Unable to locate Target IQN: critical medium error, dev sda, in Storage Node",
        "Unable to locate Target IQN: sd 2:0:3:0: [sda] hostbyte=DID_NO_CONNECT in Storage Node",
        "usb 1-1: Product: I/O error, dev sda, sector 1",
    ],
)
def test_other_lines_say_nothing(line: str):
    assert parse_kernel_line(line) is None
    assert said_of([line]) == ()


def test_a_mapping_leads_to_the_disks_below_it():
    probe = FakeProbe(
        dirs={
            "/sys/class/block/dm-7/slaves": ("dm-2",),
            "/sys/class/block/dm-2/slaves": ("sdc", "sdd"),
            "/sys/class/scsi_device/2:0:3:0/device/block": ("sdd",),
        }
    )
    assert disks_under(probe, "dm-7") == ("sdc", "sdd")
    assert disks_under(probe, "sdc") == ("sdc",)
    assert disks_under(probe, "2:0:3:0") == ("sdd",)


def test_the_log_is_read_record_by_record_from_its_end(tmp_path: Path):
    path = tmp_path / "kmsg"
    path.write_bytes(b"6,1,1,-;before the agent\n")
    log = KernelLog(str(path))
    with path.open("ab") as end:
        end.write(b"3,2,2,-;I/O error, dev sdc, sector 1\n SUBSYSTEM=block\n")
        end.write(b"12,3,3,-;I/O error, dev sdd, sector 1\n")  # a program's
    assert list(log.lines()) == ["I/O error, dev sdc, sector 1"]
    log.close()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(log.fileno())
