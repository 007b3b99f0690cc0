"""What the kernel tells by itself: its log, and events of device-mapper (RAID, thin pools)."""

from __future__ import annotations

import fcntl
import os
import re
import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from appliance.kinds.base import Probe

KMSG: Final = "/dev/kmsg"
MAPPER: Final = "/dev/mapper/control"
_RECORD: Final = 8192
"""/dev/kmsg gives one record a read; PRINTK_MESSAGE_MAX is 2048 and escapes make it longer."""
_FROM_PROGRAMS: Final = 8
"""Facility 0 is the kernel's own; what programs write into its log has another (syslog(2))."""
_ARM_POLL: Final = 0xC138FD10
"""DM_DEV_ARM_POLL of linux/dm-ioctl.h: _IOWR(0xfd, 16, struct dm_ioctl of 312 bytes)."""
_DM_IOCTL: Final = struct.pack("=3I2I", 4, 37, 0, 312, 312).ljust(312, b"\0")
"""Version 4.37 has DM_DEV_ARM_POLL (Linux 4.13)."""
_SAID: Final = (
    (re.compile(r"(\w+: )?critical medium error, dev (?P<node>\w+),"), "kernel-medium-errors"),
    (re.compile(r"(\w+: )?I/O error, dev (?P<node>\w+), sector"), "kernel-io-errors"),
    (re.compile(r"sd [\d:]+: \[(?P<node>sd\w+)\].* hostbyte=DID_NO_CONNECT"), "kernel-no-answer"),
    (re.compile(r"sd (?P<node>[\d:]+): (Device offlined|rejecting I/O to (offline|dead))"),
     "kernel-no-answer"),
    (re.compile(r"device-mapper: integrity: (?P<node>[\w-]+): Checksum failed"),
     "kernel-wrong-checksums"),
    (re.compile(r"md/raid\S*: Disk failure on (?P<node>[\w-]+),"), "kernel-raid-dropped"),
)  # fmt: skip
"""Printed by block/blk-core.c, drivers/scsi/sd.c, scsi_error.c, scsi_lib.c and drivers/md
(dm-integrity.c: of the layer or of the disk under it, by kernel version; both lead to the disk).
Each is a line's beginning: further on a line may quote what somebody on the network chose, such as
the name of an iSCSI target that is not there."""
_SCSI_ADDRESS: Final = re.compile(r"\d+:\d+:\d+:\d+")


class KernelSaid(NamedTuple):
    """A line of the kernel's log that says something about a disk."""

    measure: str
    """The rule of appliance/health that judges it."""
    node: str
    """Kernel name of a disk or mapping, or a SCSI address."""
    line: str


class KernelLog:
    """The kernel's log from now on."""

    def __init__(self, path: str = KMSG) -> None:
        """Raises OSError where it may not be read."""
        self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.lseek(self._file, 0, os.SEEK_END)

    def fileno(self) -> int:
        """Readable when a line waits."""
        return self._file

    def lines(self) -> Iterator[str]:
        """The lines of the kernel's own that wait, without their prefix."""
        while True:
            try:
                record = os.read(self._file, _RECORD)
            except BlockingIOError:
                return
            except BrokenPipeError:  # lines were overwritten before they were read
                continue
            if not record:
                return
            # "6,1234,5678901,-;text\n KEY=value": Documentation/ABI/testing/dev-kmsg
            prefix, _, text = record.decode("utf-8", "replace").partition(";")
            if int(prefix.partition(",")[0]) < _FROM_PROGRAMS:
                yield text.partition("\n")[0]

    def close(self) -> None:
        """Listen no more."""
        os.close(self._file)


class MapperEvents:
    """Events of device-mapper: a RAID lost a leg, a thin pool passed its mark."""

    def __init__(self, path: str = MAPPER) -> None:
        """Raises OSError where there is no device-mapper, or one without this call."""
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self.arm()
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """Readable when there was an event since it was armed."""
        return self._file

    def arm(self) -> None:
        """From now on the next event counts; until then the last one keeps it readable."""
        fcntl.ioctl(self._file, _ARM_POLL, bytearray(_DM_IOCTL))

    def close(self) -> None:
        """Listen no more."""
        os.close(self._file)


def parse_kernel_line(line: str) -> KernelSaid | None:
    """What a line says about a disk; None for any other line."""
    for pattern, measure in _SAID:
        match = pattern.match(line)
        if match:
            return KernelSaid(measure, match["node"], line)
    return None


def disks_under(probe: Probe, node: str) -> tuple[str, ...]:
    """Kernel names of the disks below a mapping, of a SCSI address, or of the disk itself."""
    if _SCSI_ADDRESS.fullmatch(node):
        return probe.list_dir(f"/sys/class/scsi_device/{node}/device/block")
    found: dict[str, None] = {}
    queue = [node]
    for name in queue:
        below = probe.list_dir(f"/sys/class/block/{name}/slaves")
        queue.extend(item for item in below if item not in queue)
        if not below:
            found[name] = None
    return tuple(found)


def said_of(lines: Iterable[str]) -> tuple[KernelSaid, ...]:
    """What lines say about disks."""
    return tuple(said for line in lines if (said := parse_kernel_line(line)) is not None)
