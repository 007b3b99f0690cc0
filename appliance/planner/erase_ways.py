"""The commands that erase a disk, each method in its steps. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from appliance.model.command import change, read
from appliance.model.disk import Disk
from appliance.model.erasing import EraseMethod, MethodFound
from appliance.model.steps import RunStep, Step, SurfaceAct, SurfaceStep, WaitStep

PASSWORD: Final = "appliance"  # noqa: S105 - no secret: the disk forgets it when it is erased
"""ATA takes no secure erase without a password (ACS-4, SECURITY SET PASSWORD)."""
_DAYS_S: Final = 4 * 86400.0
"""Time-out of what the disk does by itself: large disks take more than a day."""
_COMMANDS: Final[Mapping[EraseMethod, tuple[str, ...]]] = {
    EraseMethod.NVME_FORMAT: ("nvme", "format", "--ses=1", "--force"),
    EraseMethod.NVME_SANITIZE: ("nvme", "sanitize", "--sanact=2"),
    EraseMethod.SCSI_SANITIZE_BLOCK: ("sg_sanitize", "--block", "--quick"),
    EraseMethod.SCSI_SANITIZE_OVERWRITE: ("sg_sanitize", "--overwrite", "--zero", "--quick"),
    EraseMethod.ATA_SECURE_ERASE: (
        "hdparm", "--user-master", "u", "--security-erase", PASSWORD),
    EraseMethod.DISCARD: ("blkdiscard", "--force"),
}  # fmt: skip
"""nvme-format(1), nvme-sanitize(1), sg_sanitize(8), hdparm(8), blkdiscard(8); the disk follows."""
_ENHANCED: Final[Mapping[str, str]] = {"--security-erase": "--security-erase-enhanced"}
WAYS: Final[Mapping[EraseMethod, str]] = {
    EraseMethod.NVME_FORMAT: "NVMe format with user data erase",
    EraseMethod.NVME_SANITIZE: "NVMe sanitize, block erase",
    EraseMethod.SCSI_SANITIZE_BLOCK: "SCSI sanitize, block erase",
    EraseMethod.SCSI_SANITIZE_OVERWRITE: "SCSI sanitize, overwrite",
    EraseMethod.ATA_SECURE_ERASE: "ATA secure erase",
    EraseMethod.DISCARD: "discard of every block",
    EraseMethod.OVERWRITE: "zeros over every block",
}
"""Each method in words."""


def erase_ways(chosen: MethodFound, disk: Disk, resource: str) -> Iterator[Step]:
    """The steps that erase. What the disk is told before and after the one that does stands here."""
    words = f"Erase {disk.where}: {WAYS[chosen.method]}"
    make = _Steps(disk, resource)
    if disk.signatures:
        # Also takes partitions away, which the kernel would show until the next start.
        yield make.run(f"Take the signatures off {disk.where}", "wipefs", "--all", "--force")
    if chosen.method is EraseMethod.OVERWRITE:
        yield make.zeros(words)
        return
    if chosen.method is EraseMethod.ATA_SECURE_ERASE:
        yield make.lock()
    command = _COMMANDS[chosen.method]
    if chosen.enhanced:
        command = tuple(_ENHANCED.get(word, word) for word in command)
    yield make.run(words, *command)
    if chosen.method is EraseMethod.NVME_SANITIZE:
        yield make.wait_for_sanitize()


@dataclass(frozen=True)
class _Steps:
    """Steps on one disk."""

    disk: Disk
    resource: str

    def run(self, title: str, *argv: str) -> RunStep:
        """A command on the disk that leaves nothing of its data."""
        return RunStep(
            title=title,
            resource=self.resource,
            claims=(self.disk.serial,),
            destroys=self._all,
            command=change(*argv, self.disk.device, timeout_s=_DAYS_S),
        )

    def zeros(self, title: str) -> SurfaceStep:
        """Zeros over every block."""
        return SurfaceStep(
            title=title,
            resource=self.resource,
            act=SurfaceAct.ZERO,
            device=self.disk.device,
            size=self.disk.size or 0,
            claims=(self.disk.serial,),
            destroys=self._all,
        )

    def lock(self) -> RunStep:
        """The password an ATA disk wants before it erases itself."""
        words = ("hdparm", "--user-master", "u")
        return RunStep(
            title=f"Lock {self.disk.where}, which a secure erase needs",
            resource=self.resource,
            claims=(self.disk.serial,),
            command=change(*words, "--security-set-pass", PASSWORD, self.disk.device),
            undo=change(*words, "--security-disable", PASSWORD, self.disk.device),
        )

    def wait_for_sanitize(self) -> WaitStep:
        """Sanitize goes on by itself; the log's SPROG is 65535 when it has ended."""
        return WaitStep(
            title=f"Wait until {self.disk.where} has erased itself",
            resource=self.resource,
            command=read("nvme", "sanitize-log", self.disk.device, "--output-format=json"),
            until=r'"sprog"\s*:\s*65535',
            timeout_s=_DAYS_S,
            poll_s=5,
        )

    @property
    def _all(self) -> str:
        return f"all data on the disk with {self.disk.where}"
