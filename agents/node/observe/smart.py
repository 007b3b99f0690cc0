"""Reading SMART: one smartctl a disk, a few at a time, and never waited for by who only looks.

pySMART is not used here: it parses text, starts up to eight processes for a SAS disk, drops
devices without a capacity and ends a scan at the first type it does not know. It serves for
self-tests (smart_device.py).
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from appliance.errors import ApplianceError
from appliance.model.command import Command, Output, read
from appliance.model.disk import Disk, Smart, Transport
from appliance.model.json_tree import Tree
from appliance.model.smart import SmartReading
from appliance.model.smartctl import parse_smart

ANY_EXIT: Final = tuple(range(256))
"""smartctl's exit status is a bit mask of findings (smartctl(8)); all of it is data."""
TIMEOUT_S: Final = 30.0
"""A drive that retries reads its logs slowly; one that takes longer than this is told as hanging."""
TYPES: Final[Mapping[Transport, str]] = {
    Transport.SATA: "sat",
    Transport.SAS: "scsi",
    Transport.NVME: "nvme",
}
"""smartctl's -d by transport: what a disk is spoken to in without asking it first."""

Run = Callable[[Command], Output]
"""Carries out a read command. It must not remember outputs, as an observation's probe does."""


@dataclass(frozen=True)
class SmartTarget:
    """A disk to read: where, in what protocol, and which disk it is."""

    serial: str
    device: str
    """Device path, or /dev/bus/N for a disk behind a RAID controller."""
    type: str
    """smartctl's -d argument: sat, scsi, nvme, megaraid,16."""
    hba: str = ""
    """What it shares with its neighbours: the PCI address of its controller."""


@dataclass(frozen=True)
class SmartLimits:
    """How many disks are read at once. 84 disks are polled 4 at a time unless somebody waits."""

    at_once: int = 4
    per_hba: int = 8
    timeout_s: float = TIMEOUT_S


DEFAULT_LIMITS: Final = SmartLimits()


def smart_targets(
    disks: Iterable[Disk], scanned: Iterable[tuple[str, str]] = ()
) -> tuple[SmartTarget, ...]:
    """What to read for these disks, by transport, or by `scan_types` where that tells nothing.

    Virtual and missing disks have no SMART; USB and others are read only as smartctl advises.
    """
    types = dict(scanned)
    return tuple(
        SmartTarget(disk.serial, f"/dev/{disk.node}", kind, hba=_hba(disk))
        for disk in disks
        if disk.node and not disk.missing and disk.transport is not Transport.VIRTIO
        if (kind := TYPES.get(disk.transport) or types.get(f"/dev/{disk.node}", ""))
    )


def _hba(disk: Disk) -> str:
    """pci-0000:03:00.0 of pci-0000:03:00.0-sas-exp0x...-phy1-lun-0."""
    return "-".join(disk.id_path.split("-")[:2])


def scan_types(run: Run) -> tuple[tuple[str, str], ...]:
    """(device, type) as smartctl finds them by opening each; none when it cannot be asked."""
    try:
        output = run(read("smartctl", "--scan-open", "-j", timeout_s=60, ok_codes=ANY_EXIT))
    except ApplianceError:
        return ()
    return parse_scan(output.stdout)


def parse_scan(text: str) -> tuple[tuple[str, str], ...]:
    """(device, type) from `smartctl --scan-open -j`, without those that could not be opened.

    The disks of a RAID controller share one device and differ by type: /dev/bus/0 megaraid,16.
    """
    try:
        rows = Tree(json.loads(text)).at("devices").rows()
    except ValueError:
        return ()
    return tuple(
        (row.at("name").text, row.at("type").text) for row in rows if not row.at("open_error")
    )


def smart_command(target: SmartTarget, timeout_s: float = TIMEOUT_S) -> Command:
    """Everything the drive tells, as JSON, and nothing when that would wake it."""
    words = ("smartctl", "-x", "-j", "-n", "standby", "-d", target.type, target.device)
    return read(*words, timeout_s=timeout_s, ok_codes=ANY_EXIT)


