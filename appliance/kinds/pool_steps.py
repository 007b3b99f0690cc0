"""The single steps pools are made of: one LVM or integritysetup command each, with its way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from appliance.kinds.pool_layout import EXTENT, MIB, chunk_size, stripes
from appliance.model.base import format_size
from appliance.model.command import Command, change
from appliance.model.disk import Disk
from appliance.model.names import integrity_device, selected, tag, volume_group
from appliance.model.pool import RaidLevel, TierName
from appliance.model.steps import RunStep

PATIENCE_S: Final = 3 * 3600
"""LVM takes seconds, unless there is much: zeros over 16 GiB of metadata beside a RAID that is being
synced, thin_check(8) before such a pool is activated, the mappings of a volume of 100 TB that goes.
Killed halfway it leaves devices suspended and a pool whose metadata tells another transaction than
LVM's (lvmthin(7)), so only a command that hangs for good is ever given up."""

INTEGRITY: Final = ("--integrity", "crc32c", "--integrity-bitmap-mode")
"""The same words at format and at every open: the superblock does not tell the algorithm."""


LVM_FAILED: Final = 5
"""ECMD_FAILED of LVM's lib/commands/errors.h: also what a volume that is gone ends with."""


class Part(StrEnum):
    """The volumes a tier is made of."""

    DATA = "data"
    METADATA = "metadata"
    CACHE = "cache"


_ENDINGS: Final = {Part.DATA: "", Part.METADATA: "_meta", Part.CACHE: "_cache"}


def pv_device(disk: Disk, *, integrity: bool) -> str:
    """The block device of a disk's physical volume."""
    return f"/dev/mapper/{integrity_device(disk.serial)}" if integrity else disk.device


def tag_text(serial: str) -> str:
    """A serial as an LVM tag can hold it (lvm(8), "Tags")."""
    return "".join(letter for letter in serial if letter.isalnum() or letter in "_+.-")


