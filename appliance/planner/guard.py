"""The guard: which disks a plan may overwrite. It refuses rather than guesses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from appliance.errors import RefusedError
from appliance.model.boot import CLAIM
from appliance.model.disk import BOOT_LAYERS, OUR_LAYERS, Disk, DiskRole, Signature, Transport
from appliance.model.plan import DiskClaim
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import Step

OWNERS: Final = frozenset({"pool", "boot"})
"""Kinds whose disks are told apart from free ones only by reading them."""


def check_claims(snapshot: NodeSnapshot, steps: Iterable[Step]) -> tuple[DiskClaim, ...]:
    """The disks the steps overwrite, in the order of the steps.

    Raises RefusedError for a disk that does not answer, has no capacity, is the boot disk, is
    mounted, belongs to another pool, is in use, carries something foreign, bears a name that
    leads to another disk too, or is claimed for two things at once; and for every disk while
    nobody can tell whose it is.
    """
    owners: dict[str, str] = {}
    for step in steps:
        for serial in step.claims:
            owner = owners.setdefault(serial, step.resource)
            if owner != step.resource:
                raise _refused(
                    serial,
                    f"Disk {serial} cannot be used for {step.resource} and {owner} at once.",
                    "Name it in one of them only.",
                )
    for serial in owners:
        _check_owners_seen(snapshot, serial)
    return tuple(_claim(snapshot, serial, owner) for serial, owner in owners.items())


def _check_owners_seen(snapshot: NodeSnapshot, serial: str) -> None:
    """A disk of a pool that cannot be seen looks as if it was nobody's."""
    unseen = sorted(OWNERS & snapshot.unread)
    if unseen:
        raise _refused(
            serial,
            f"Disk {serial} is not overwritten: whether it is in use is not known, as no "
            f"{' and '.join(unseen)} could be read.",
            "See what does not answer, and try again: appliance status",
        )


def needs_serial(snapshot: NodeSnapshot, claim: DiskClaim, pools: Iterable[str]) -> bool:
    """Whether a claimed disk holds something whose loss must be confirmed by its serial.

    A disk of the pool itself, or one an unfinished job already had consent for, does not.
    """
    disk = snapshot.disk(claim.serial)
    return disk is not None and bool(claim.signatures) and not _has_consent(snapshot, disk, pools)


def _claim(snapshot: NodeSnapshot, serial: str, owner: str) -> DiskClaim:
    noun, _, name = owner.partition("/")
    pool = name if noun == "pool" else owner if owner == CLAIM else ""
    disk = snapshot.disk(serial)
    if disk is None:
        raise _refused(
            serial,
            f"There is no disk {serial}, which {owner} wants.",
            "List what there is with: appliance disk list",
        )
    _check_usable(disk, pool)
    _check_own_name(snapshot, disk)
    _check_unused(snapshot, disk, pool, erased=owner == f"disk/{serial}")
    return DiskClaim(
        bay=disk.bay,
        serial=disk.serial,
        model=disk.model,
        size=disk.size,
        signatures=disk.signatures,
    )


def _check_usable(disk: Disk, pool: str) -> None:
    if disk.role is DiskRole.BOOT:
        raise _refused(
            disk.serial, f"The disk with {disk.where} is the boot disk.", "Choose another disk."
        )
    if disk.missing:
        raise _refused(
            disk.serial,
            f"The disk with {disk.where} does not answer.",
            "Put it back or choose another disk: appliance disk list",
        )
    if disk.size is None:
        raise _refused(
            disk.serial,
            f"The disk with {disk.where} tells no capacity, so it is broken or locked.",
            "Replace it or choose another disk: appliance disk list",
        )
    if disk.pool and disk.pool != pool:
        raise _refused(
            disk.serial,
            f"The disk with {disk.where} belongs to pool '{disk.pool}'.",
            f"Choose another disk, or remove pool '{disk.pool}' before.",
        )
    if disk.mounted_at and not _through_own_volumes(disk, pool):
        raise _refused(
            disk.serial,
            f"The disk with {disk.where} is mounted at {', '.join(disk.mounted_at)}.",
            f"If its data may go, unmount it first: umount {disk.mounted_at[0]}",
        )


def _check_own_name(snapshot: NodeSnapshot, disk: Disk) -> None:
    """udev makes one link of a name and lets it lead to whichever disk came last.

    Cheap disks share a WWN; the namespaces of an NVMe controller share the name of the first.
    """
    for other in snapshot.disks:
        if other.serial == disk.serial or other.missing:
            continue
        if other.device == disk.device or _is_namespace_beside(disk, other):
            raise _refused(
                disk.serial,
                f"{disk.device} is the name of the disk with {disk.where} and of the one with "
                f"{other.where}; a command could reach either.",
                f"Take one of the two out, or erase it by hand as /dev/{disk.node}.",
            )


def _is_namespace_beside(disk: Disk, other: Disk) -> bool:
    nvme = disk.transport is Transport.NVME and other.transport is Transport.NVME
    return nvme and other.device.startswith(f"{disk.device}_")


def _through_own_volumes(disk: Disk, pool: str) -> bool:
    """Whether what is mounted from a disk comes through mappings of the pool that claims it.

    That goes before the pool does, or deactivating the pool fails. A mount straight from a disk
    has no mapping between, so it is a stranger's even where LVM's tags name the disk's serial.
    """
    return bool(pool) and disk.pool == pool and bool(disk.holders)


def _check_unused(snapshot: NodeSnapshot, disk: Disk, pool: str, *, erased: bool) -> None:
    """`erased`: the plan is to erase this very disk, so what it holds is no reason to refuse."""
    consent = _has_consent(snapshot, disk, (pool,))
    if disk.holders and not consent:
        raise _refused(
            disk.serial,
            f"The disk with {disk.where} is in use by {', '.join(disk.holders)}.",
            "Choose another disk, or take down what stands on it.",
        )
    foreign = tuple(
        item for item in disk.signatures if not _is_ours(item, disk, pool, consent=consent)
    )
    if foreign and not erased:
        raise _refused(
            disk.serial,
            f"The disk with {disk.where} holds {', '.join(map(_in_words, foreign))}.",
            "Choose another disk; if its data may go, erase it first: "
            f"appliance disk wipe {disk.serial}",
        )


def _has_consent(snapshot: NodeSnapshot, disk: Disk, pools: Iterable[str]) -> bool:
    names = {name for name in pools if name}
    return disk.pool in names or snapshot.claims.get(disk.serial) in names


def _is_ours(signature: Signature, disk: Disk, pool: str, *, consent: bool) -> bool:
    if pool == CLAIM:
        return consent and signature.type in BOOT_LAYERS
    return signature.type in OUR_LAYERS and (consent or disk.role is DiskRole.QUARANTINED)


def _in_words(signature: Signature) -> str:
    return f"{signature.type} '{signature.label}'" if signature.label else signature.type


def _refused(serial: str, message: str, hint: str) -> RefusedError:
    return RefusedError(message, hint=hint, subject=f"disk/{serial}")
