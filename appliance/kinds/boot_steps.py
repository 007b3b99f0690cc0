"""The single steps of an installation: one command each, with its way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.kinds.boot_found import ROOT, esp_label, root_device, system_label
from appliance.kinds.pool_steps import PATIENCE_S, tag_text
from appliance.model.base import format_size
from appliance.model.boot import CLAIM, ESP_SIZE, MIB, ROOT_SIZE
from appliance.model.command import change, read
from appliance.model.disk import Disk
from appliance.model.names import selected, tag
from appliance.model.steps import RunStep, WaitStep

EXTENT: Final = 4 * MIB
COPY_S: Final = 3600
SYNC_S: Final = 4 * 3600
INSTALL: Final = "/usr/lib/appliance/install-system"
_AWAY: Final = ("systemd-run", "--quiet", "--wait", "--pipe", "--collect",
                "--unit=appliance-install", "--property=PrivateMounts=yes")  # fmt: skip
"""Where a mount of the agent's would stay in the agent's own view, this one goes with the program;
the name of the unit keeps a second copy from beginning beside the first."""
_TABLE: Final = """\
label: gpt
size={esp}MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name={first}
type=E6D6D379-F507-44C2-A23C-238F2A3DF928, name={second}
"""
"""An EFI system partition and one for LVM: the types are of the Discoverable Partitions
Specification and of fdisk(8)."""


def root_size(disks: Sequence[Disk]) -> int:
    """What the smallest disk has room for: whole extents, two left for LVM's own, at most 16 GiB."""
    smallest = min(disk.size or 0 for disk in disks)
    room = (smallest - ESP_SIZE - 4 * MIB) // EXTENT - 2
    return min(ROOT_SIZE, max(room, 0) * EXTENT)


def esp(disk: Disk) -> str:
    """The device of the disk's EFI partition."""
    return f"/dev/disk/by-partlabel/{esp_label(disk)}"


def part(disk: Disk) -> str:
    """The device of the disk's partition for the volume group."""
    return f"/dev/disk/by-partlabel/{system_label(disk)}"