@dataclass(frozen=True)
class PoolSteps:
    """Steps on one pool."""

    pool: str

    @property
    def vg(self) -> str:
        """Its volume group."""
        return volume_group(self.pool)

    def run(
        self,
        title: str,
        *argv: str,
        undo: Sequence[str] | None = None,
        claims: tuple[str, ...] = (),
        destroys: str = "",
    ) -> RunStep:
        """A step of this pool."""
        return RunStep(
            title=title,
            resource=f"pool/{self.pool}",
            command=_lvm(*argv),
            undo=_lvm(*undo) if undo else None,
            claims=claims,
            destroys=destroys,
        )

    def wipe(self, disk: Disk, why: str) -> RunStep:
        """Erase the signatures of an earlier pool."""
        return self.run(
            f"Erase what an earlier pool left on {disk.where}",
            "wipefs", "--all", disk.device,
            claims=(disk.serial,), destroys=why,
        )  # fmt: skip

    def format_integrity(self, disk: Disk) -> RunStep:
        """Lay dm-integrity over a disk; checksums are calculated in the background later."""
        return self.run(
            f"Format the checksum layer on {disk.where}",
            "integritysetup", "format", "--batch-mode", "--no-wipe", *INTEGRITY,
            "--sector-size", "4096", disk.device,
            undo=("wipefs", "--all", disk.device),
            claims=(disk.serial,),
        )  # fmt: skip

    def open_integrity(self, disk: Disk, *, claim: bool = True) -> RunStep:
        """Open the layer under the name that carries the disk's serial."""
        layer = integrity_device(disk.serial)
        return self.run(
            f"Open the checksum layer on {disk.where}",
            "integritysetup", "open", *INTEGRITY, "--integrity-recalculate", disk.device, layer,
            undo=("integritysetup", "close", layer),
            claims=(disk.serial,) if claim else (),
        )  # fmt: skip

    def create_pvs(self, disks: Sequence[Disk], *, integrity: bool) -> RunStep:
        """Label physical volumes. Signatures on a bare disk stop LVM; our own layer has none."""
        devices = tuple(pv_device(disk, integrity=integrity) for disk in disks)
        careless = ("--yes",) if integrity else ()
        return self.run(
            f"Make physical volumes of {_bays(disks)}",
            "pvcreate", *careless, *devices,
            undo=("pvremove", *devices),
            claims=tuple(disk.serial for disk in disks),
        )  # fmt: skip

    def create_vg(self, devices: Sequence[str], claims: tuple[str, ...]) -> RunStep:
        """Make the volume group with the tag that says which pool it is."""
        return self.run(
            f"Make volume group {self.vg} of {len(devices)} disks",
            "vgcreate", "--config", "devices/allow_mixed_block_sizes=1",
            "--physicalextentsize", f"{EXTENT // MIB}m", "--addtag", tag("pool", self.pool),
            self.vg, *devices,
            undo=("vgremove", "--select", selected("vg", self.vg, tag("pool", self.pool))),
            claims=claims,
        )  # fmt: skip

    def extend_vg(self, devices: Sequence[str], claims: tuple[str, ...]) -> RunStep:
        """Take more disks into the volume group."""
        return self.run(
            f"Take {len(devices)} more disks into volume group {self.vg}",
            "vgextend", "--config", "devices/allow_mixed_block_sizes=1", self.vg, *devices,
            undo=("vgreduce", self.vg, *devices),
            claims=claims,
        )  # fmt: skip

    def tag_pv(self, disk: Disk, tier: TierName, *, integrity: bool) -> RunStep:
        """Write serial, tier and layer into LVM's metadata, where a missing disk keeps them."""
        tags = (
            tag("serial", tag_text(disk.serial)),
            tag("tier", tier),
            tag("layer", "integrity" if integrity else "bare"),
        )
        device = pv_device(disk, integrity=integrity)
        return self.run(
            f"Write down that {disk.where} belongs to tier {tier}",
            "pvchange", *_each("--addtag", tags), device,
            undo=("pvchange", *_each("--deltag", tags), device),
        )  # fmt: skip

    def activate(self) -> RunStep:
        """Activate all that the group's disks allow."""
        return self.run(f"Activate {self.vg}", "vgchange", "--activate", "y", self.vg,
                        undo=("vgchange", "--activate", "n", self.vg))  # fmt: skip

    def create_lv(
        self, tier: TierName, part: Part, raid: RaidLevel, extents: int, devices: Sequence[str]
    ) -> RunStep:
        """Make a RAID logical volume on exactly these disks."""
        name = f"{tier}{_ENDINGS[part]}"
        tags = (tag("tier", tier), tag("role", part))
        return self.run(
            f"Create the {raid} of {format_size(extents * EXTENT)} for the {part} of tier {tier}",
            "lvcreate", "--yes", "--wipesignatures", "y", *_raid_words(raid, len(devices)),
            "--extents", str(extents), "--name", name,
            *_each("--addtag", tags), self.vg, *devices,
            undo=self.remove_words(name, *tags),
        )  # fmt: skip

    def remove_words(self, name: str, *tags: str) -> tuple[str, ...]:
        """Remove a logical volume with these tags that may already be gone."""
        return ("lvremove", "--yes", "--select", selected("lv", name, *tags), self.vg)

    def attach_cache(self, tier: TierName) -> RunStep:
        """Put the cache before the tier's data; write-through, so losing it loses nothing.

        On the way back the thin pool over it went first and took the volume along; lvm(8) then
        ends with 5. Whether all is as before is what the job looks at in the end.
        """
        step = self.run(
            f"Attach the cache of tier {tier}",
            "lvconvert", "--yes", "--type", "cache", "--cachevol", f"{tier}_cache",
            "--cachemode", "writethrough", f"{self.vg}/{tier}",
        )  # fmt: skip
        back = _lvm(*self.split_words(tier)).model_copy(update={"ok_codes": (0, LVM_FAILED)})
        return step.model_copy(update={"undo": back})

    def split_words(self, tier: TierName) -> tuple[str, ...]:
        """Take the cache off, keep it as a volume of its own; works while in use."""
        return ("lvconvert", "--yes", "--splitcache", f"{self.vg}/{tier}")

    def make_thin_pool(self, tier: TierName, data: int, spare_devices: Sequence[str]) -> RunStep:
        """Turn data and metadata into a thin pool; LVM keeps a spare of the metadata."""
        return self.run(
            f"Make tier {tier} a thin pool of {format_size(data)}",
            "lvconvert", "--yes", "--type", "thin-pool", "--poolmetadata", f"{tier}_meta",
            "--poolmetadataspare", "y", "--chunksize", f"{chunk_size(data) // 1024}k",
            f"{self.vg}/{tier}", *spare_devices,
            undo=self.remove_words(tier, tag("tier", tier)),
        )  # fmt: skip


def _raid_words(raid: RaidLevel, disks: int) -> tuple[str, ...]:
    match raid:
        case RaidLevel.RAID1:
            return ("--type", raid, "--mirrors", str(disks - 1))
        case RaidLevel.RAID10:
            return ("--type", raid, "--mirrors", "1", "--stripes", str(disks // 2))
        case RaidLevel.RAID5 | RaidLevel.RAID6:
            return ("--type", raid, "--stripes", str(stripes(raid, disks)))


def _each(option: str, values: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for value in values for word in (option, value))


def _bays(disks: Sequence[Disk]) -> str:
    return ", ".join(f"bay {disk.bay}" if disk.bay else disk.serial for disk in disks)


def _lvm(*argv: str) -> Command:
    return change(*argv, timeout_s=PATIENCE_S)
