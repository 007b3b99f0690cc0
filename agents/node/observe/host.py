"""The machine itself: name, kernel, memory, processors, room on the root disk, DMI facts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Protocol

from appliance.kinds.base import Probe
from appliance.model.profile import Reserve
from appliance.model.snapshot import Host

DMI: Final = "/sys/class/dmi/id"
DMI_FACTS: Final = (
    "sys_vendor",
    "product_name",
    "product_family",
    "product_sku",
    "product_version",
    "board_vendor",
    "board_name",
    "chassis_vendor",
    "chassis_type",
)
"""What profiles may match on. Serial numbers are left out: they name a machine, not a model."""


class HostProfile(Protocol):
    """What this room needs of the hardware profile that matched."""

    @property
    def name(self) -> str:
        """The profile's name."""

    @property
    def reserve(self) -> Reserve:
        """What guests may never have."""


def observe_dmi(probe: Probe) -> Mapping[str, str]:
    """The DMI facts that are there, by file name under /sys/class/dmi/id."""
    texts = {key: probe.read_text(f"{DMI}/{key}") for key in DMI_FACTS}
    return {key: text.strip() for key, text in texts.items() if text}


def observe_boot(probe: Probe) -> datetime:
    """When the kernel started, by `btime` of proc_stat(5); the year 1 where that is not told."""
    lines = (probe.read_text("/proc/stat") or "").splitlines()
    word = next((line.partition(" ")[2] for line in lines if line.startswith("btime ")), "")
    if not word.strip().isdecimal():
        return datetime.min.replace(tzinfo=UTC)
    return datetime.fromtimestamp(int(word), UTC)


def observe_host(probe: Probe, profile: HostProfile) -> Host:
    """The machine at this moment."""
    return Host(
        # The agent's unit has a host name of its own since its start (ProtectHostname=), so the
        # kernel's answer can be an old one; hostnamed keeps this file (hostname(5)).
        hostname=_line(probe, "/etc/hostname") or _line(probe, "/proc/sys/kernel/hostname"),
        profile=profile.name,
        kernel=_line(probe, "/proc/sys/kernel/osrelease"),
        memory=parse_memory(probe.read_text("/proc/meminfo") or ""),
        memory_reserved=profile.reserve.memory,
        cpus=parse_cpus(_line(probe, "/sys/devices/system/cpu/online")),
        cpus_reserved=profile.reserve.cpus,
        root_free=_root_free(),
        kvm=_has_kvm(probe),
        bridges=observe_bridges(probe),
    )


def observe_bridges(probe: Probe) -> frozenset[str]:
    """Network bridges: the interfaces that have a bridge's settings in sysfs."""
    return frozenset(
        name
        for name in probe.list_dir("/sys/class/net")
        if probe.list_dir(f"/sys/class/net/{name}/bridge")
    )


def parse_memory(meminfo: str) -> int:
    """Bytes of memory from /proc/meminfo, whose kB are 1024 bytes (proc_meminfo(5))."""
    for line in meminfo.splitlines():
        key, _, rest = line.partition(":")
        if key == "MemTotal":
            return int(rest.split()[0]) * 1024
    return 0


def parse_cpus(online: str) -> int:
    """Processors in a kernel CPU list: "0-3,6" is five. At least one."""
    count = 0
    for part in filter(None, online.split(",")):
        first, _, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return max(count, 1)


def _has_kvm(probe: Probe) -> bool:
    """KVM found a processor it can use. /dev/kvm itself is there before any driver is.

    QEMU's emulated processor shows AMD's SVM, and KVM takes it, but Linux guests panic on it
    (seen with QEMU 7.2 under Linux 7.3), so an emulated processor does not count.
    """
    emulated = "QEMU TCG" in (probe.read_text("/proc/cpuinfo") or "")
    return "kvm" in probe.list_dir("/sys/class/misc") and not emulated


def _root_free() -> int:
    """Bytes that an unprivileged writer still finds on the root file system."""
    status = os.statvfs("/")
    return status.f_bavail * status.f_frsize


def _line(probe: Probe, path: str) -> str:
    return (probe.read_text(path) or "").strip()
