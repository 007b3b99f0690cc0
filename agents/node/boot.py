"""What opens the layers below LVM at boot, from what stands on the disks alone.

`appliance-agent open-devices` runs before local file systems are mounted. A disk that hangs or is
broken costs its own time-out and nothing else: the pools then come up without it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from agents.node.apply.executor import Executor
from agents.node.apply.files import NodeFiles
from agents.node.apply.handles import REAL_CLOCK, Clock, Runs
from agents.node.apply.secrets import SecretStore
from agents.node.observe.devices import DeviceScan
from agents.node.observe.disks import identities
from agents.node.observe.identity import has_identity
from agents.node.observe.udev import scan_devices
from appliance.errors import ApplianceError
from appliance.kinds.pool_steps import INTEGRITY
from appliance.kinds.pool_steps import PATIENCE_S as LVM_PATIENCE_S
from appliance.model.command import Command, change, read
from appliance.model.disk import Disk
from appliance.model.names import CONFIG_DIR, integrity_device

AT_ONCE: Final = 8
"""Disks worked on at a time."""
PATIENCE_S: Final = 60
MEMBERS_WAIT_S: Final = 15
"""How long a volume group may wait for members that udev has not shown yet."""
KEYS: Final = f"{CONFIG_DIR}/keys"
"""Key files for LUKS2, each named after its disk's serial."""

_OURS: Final[Mapping[str, str]] = {"integrity_tag_size": "4", "sector_size": "4096"}
"""crc32c over 4 KiB; with `recalculating`, which the first opening by us leaves in the flags.
Opening a stranger's superblock with the wrong algorithm would write wrong checksums to it."""


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def open_devices() -> int:
    """Open this machine's layers and say so on standard output. Returns the exit status."""
    files = NodeFiles()
    opening = DeviceOpening(Executor(SecretStore(files)), files, _say)
    return opening.run(scan_devices)


@dataclass(frozen=True)
class Outcome:
    """What came of one disk."""

    serial: str
    words: str
    failed: bool = False


class DeviceOpening:
    """Opens everything that is ours, then lets LVM activate."""

    def __init__(
        self,
        executor: Runs,
        files: NodeFiles,
        say: Callable[[str], None],
        clock: Clock = REAL_CLOCK,
    ) -> None:
        self._executor = executor
        self._files = files
        self._say = say
        self._clock = clock
        self._seen: set[str] = set()
        """Serials of the disks that were looked at."""

    def run(self, look: Callable[[], DeviceScan]) -> int:
        """Exit status: 0 unless there was something to open and none of it could be.

        Degraded pools are activated too (lvm.conf, activation_mode): waiting for a disk that is
        gone for good would keep a hospital's images away.
        """
        scan = look()
        found = self._open_new(scan)
        for problem in scan.problems:
            self._say(problem)
        failures = [item for item in found if item.failed]
        self._say(f"{len(self._seen)} disks looked at, {len(found) - len(failures)} layers open, "
                  f"{len(failures)} failures")  # fmt: skip
        activated = self._activate(look)
        return 1 if not activated or (failures and len(failures) == len(found)) else 0

    def _open_new(self, scan: DeviceScan) -> list[Outcome]:
        """Open what is on the disks that were not there before, several at a time."""
        disks = [disk for disk in _disks(scan) if disk.serial not in self._seen]
        self._seen.update(disk.serial for disk in disks)
        with ThreadPoolExecutor(max_workers=AT_ONCE) as workers:
            found = [item for several in workers.map(self._open, disks) for item in several]
        for outcome in found:
            self._say(f"{outcome.serial}: {outcome.words}")
        return found

    def _open_late(self, look: Callable[[], DeviceScan]) -> None:
        """What could not be looked at again keeps nobody from activating what is there."""
        try:
            self._open_new(look())
        except ApplianceError as error:
            self._say(error.message)

    def _open(self, disk: Disk) -> tuple[Outcome, ...]:
        try:
            return tuple(self._layers(disk))
        except ApplianceError as error:
            return (Outcome(disk.serial, error.message, failed=True),)

    def _layers(self, disk: Disk) -> Iterator[Outcome]:
        device = disk.device
        name = integrity_device(disk.serial)
        dump = self._executor.run(
            read("integritysetup", "dump", device, timeout_s=PATIENCE_S, ok_codes=(0, 1))
        )
        if dump.code == 0 and is_ours(dump.stdout):
            yield self._map(disk, name, open_integrity(device, name))
            device = f"/dev/mapper/{name}"
        key = f"{KEYS}/{disk.serial}"
        if disk.serial in self._files.list_dir(KEYS) and self._is_luks(device):
            name = name.replace("int-", "luks-", 1)
            yield self._map(disk, name, open_luks(device, name, key))

    def _map(self, disk: Disk, name: str, command: Command) -> Outcome:
        if name in self._files.list_dir("/dev/mapper"):
            return Outcome(disk.serial, f"{name} is open already")
        self._executor.run(command)
        return Outcome(disk.serial, f"{name} opened")

    def _is_luks(self, device: str) -> bool:
        command = read("cryptsetup", "isLuks", "--type", "luks2", device, timeout_s=PATIENCE_S,
                       ok_codes=(0, 1))  # fmt: skip
        return self._executor.run(command).code == 0

    def _activate(self, look: Callable[[], DeviceScan]) -> bool:
        """Activate all volume groups, once their members are there or the wait is over.

        Event-based activation (69-lvm.rules) never activates a group that misses a disk. A disk
        that spins up late has its layer opened like the others: LVM would wait for it in vain.
        LVM checks the metadata of a thin pool first (thin_check(8)), gigabytes for a large one: given
        up halfway, no pool would be there.
        """
        try:
            deadline = self._clock.now_s() + MEMBERS_WAIT_S
            while self._missing() and self._clock.now_s() < deadline:
                self._clock.sleep(1)
                self._open_late(look)
            self._executor.run(
                change("vgchange", "--activate", "ay", timeout_s=LVM_PATIENCE_S, ok_codes=(0, 5))
            )
        except ApplianceError as error:
            self._say(f"LVM: {error.message}")
            return False
        return True

    def _missing(self) -> int:
        command = read("vgs", "--noheadings", "--options", "vg_missing_pv_count", timeout_s=120)
        return sum(int(word) for word in self._executor.run(command).stdout.split())


def is_ours(dump: str) -> bool:
    """Whether the text of `integritysetup dump` describes a layer we made and opened before."""
    facts = dict(line.split(" ", 1) for line in dump.splitlines() if " " in line)
    same = all(facts.get(key) == value for key, value in _OURS.items())
    return same and "recalculating" in facts.get("flags", "").split()


def open_integrity(device: str, name: str) -> Command:
    """The same words as the pool's plan uses; recalculation goes on where it stood."""
    return change("integritysetup", "open", *INTEGRITY, "--integrity-recalculate", device, name,
                  timeout_s=PATIENCE_S)  # fmt: skip


def open_luks(device: str, name: str, key: str) -> Command:
    """Open LUKS2 by its key file."""
    return change("cryptsetup", "open", "--type", "luks2", "--key-file", key, device, name,
                  timeout_s=PATIENCE_S)  # fmt: skip


def _disks(scan: DeviceScan) -> tuple[Disk, ...]:
    """Each disk once, whatever number of paths lead to it; those without a name cannot be ours."""
    return tuple(disk for disk in identities(scan.devices) if disk.size and has_identity(disk))
