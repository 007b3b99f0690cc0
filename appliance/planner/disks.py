"""Acts on a disk itself, which is found and never wanted: erasing what is on it."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.errors import InvalidInputError, NotFoundError
from appliance.model.command import change
from appliance.model.resource import ActionRequest
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import RunStep, Step

NOUN = "disk"
WIPE = "wipe"


def plan_disk_act(action: ActionRequest, snapshot: NodeSnapshot) -> Iterator[Step]:
    """The steps of an act on a disk; none when there is nothing to erase.

    Raises InvalidInputError for an act there is not, NotFoundError for a disk there is not. The
    guard refuses disks in use.
    """
    reference = action.resource.partition("/")[2]
    if action.verb != WIPE:
        raise InvalidInputError(
            f"A disk has no act '{action.verb}'.",
            hint=f"Acts of a disk: {WIPE}, replace.",
            subject=action.resource,
        )
    disk = snapshot.disk(reference)
    if disk is None:
        raise NotFoundError(
            f"There is no disk '{reference}'.",
            hint="List them with: appliance disk list",
            subject=action.resource,
        )
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
