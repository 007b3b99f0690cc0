"""What is mounted or swapped on: parsed from the kernel's own tables."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from appliance.kinds.base import Probe

SWAP: Final = "[SWAP]"
"""Stands for a mount point where a device is swap space; lsblk(8) writes it so."""
BOOT_POINTS: Final = frozenset({"/", "/boot", "/boot/efi", "/efi", "/usr", "/var", SWAP})
"""A device under one of these is part of the running system: file-hierarchy(7), and
systemd-gpt-auto-generator(8) for the places of the EFI system partition."""
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class MountTable:
    """Mount points by device number, and by source for file systems without one (btrfs)."""

    by_number: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_source: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def on(self, number: str, sources: Iterable[str]) -> frozenset[str]:
        """Where the device with this number, known by these /dev names, is mounted."""
        found = set(self.by_number.get(number, ()))
        for source in sources:
            found.update(self.by_source.get(source, ()))
        return frozenset(found)


def observe_mounts(probe: Probe) -> MountTable:
    """The mounts and swaps of this moment."""
    return parse_mounts(
        probe.read_text("/proc/self/mountinfo") or "", probe.read_text("/proc/swaps") or ""
    )


def parse_mounts(mountinfo: str, swaps: str) -> MountTable:
    """From /proc/PID/mountinfo (proc_pid_mountinfo(5)) and /proc/swaps."""
    by_number: dict[str, set[str]] = defaultdict(set)
    by_source: dict[str, set[str]] = defaultdict(set)
    for line in mountinfo.splitlines():
        left, separator, right = line.partition(" - ")
        fields, tail = left.split(), right.split()
        if not separator or len(fields) < 5 or len(tail) < 2:  # noqa: PLR2004 - proc(5)'s columns
            continue
        point = _unescape(fields[4])
        if fields[2].startswith("0:"):
            by_source[_unescape(tail[1])].add(point)
        else:
            by_number[fields[2]].add(point)
    for line in swaps.splitlines()[1:]:
        if line.startswith("/dev/"):
            by_source[_unescape(line.split()[0])].add(SWAP)
    return MountTable(_sorted(by_number), _sorted(by_source))


def _sorted(found: Mapping[str, set[str]]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(sorted(points)) for key, points in found.items()}


def _unescape(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
