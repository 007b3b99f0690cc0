"""The node as one value: everything a plan is made from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Annotated

from appliance.model.base import VOLATILE, Bytes, Value, digest
from appliance.model.disk import Disk
from appliance.model.resource import AnyFound
from appliance.model.verdict import Verdict


class Host(Value):
    """The machine itself."""

    hostname: str
    profile: str
    """Name of the hardware profile that matched, "generic" when none did."""
    kernel: str = ""
    memory: Bytes = 0
    memory_reserved: Bytes = 0
    """Kept for storage by the profile; guests share the rest."""
    cpus: int = 1
    cpus_reserved: int = 0
    root_free: Annotated[Bytes, VOLATILE] = 0
    """Free bytes of the root file system."""
    kvm: bool = False
    """KVM works here; without it guests are emulated, many times slower."""
    bridges: frozenset[str] | None = None
    """Network bridges there are; None when nobody looked."""


class NodeSnapshot(Value):
    """Host, disks and every kind's findings, by noun and name."""

    host: Host
    taken_at: Annotated[datetime, VOLATILE]
    disks: tuple[Disk, ...] = ()
    found: Mapping[str, Mapping[str, AnyFound]] = {}
    secrets: frozenset[str] = frozenset()
    """Names of the stored secrets, never their values."""
    images: frozenset[str] | None = None
    """Names of the files in /var/lib/appliance/images; None when nobody looked."""
    claims: Mapping[str, str] = {}
    """Serial -> pool (or boot/node) of disks an unfinished job had consent to overwrite."""
    verdicts: Annotated[Mapping[str, Verdict], VOLATILE] = {}
    """Serial -> what is thought of a disk that is in no pool."""
    problems: tuple[str, ...] = ()
    """What could not be read, in words; one bad disk or service does not hide the rest."""
    unread: frozenset[str] = frozenset()
    """Nouns of the kinds that could not be read: that nothing is found of them says nothing."""

    def digest(self) -> str:
        """Changes whenever a plan made from this snapshot could come out differently.

        Kernel names are volatile, yet a disk without a WWN has no other: a plan names it so, and
        the next disk may bear that name after a reset.
        """
        return digest((self, tuple(disk.device for disk in self.disks)))

    def disk(self, reference: str) -> Disk | None:
        """The disk a person means by `bay:LABEL`, a serial or a WWN; None where two that are there
        bear the label or the WWN: to take the first of them would be a guess."""
        disks, by_reference = self._disk_index
        if disks is not self.disks:  # model_copy(update=...) takes remembered values along
            del self.__dict__["_disk_index"]
            _, by_reference = self._disk_index
        return by_reference.get(reference) if reference else None

    @cached_property
    def _disk_index(self) -> tuple[tuple[Disk, ...], Mapping[str, Disk]]:
        """The disks by every reference to them: a plan asks once for each of hundreds."""
        found: dict[str, Disk] = {}
        twice: set[str] = set()
        for disk in self.disks:
            for reference in (disk.wwn, disk.bay and f"bay:{disk.bay}"):
                other = found.setdefault(reference, disk)
                if other is not disk and not (other.missing or disk.missing):
                    twice.add(reference)
        unique = {key: disk for key, disk in found.items() if key not in twice}
        return self.disks, {**unique, **{disk.serial: disk for disk in reversed(self.disks)}}