@dataclass(frozen=True)
class BootSteps:
    """Steps on one installed system."""

    group: str

    @property
    def root(self) -> str:
        """Its root as LVM calls it."""
        return f"{self.group}/{ROOT}"

    def run(
        self,
        title: str,
        *argv: str,
        undo: Sequence[str] | None = None,
        timeout_s: float = PATIENCE_S,
        destroys: str = "",
    ) -> RunStep:
        """A step of this system."""
        back = change(*undo, timeout_s=PATIENCE_S) if undo else None
        command = change(*argv, timeout_s=timeout_s)
        return RunStep(title=title, resource=CLAIM, command=command, undo=back, destroys=destroys)

    def partition(self, disk: Disk) -> RunStep:
        """Write a new partition table."""
        table = _TABLE.format(esp=ESP_SIZE // MIB, first=esp_label(disk), second=system_label(disk))
        argv = ("sfdisk", "--wipe", "always", "--wipe-partitions", "always", disk.device)
        return RunStep(
            title=f"Partition the disk with {disk.where}",
            resource=CLAIM,
            command=change(*argv, stdin=table),
            undo=change("wipefs", "--all", disk.device),
            claims=(disk.serial,),
        )

    def await_partitions(self, disks: Sequence[Disk]) -> RunStep:
        """Until udev has named the partitions."""
        names = [device for disk in disks for device in (esp(disk), part(disk))]
        argv = ("udevadm", "wait", "--settle", "--timeout=60", *names)
        return self.run("Wait for the new partitions", *argv)

    def create_group(self, disk: Disk) -> RunStep:
        """Make the volume group that is known for an installed system by its tag."""
        return self.run(
            f"Make volume group {self.group} on the disk with {disk.where}",
            "vgcreate", "--yes", "--physicalextentsize", f"{EXTENT // MIB}m",
            "--addtag", tag("boot", "system"), self.group, part(disk),
            undo=("vgremove", "--select", selected("vg", self.group, tag("boot", "system"))),
        )  # fmt: skip

    def extend_group(self, disk: Disk) -> RunStep:
        """Take another disk into the volume group."""
        return self.run(
            f"Take the disk with {disk.where} into volume group {self.group}",
            "vgextend", "--yes", self.group, part(disk),
            undo=("vgreduce", "--yes", self.group, part(disk)),
        )  # fmt: skip

    def name_disk(self, disk: Disk) -> RunStep:
        """Write the serial where it is read while the disk is away."""
        return self._tag_disk(f"Write down whose serial {disk.serial} is", disk,
                              tag("serial", tag_text(disk.serial)))  # fmt: skip

    def create_root(self, disks: Sequence[Disk]) -> RunStep:
        """Make the root, mirrored on two disks."""
        size = root_size(disks)
        mirror = ("--type", "raid1", "--mirrors", "1") if len(disks) > 1 else ("--type", "linear")
        return self.run(
            f"Create {'a mirror' if len(disks) > 1 else 'a volume'} of {format_size(size)} "
            "for the system",
            "lvcreate", "--yes", "--wipesignatures", "y", *mirror, "--size", f"{size // MIB}m",
            "--name", ROOT, self.group, *map(part, disks),
            undo=("lvremove", "--yes", "--select", f"lv_name={ROOT}", self.group),
        )  # fmt: skip

    def format_root(self) -> RunStep:
        """Make its file system; one that was copied into by half is made anew."""
        return self.run(
            "Make the file system of the system", "mkfs.ext4", "-q", "-F", f"/dev/{self.root}"
        )

    def copy_system(self) -> RunStep:
        """Copy the system that runs."""
        return self.run(
            "Copy the running system, without what is only this machine's",
            *_AWAY, INSTALL, "root", f"/dev/{self.root}", root_device(self.group),
            timeout_s=COPY_S,
        )  # fmt: skip

    def mark_whole(self) -> RunStep:
        """Write down that the copy is whole: until then it is begun anew."""
        words = tag("system", "whole")
        return self.run("Write down that the system is copied", "vgchange", "--addtag", words,
                        self.group, undo=("vgchange", "--deltag", words, self.group))  # fmt: skip

    def format_esp(self, disk: Disk) -> RunStep:
        """Make the file system firmware reads."""
        return self.run(f"Make the EFI partition of the disk with {disk.where}",
                        "mkfs.vfat", "-F", "32", "-n", "ESP", esp(disk))  # fmt: skip

    def copy_loader(self, disk: Disk) -> RunStep:
        """Copy the boot loader, the kernel and its initrd."""
        return self.run(
            f"Let the disk with {disk.where} start the system by itself",
            *_AWAY, INSTALL, "loader", esp(disk), root_device(self.group),
            timeout_s=COPY_S,
        )  # fmt: skip

    def mark_loader(self, disk: Disk) -> RunStep:
        """Write down that the disk starts the system."""
        return self._tag_disk(f"Write down that the disk with {disk.where} starts the system", disk,
                              tag("loader", "whole"))  # fmt: skip

    def await_sync(self) -> WaitStep:
        """Until both disks hold all of it: before that, only one of them can be missed."""
        return WaitStep(
            title="Wait until both disks of the mirror are equal",
            resource=CLAIM,
            command=read("lvs", "--noheadings", "--options", "sync_percent", self.root),
            until=r"^\s*100\.00\s*$",
            timeout_s=SYNC_S,
            poll_s=2,
            percent=r"(\d+(?:\.\d+)?)",
        )

    def mirror_onto(self, disk: Disk) -> RunStep:
        """Make a mirror of the one copy there is."""
        return self.run(
            f"Mirror the system onto the disk with {disk.where}",
            "lvconvert", "--yes", "--type", "raid1", "--mirrors", "1", self.root, part(disk),
            undo=("lvconvert", "--yes", "--mirrors", "0", self.root, part(disk)),
        )  # fmt: skip

    def repair_onto(self, disk: Disk) -> RunStep:
        """Copy onto the disk what the lost one held."""
        return self.run(f"Mirror the system onto the disk with {disk.where}, in place of the lost one",
                        "lvconvert", "--yes", "--repair", self.root, part(disk))  # fmt: skip

    def forget(self) -> RunStep:
        """Forget a disk that is away and holds nothing: until then LVM changes nothing else."""
        return self.run(f"Forget the lost disk in volume group {self.group}",
                        "vgreduce", "--removemissing", self.group)  # fmt: skip

    def replace(self, old: str, disk: Disk) -> RunStep:
        """Copy onto the disk what another holds that leaves."""
        return self.run(f"Mirror the system onto the disk with {disk.where}, in place of {old}",
                        "lvconvert", "--yes", "--replace", old, self.root, part(disk))  # fmt: skip

    def single_without(self, old: str) -> RunStep:
        """Keep the copy on the other disk only."""
        return self.run(f"Keep the system without its copy on {old}",
                        "lvconvert", "--yes", "--mirrors", "0", self.root, old)  # fmt: skip

    def let_go(self, old: str, disk: Disk | None) -> Iterator[RunStep]:
        """Take a disk that holds nothing of the root any more out, and make it blank."""
        where = f"the disk with {disk.where}" if disk else old
        yield self.run(f"Take {where} out of volume group {self.group}",
                       "vgreduce", "--yes", self.group, old)  # fmt: skip
        if disk is not None:
            yield from self.blank(disk)

    def blank(self, disk: Disk) -> Iterator[RunStep]:
        """Erase what tells of partitions and of what is in them."""
        gone = f"the system on the disk with {disk.where}"
        yield self.run(f"Erase the system from the disk with {disk.where}",
                       "wipefs", "--all", esp(disk), part(disk), destroys=gone)  # fmt: skip
        yield self.run(f"Erase the partitions of the disk with {disk.where}",
                       "wipefs", "--all", disk.device, destroys=gone)  # fmt: skip

    def take_back(self, disk: Disk) -> RunStep:
        """Use a disk again that was away."""
        return self.run(f"Take the disk with {disk.where} back, which was away",
                        "vgextend", "--restoremissing", self.group, part(disk))  # fmt: skip

    def refresh(self) -> RunStep:
        """Let a disk that failed catch up."""
        return self.run("Let the disk that is back catch up", "lvchange", "--refresh", self.root)

    def remove_group(self) -> RunStep:
        """Remove the system that was installed."""
        return self.run("Remove the installed system", "vgremove", "--force", "--yes", self.group,
                        destroys="the installed system")  # fmt: skip

    def _tag_disk(self, title: str, disk: Disk, words: str) -> RunStep:
        return self.run(title, "pvchange", "--addtag", words, part(disk),
                        undo=("pvchange", "--deltag", words, part(disk)))  # fmt: skip
