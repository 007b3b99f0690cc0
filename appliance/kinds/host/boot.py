"""The disks the system starts from: installed from a live medium, one disk or a mirror of two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from typing_extensions import override

from appliance.errors import InvalidInputError, NotFoundError, RefusedError
from appliance.kinds.base import Change, Kind, Needs, Probe, View
from appliance.kinds.boot_build import BootBuild, removal
from appliance.kinds.boot_found import boot_found
from appliance.kinds.boot_steps import root_size
from appliance.kinds.lvm_report import volume_groups
from appliance.kinds.pool_disks import disks_of
from appliance.kinds.pool_steps import tag_text
from appliance.model.base import format_size
from appliance.model.boot import CLAIM, LEAST_DISK, BootFound, BootGroup, BootSpec
from appliance.model.disk import DiskRole
from appliance.model.names import NODE
from appliance.model.pool import PoolSpec
from appliance.model.resource import Finding, Severity
from appliance.model.spare import SpareSpec
from appliance.model.steps import Step

_LABELS: Final = "/dev/disk/by-partlabel"
_MIRROR: Final = 2


class BootKind(Kind[BootSpec, BootFound]):
    """On each disk what UEFI starts, and a volume group with the root; LVM's tags are the truth."""

    noun = "boot"
    title = "the disks the system is installed on and starts from; there is one, named node"
    rank = 4
    only = NODE
    spec_type = BootSpec
    found_type = BootFound
    needs = Needs(
        packages=frozenset({"lvm2", "fdisk", "dosfstools", "e2fsprogs", "systemd-boot-efi"}),
        modules=frozenset({"dm-raid"}),
    )
    columns: ClassVar[tuple[str, ...]] = ("disks", "running")

    @override
    def observe(self, probe: Probe) -> Mapping[str, BootFound]:
        """What the node runs from, and every installed system on its disks."""
        cmdline = probe.read_text("/proc/cmdline") or ""
        return {NODE: boot_found(volume_groups(probe), cmdline, probe.list_dir(_LABELS))}

    @override
    def resolve(self, name: str, spec: BootSpec, view: View) -> BootSpec:
        """Serials for bays and WWNs; disks that are large enough, and nobody else's."""
        super().resolve(name, spec, view)
        resolved = BootSpec(disks=tuple(_serial(item, view) for item in spec.disks))
        if len(set(resolved.disks)) < len(resolved.disks):
            raise _invalid("Two names of the boot mirror mean one disk.", "Name two disks.")
        for serial in resolved.disks:
            _check_fit(serial, view)
        _check_others(resolved, view)
        return resolved

    @override
    def plan(self, change: Change[BootSpec, BootFound], view: View) -> Iterator[Step]:
        """Install, mirror, replace a disk, or take an installed system off its disks."""
        found = change.found or BootFound()
        if change.wanted is None:
            yield from removal(found, view.snapshot)
        else:
            yield from BootBuild(change.wanted, found, view.snapshot).steps()

    @override
    def given_up(
        self, change: Change[BootSpec, BootFound], view: View
    ) -> tuple[tuple[str, str], ...]:
        """The serial of each disk that is partitioned anew or made blank."""
        if change.wanted is None:
            return ()
        build = BootBuild(change.wanted, change.found or BootFound(), view.snapshot)
        new = ((disk, "becomes a boot disk; all on it is gone") for disk in build.overwritten())
        old = ((disk, "is no boot disk any more and is erased") for disk in build.blanked())
        return tuple(
            (disk.serial, f"the {disk.model or 'disk'} with {disk.where} {why}")
            for disk, why in (*new, *old)
        )

    @override
    def confirmations(
        self, change: Change[BootSpec, BootFound], view: View
    ) -> tuple[tuple[str, str], ...]:
        """The serial of each disk an installed system is taken off."""
        groups = change.found.groups if change.found else ()
        items = [item for group in groups for item in group.disks if item.serial]
        return tuple((item.serial, "the system installed on it will be gone") for item in items)

    @override
    def notes(self, change: Change[BootSpec, BootFound], view: View) -> tuple[str, ...]:
        """How much is used, and what to do when all is done."""
        if change.wanted is None:
            return ()
        build = BootBuild(change.wanted, change.found or BootFound(), view.snapshot)
        bays = " and ".join(disk.where for disk in build.disks)
        if build.group.running:
            alone = ", from each of them alone" if len(build.disks) == _MIRROR else ""
            return (f"The node starts from {bays}{alone}.",)
        size = root_size(build.disks)
        copies = "a mirror" if len(build.disks) == _MIRROR else "one copy: no disk may be lost"
        if view.managed - {CLAIM}:
            copies += "; accounts, addresses and secrets set up on the medium go with it"
        return (
            f"The system gets {format_size(size)} on {bays}, {copies}; the rest stays free.",
            _WHAT_THEN,
        )

    @override
    def health(self, name: str, found: BootFound) -> tuple[Finding, ...]:
        """What the mirror lacks, and that an installed system waits to be started."""
        return tuple(item for group in found.own for item in _findings(group))

    @override
    def foreign(self, name: str, found: BootFound) -> bool:
        """Every node starts from something; an installation by half is a loose end."""
        return found.running or not found.groups

    @override
    def adopt(self, name: str, found: BootFound) -> BootSpec | None:
        """The disks of the one installed system."""
        serials = [item.serial for group in found.own for item in group.disks if item.serial]
        usable = len(found.own) == 1 and 0 < len(serials) <= _MIRROR
        return BootSpec(disks=tuple(serials)) if usable else None


