"""What there is to know before a disk is replaced: what is left to fail, how much is rebuilt."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.kinds.pool_layout import EXTENT
from appliance.kinds.pool_leaving import Departure
from appliance.kinds.pool_pairing import Leaving
from appliance.kinds.pool_parts import images_on, spared_losses
from appliance.model.base import format_size
from appliance.model.pool import PoolFound


def leaving_words(item: Leaving, pool: str) -> str:
    """Why a person types the serial of a disk that leaves."""
    if item.empty:
        return f"{item.where} leaves pool '{pool}'; nothing of it lies there any more"
    if item.member.missing:
        return f"{item.where} is given up for good: what it held is rebuilt from the other disks"
    return f"{item.where} leaves pool '{pool}' and is erased once all of it is elsewhere"


def replacement_notes(departure: Departure) -> Iterator[str]:
    """Preflight: how each disk is replaced, the redundancy meanwhile, the second failure."""
    found = departure.build.found
    if found is None:
        return
    for item in departure.leaving:
        if item.target is not None and not item.empty:
            yield from _one(item, departure, found)
    yield from _redundancy(departure, found)


def _one(item: Leaving, departure: Departure, found: PoolFound) -> Iterator[str]:
    target = item.target
    if target is None:
        return
    onto = target.disk.where if target.disk else f"serial {target.serial}"
    size = format_size(item.used * EXTENT)
    raids = images_on(item.member)
    if not target.device:
        yield (
            f"{item.where}: {size} wait for {onto}, whose own part was rebuilt first: have that "
            f"disk put back or replaced."
        )
        return
    surplus = [raid for raid in raids if departure.mirrors.surplus(raid)]
    goes = [raid for raid in surplus if not item.member.missing or departure.dropped(raid, found)]
    if len(goes) == len(raids):
        yield f"{item.where} holds one copy more than the pool wants; it goes, the others stay."
        return
    if not item.member.missing and all(departure.mirrors.mirrored(raid) for raid in raids):
        how = f"get one copy more on {onto} before this one goes: no redundancy is lost meanwhile"
    else:
        how = f"is rebuilt on {onto} from the other disks"
        how += ", as not all of it can be read" if item.doubtful else ""
    left = target.free - item.used
    room = f" {format_size(left * EXTENT)} stay free on the new disk." if left >= 0 else ""
    yield f"{item.where}: {size} {how}.{room}"
    if partners := departure.partners(item, found):
        names = ", ".join(member.serial or member.pv_uuid for member in partners)
        yield (
            f"The tier has grown, and what was on {item.where} goes on on {names}: what lies of it "
            f"there is rebuilt as well."
        )
    disk = target.disk
    if disk and item.disk and disk.medium is not item.disk.medium:
        yield (
            f"Warning: {disk.where} is {disk.medium}, the disk it replaces is {item.disk.medium}; "
            f"tier {target.tier} may run at the speed of the slower one."
        )


def _redundancy(departure: Departure, found: PoolFound) -> Iterator[str]:
    """The second failure: how many more disks may fail until the rebuild is through."""
    left: dict[int, list[str]] = {}
    for raid, images in sorted(departure.lost_images(found).items()):
        left.setdefault(max(0, spared_losses(raid, found) - len(images)), []).append(raid)
    for count, raids in sorted(left.items()):
        names = ", ".join(raids)
        if count:
            yield f"Until they are whole, {names} can bear {count} more lost disk{_s(count)}."
        else:
            yield (
                f"Warning: no redundancy is left in {names}. If another of its disks fails before "
                f"the rebuild is through, data is lost: have a backup, and pull nothing."
            )
    standing = {raid for item in departure.here for raid in images_on(item.member)}
    if read := sorted(raid for raid in standing if departure.no_loss_borne(raid, found)):
        yield f"All of {', '.join(read)} is read before, so that the rebuild can read it too."
    gone = {item.member.pv_uuid for item in departure.leaving}
    for member in found.members:
        if left and not member.missing and member.mismatches and member.pv_uuid not in gone:
            yield (
                f"Warning: disk {member.serial} had {member.mismatches} blocks that failed their "
                f"checksum; the rebuild reads all of it."
            )


def _s(count: int) -> str:
    return "" if count == 1 else "s"
