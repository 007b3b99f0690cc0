"""Acts on a disk itself, which is found and never wanted: erasing what is on it, admitting it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from appliance.errors import InvalidInputError, NotFoundError, RefusedError
from appliance.model.command import change
from appliance.model.disk import Disk
from appliance.model.resource import ActionRequest
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import RunStep, Step
from appliance.planner.admission import admit_steps, admit_warnings
from appliance.planner.erasing import erase_notes, erase_steps

NOUN = "disk"
WIPE = "wipe"
ADMIT: Final = "admit"
"""The act; its argument `depth` says how thoroughly the disk is tried (Depth)."""
ERASE: Final = "erase"
"""The act; its argument `method` is settled with the disk before a plan is made."""


def plan_disk_act(action: ActionRequest, snapshot: NodeSnapshot, now: datetime) -> Iterator[Step]:
    """The steps of an act on a disk; none when there is nothing to wipe.

    Raises InvalidInputError for an act there is not, NotFoundError for a disk there is not. The
    guard refuses disks in use.
    """
    if action.verb not in {WIPE, ADMIT, ERASE}:
        raise InvalidInputError(
            f"A disk has no act '{action.verb}'.",
            hint=f"Acts of a disk: {WIPE}, {ERASE}, {ADMIT}, replace.",
            subject=action.resource,
        )
    disk = disk_meant(action, snapshot)
    if action.verb == ADMIT:
        yield from admit_steps(action, disk, snapshot, now)
    elif action.verb == ERASE:
        yield from erase_steps(action, disk, snapshot, now)
    else:
        yield from _wipe_steps(disk)


def disk_act_words(
    action: ActionRequest, snapshot: NodeSnapshot
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Warnings and notes to show with an act on a disk."""
    disk = _named(action, snapshot)
    if disk is None:
        return (), ()
    if action.verb == ERASE:
        return (), tuple(erase_notes(action, disk))
    return (admit_warnings(disk, snapshot) if action.verb == ADMIT else ()), ()


def disk_meant(action: ActionRequest, snapshot: NodeSnapshot) -> Disk:
    """The disk an act is about, by serial, WWN or bay. Raises NotFoundError, RefusedError."""
    reference = action.resource.partition("/")[2]
    disk = _named(action, snapshot)
    if disk is None:
        here = [item for item in snapshot.disks if not item.missing]
        refuse_several(reference, [item for item in here if means(item, reference)])
        raise NotFoundError(
            f"There is no disk '{reference}'.",
            hint="List them with: appliance disk list",
            subject=action.resource,
        )
    return disk


def means(disk: Disk, reference: str) -> bool:
    """Whether a person may mean this disk: by serial, WWN, bay:LABEL or the bay's label alone."""
    names = {disk.serial, disk.wwn, disk.bay, disk.bay and f"bay:{disk.bay}"}
    return reference in names - {""}


def refuse_several(reference: str, meant: Sequence[Disk]) -> None:
    """Raises RefusedError where one name is that of several disks: shelves of one make count their
    bays alike, and two namespaces or actuators sit in one bay."""
    if len(meant) > 1:
        raise RefusedError(
            f"'{reference}' may be any of {len(meant)} disks: "
            f"{', '.join(disk.serial for disk in meant)}.",
            hint="Name the one that is meant by its serial.",
            subject=f"{NOUN}/{reference}",
        )


def _named(action: ActionRequest, snapshot: NodeSnapshot) -> Disk | None:
    reference = action.resource.partition("/")[2]
    return snapshot.disk(reference) or snapshot.disk(f"bay:{reference}")


def _wipe_steps(disk: Disk) -> Iterator[Step]:
    if disk.signatures or disk.size is None:
        held = ", ".join(dict.fromkeys(item.type for item in disk.signatures))
        # wipefs(8) takes the signatures away and leaves the rest: enough to use the disk anew.
        yield RunStep(
            title=f"Erase the signatures of the disk with {disk.where}",
            resource=f"{NOUN}/{disk.serial}",
            claims=(disk.serial,),
            destroys=f"what is on the disk with {disk.where}: {held}",
            command=change("wipefs", "--all", disk.device),
        )