_WHAT_THEN: Final = (
    "After that: power off, take the live medium out, start again; "
    "then set the node up on the installed system."
)


def _findings(group: BootGroup) -> Iterator[Finding]:
    serials = " and ".join(item.serial or item.pv or "?" for item in group.disks)
    if group.complete and not group.running:
        yield Finding(
            severity=Severity.INFO,
            subject=CLAIM,
            what=f"the system is installed on {serials}, and the node still runs from the medium",
            next_step="Power off, take the live medium out, and start again",
            cause="boot-installed",
        )
    if any(not item.flagged for item in group.missing):
        yield _degraded(group)
    elif group.returned or group.missing:
        yield Finding(
            severity=Severity.WARNING,
            subject=CLAIM,
            what="a disk of the boot mirror is back, but not used",
            why="LVM leaves a disk out that failed, until it is told to take it in again",
            next_step="Let it catch up: appliance boot import node (once), then: appliance boot set "
            f"node --disks {','.join(item.serial for item in group.disks)}",
            cause="boot-returned",
        )


def _degraded(group: BootGroup) -> Finding:
    lost = ", ".join(
        item.serial or "of unknown serial" for item in group.missing if not item.flagged
    )
    left = next((item.serial for item in group.disks if not item.missing), "?")
    return Finding(
        severity=Severity.CRITICAL,
        subject=CLAIM,
        what=f"the boot mirror is degraded: disk {lost} does not answer",
        why=f"it was pulled or has died; the node starts from disk {left} alone",
        next_step="Put it back, or name a new disk in its place: appliance boot import node (once), "
        f"then: appliance boot set node --disks {left},bay:LABEL",
        cause="boot-degraded",
    )


def _serial(reference: str, view: View) -> str:
    disk = view.snapshot.disk(reference)
    if disk is not None:
        return disk.serial
    found = view.found("boot").get(NODE)
    groups = found.own if isinstance(found, BootFound) else ()
    if tag_text(reference) in {item.serial for group in groups for item in group.disks}:
        return reference
    raise NotFoundError(
        f"There is no disk '{reference}' to install the system on.",
        hint="List bays, serials and WWNs with: appliance disk list",
        subject=CLAIM,
    )


def _check_fit(serial: str, view: View) -> None:
    disk = view.snapshot.disk(serial)
    if disk is not None and len(disk.paths) > 1 and disk.role is not DiskRole.BOOT:
        raise RefusedError(
            f"{len(disk.paths)} paths lead to the disk with {disk.where}; LVM, which sees it more "
            "than once then, starts no system from it.",
            hint="Choose a SATA or NVMe disk, or connect it by one path.",
            subject=f"disk/{serial}",
        )
    if disk is not None and not disk.missing and (disk.size or 0) < LEAST_DISK:
        raise RefusedError(
            f"The disk with {disk.where} has {format_size(disk.size or 0)}, too little for the "
            "system.",
            hint=f"Choose one of {format_size(LEAST_DISK)} at least.",
            subject=f"disk/{serial}",
        )


def _check_others(spec: BootSpec, view: View) -> None:
    pools = {f"pool '{name}'": tuple(disks_of(item)) for name, item in view.specs("pool").items()
             if isinstance(item, PoolSpec)}  # fmt: skip
    spares = {f"spare '{name}'": (item.disk,) for name, item in view.specs("spare").items()
              if isinstance(item, SpareSpec)}  # fmt: skip
    for owner, references in (pools | spares).items():
        for reference in references:
            disk = view.snapshot.disk(reference)
            if (disk.serial if disk else reference) in spec.disks:
                raise _invalid(
                    f"The system wants disk {reference}, and so does {owner}.",
                    "Name each disk in one place only.",
                )


def _invalid(what: str, hint: str) -> InvalidInputError:
    return InvalidInputError(what, hint=hint, subject=CLAIM)


KIND = BootKind()
