"""Disks and bays as they were found. A disk is known by WWN and serial, never by sdX."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Final

from appliance.model.base import VOLATILE, Bytes, Value


class Transport(StrEnum):
    """How a disk is attached."""

    SAS = "sas"
    SATA = "sata"
    NVME = "nvme"
    VIRTIO = "virtio"
    USB = "usb"
    OTHER = "other"


class Medium(StrEnum):
    """What a disk stores on."""

    HDD = "hdd"
    SSD = "ssd"
    UNKNOWN = "unknown"


class DiskRole(StrEnum):
    """The one role a disk has (design.md part 3)."""

    FREE = "free"
    QUARANTINED = "quarantined"
    PV = "pv"
    SPARE = "spare"
    CACHE = "cache"
    OSD = "osd"
    BOOT = "boot"
    FOREIGN = "foreign"


class Quarantine(StrEnum):
    """Why a blank disk may not simply be taken."""

    NEW = "new"
    """It never was in this node, or was away; it is to be admitted."""
    NOT_ERASED = "not-erased"
    """It left a pool or was wiped, and what was on it can still be read from it."""
    NOT_ADMITTED = "not-admitted"
    """It is erased, but did not pass as fit for a pool."""


class Zoned(StrEnum):
    """How a disk wants to be written, as /sys/block/*/queue/zoned has it (kernel ABI docs)."""

    NONE = "none"
    HOST_AWARE = "host-aware"
    HOST_MANAGED = "host-managed"


OUR_LAYERS: Final = frozenset({"DM_integrity", "LVM2_member"})
"""What our own half-built pools leave on a disk, as blkid(8) names it."""

BOOT_LAYERS: Final = frozenset({"gpt", "PMBR", "vfat", "LVM2_member"})
"""What our own half-made installation leaves on a disk."""


class Signature(Value):
    """Something recognised on a disk: a file system, a partition table, another pool's label."""

    type: str
    """As blkid(8) names it: xfs, gpt, LVM2_member, DM_integrity, crypto_LUKS."""
    label: str = ""
    node: str = ""
    """Kernel name of the block device it is on: the disk, a partition, a mapping over it."""


class Smart(Value):
    """The short form of a SMART reading."""

    passed: bool | None = None
    """The drive's own verdict; None when it gives none."""
    temperature_c: int | None = None
    power_on_hours: int | None = None
    age_s: float = 0
    """Seconds since the reading was taken."""
    error: str = ""
    """Why there is no reading; empty when there is one."""


class Disk(Value):
    """One disk, whatever number of paths lead to it."""

    serial: str
    wwn: str = ""
    """Hexadecimal with 0x for NAA, or eui./uuid. for NVMe; empty when the disk has none."""
    model: str = ""
    vendor: str = ""
    firmware: str = ""
    transport: Transport
    medium: Medium
    size: Bytes | None = None
    """None when the disk answers no capacity; such a disk is shown, never used."""
    logical_block: int = 512
    physical_block: int = 0
    """Bytes the disk really writes at once; 0 when nobody looked."""
    zoned: Zoned = Zoned.NONE
    node: Annotated[str, VOLATILE]
    """Kernel name now ("sda"); it may be another after the next reset."""
    paths: Annotated[tuple[str, ...], VOLATILE] = ()
    """All kernel names that lead to this disk (two for a dual-path SAS disk)."""
    id_path: str = ""
    bay: str = ""
    """Bay label by the hardware profile or the enclosure; empty when unknown."""
    role: DiskRole = DiskRole.FREE
    quarantine: Quarantine | None = None
    """Why it is quarantined; None in any other role."""
    was: str = ""
    """What a disk that is not erased was part of, or held: "pool clinic", "xfs"."""
    pool: str = ""
    tier: str = ""
    signatures: tuple[Signature, ...] = ()
    holders: tuple[str, ...] = ()
    """Names of the mappings that stand on it, nearest first ("int-ZSAS0000"); they last, dm-3 not."""
    mounted_at: tuple[str, ...] = ()
    missing: bool = False
    """An expected member that does not answer now; the rest is its last state."""
    smart: Annotated[Smart | None, VOLATILE] = None

    @property
    def device(self) -> str:
        """The path to use in commands: by WWN or serial where udev makes one, so it is stable."""
        if self.wwn.startswith("0x"):
            return f"/dev/disk/by-id/wwn-{self.wwn}"
        if self.transport is Transport.NVME and self.model:
            return f"/dev/disk/by-id/nvme-{self.model.replace(' ', '_')}_{self.serial}"
        return f"/dev/{self.node}"

    @property
    def on_hand(self) -> bool:
        """Blank and nobody's: free, or new here and to be admitted by the plan that takes it."""
        role = self.role is DiskRole.FREE or self.quarantine is Quarantine.NEW
        taken = self.pool or self.signatures or self.holders or self.mounted_at
        return role and bool(self.size) and not (taken or self.missing)

    @property
    def where(self) -> str:
        """The disk in words: bay and serial."""
        return f"bay {self.bay} (serial {self.serial})" if self.bay else f"serial {self.serial}"


_NUMBER: Final = re.compile(r"(\d+)")


def bay_order(label: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key of bay labels as people count: bay 2 before bay 10."""
    return tuple(
        (1, int(part), "") if part.isdigit() else (0, 0, part) for part in _NUMBER.split(label)
    )
