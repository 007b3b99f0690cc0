"""The taught map: which path leads to which bay, where neither the chassis nor its profile tells."""

from __future__ import annotations

from collections.abc import Iterator

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from agents.node.handlers.disks import found_disk
from appliance.api.wire import BayTeaching, Empty, TaughtBay, TaughtMap
from appliance.errors import RefusedError
from appliance.model.disk import Disk


def bays_taught(context: Context, caller: Caller, body: Empty) -> TaughtMap:
    """What was taught, by label."""
    del caller, body
    return TaughtMap(bays=tuple(sorted(_bays(context), key=lambda item: item.label)))


def disk_bay_teach(context: Context, caller: Caller, body: BayTeaching, disk: str) -> TaughtMap:
    """The bay a disk is in is called so from now on, whatever disk is in it.

    Raises NotFoundError, RefusedError where the bay is known or the label is another bay's.
    """
    found = found_disk(context, disk)
    _check(context, found, body.label)
    context.note(
        caller,
        what="disk_bay_teach",
        subject=f"disk/{found.serial}",
        outcome=f"{found.id_path} is bay {body.label}" if body.label else f"{found.id_path} forgot",
    )
    context.taught.teach(found.id_path, body.label)
    context.looking.forget()
    return bays_taught(context, caller, Empty())


def _bays(context: Context) -> Iterator[TaughtBay]:
    disks = {disk.id_path: disk for disk in context.looking.recent().disks if not disk.missing}
    for path, label in context.taught.labels().items():
        disk = disks.get(path)
        yield TaughtBay(label=label, path=path, serial=disk.serial if disk else "")


def _check(context: Context, disk: Disk, label: str) -> None:
    taught = context.taught.labels()
    if disk.missing or not disk.id_path:
        raise _refused(disk, "has no path of its own now, so nothing can be learnt of its bay",
                       "Teach it with a disk that answers there: appliance disk list")  # fmt: skip
    if disk.bay and disk.id_path not in taught:
        raise _refused(disk, "is in a bay the chassis or its profile already names",
                       "Labels that are wrong there are put right in hardware-profiles/.")  # fmt: skip
    others = {other.bay: other for other in context.looking.recent().disks if other is not disk}
    elsewhere = [path for path, known in taught.items() if known == label and path != disk.id_path]
    if label and (label in others or elsewhere):
        at = others[label].where if label in others else elsewhere[0]
        raise _refused(disk, f"cannot be in bay {label}: that is {at}",
                       "Read the label again; each bay has one path.")  # fmt: skip


def _refused(disk: Disk, what: str, hint: str) -> RefusedError:
    return RefusedError(
        f"The disk with {disk.where} {what}.", hint=hint, subject=f"disk/{disk.serial}"
    )