def read_smart(run: Run, target: SmartTarget, timeout_s: float = TIMEOUT_S) -> SmartReading:
    """One disk's reading. Never raises: a disk that hangs becomes a reading with `error`."""
    try:
        output = run(smart_command(target, timeout_s))
    except ApplianceError as error:
        return SmartReading(device=target.device, error=error.message)
    return parse_smart(output.stdout, output.code)


class SmartReader:
    """Reads many disks at once: so many in all, so many an HBA, one process a disk."""

    def __init__(self, run: Run, limits: SmartLimits = DEFAULT_LIMITS) -> None:
        self._run = run
        self._limits = limits
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    def read(
        self, targets: Iterable[SmartTarget], tell: Callable[[str, SmartReading], None]
    ) -> None:
        """Reads them all and tells (serial, reading) of each as it comes in, from its thread.

        A disk that is being read already, by another call, is left out.
        """
        queue = _Queue(self._claim(targets), self._limits.per_hba)
        workers = min(self._limits.at_once, len(queue))
        if workers:
            with ThreadPoolExecutor(workers, "smart") as pool:
                for worker in [pool.submit(self._work, queue, tell) for _ in range(workers)]:
                    worker.result()

    def _work(self, queue: _Queue, tell: Callable[[str, SmartReading], None]) -> None:
        while (target := queue.take()) is not None:
            try:
                tell(target.serial, read_smart(self._run, target, self._limits.timeout_s))
            finally:
                queue.give_back(target)
                with self._lock:
                    self._busy.discard(target.device + target.type)

    def _claim(self, targets: Iterable[SmartTarget]) -> list[SmartTarget]:
        with self._lock:
            free = [item for item in targets if item.device + item.type not in self._busy]
            self._busy.update(item.device + item.type for item in free)
        return free


class _Queue:
    """Hands out targets in order, passing over an HBA that has enough to do."""

    def __init__(self, targets: Iterable[SmartTarget], per_hba: int) -> None:
        self._waiting = list(targets)
        self._per_hba = per_hba
        self._running: Counter[str] = Counter()
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self) -> SmartTarget | None:
        """The next target whose HBA has room; waits for one. None when all are handed out."""
        with self._changed:
            while self._waiting:
                for target in self._waiting:
                    if self._running[target.hba] < self._per_hba:
                        self._waiting.remove(target)
                        self._running[target.hba] += 1
                        return target
                self._changed.wait()
            self._changed.notify_all()
        return None

    def give_back(self, target: SmartTarget) -> None:
        """The target was read; its HBA has room again."""
        with self._changed:
            self._running[target.hba] -= 1
            self._changed.notify_all()


@dataclass(frozen=True)
class _Kept:
    reading: SmartReading
    taken_at: float


class SmartCache:
    """The last reading of every disk and its age. Looking never waits; refreshing does.

    The agent refreshes in a thread of its own.
    """

    def __init__(self, reader: SmartReader, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._clock = clock
        self._told: Callable[[str, SmartReading], None] = _nobody
        self._kept: dict[str, _Kept] = {}

    def refresh(self, targets: Iterable[SmartTarget]) -> None:
        """Reads these disks; each is seen as soon as it has answered."""
        self._reader.read(targets, self._keep)

    def tell(self, told: Callable[[str, SmartReading], None]) -> None:
        """From now on `told` hears (serial, reading) of every reading, in the reader's threads."""
        self._told = told

    def retain(self, serials: Iterable[str]) -> None:
        """Forgets the readings of disks that are not among these."""
        here = set(serials)
        self._kept = {serial: kept for serial, kept in self._kept.copy().items() if serial in here}

    def readings(self) -> Mapping[str, SmartReading]:
        """The full readings, by serial."""
        return {serial: kept.reading for serial, kept in self._kept.copy().items()}

    def shorts(self) -> Mapping[str, Smart]:
        """The short readings with their ages, by serial."""
        now = self._clock()
        return {
            serial: kept.reading.short(round(now - kept.taken_at, 1))
            for serial, kept in self._kept.copy().items()
        }

    def _keep(self, serial: str, reading: SmartReading) -> None:
        """A sleeping disk keeps the reading from when it was awake, which ages."""
        if not (reading.standby and serial in self._kept):
            self._kept[serial] = _Kept(reading, self._clock())
        self._told(serial, reading)


def _nobody(_: str, __: SmartReading) -> None:
    """No one listens."""
