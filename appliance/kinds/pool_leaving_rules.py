"""Whether disks may leave a pool: what LVM cannot do, and what would end in a loss. Pure."""

from __future__ import annotations

from appliance.kinds.pool_layout import EXTENT
from appliance.kinds.pool_leaving import Departure
from appliance.kinds.pool_pairing import Leaving
from appliance.kinds.pool_parts import COPYING, images_on, loose_on, spared_losses
from appliance.model.base import format_size
from appliance.model.pool import PoolFound


def check_departure(departure: Departure) -> None:
    """Raises RefusedError for what LVM cannot do, or what would end in a loss."""
    found = departure.build.found
    if found is None:
        return
    if departure.hollow and not departure.complete:
        names = ", ".join(sorted(departure.hollow))
        raise departure.refused(
            f"Pool '{departure.build.name}' misses another disk; LVM makes nothing of {names} anew "
            f"until that is back or replaced as well.",
            "Put the other missing disk back, or have it replaced too: appliance disk list",
        )
    if not departure.leaving:
        return
    _refuse_copying(departure, found)
    for item in departure.leaving:
        _check_target(departure, item)
        _check_loose(departure, item)
        _check_whole_images(departure, item, found)
    _check_redundancy(departure, found)
    if departure.here and not departure.complete:
        names = ", ".join(item.name for item in departure.here)
        raise departure.refused(
            f"Pool '{departure.build.name}' misses another disk; LVM cannot replace {names} until "
            f"it is complete.",
            "Have the missing disk replaced first: appliance disk list",
        )


def _refuse_copying(departure: Departure, found: PoolFound) -> None:
    """Nothing here uses pvmove(8): somebody else does. While it runs, nobody can tell which
    images are on a disk."""
    if any(map(COPYING.fullmatch, found.logical_volumes)):
        raise departure.refused(
            f"Somebody has LVM copy (pvmove) what is on a disk of pool '{departure.build.name}'; "
            "until that is over no disk of it can be replaced.",
            "Do not let it go on where its disk has errors: LVM takes what it could not read "
            "for copied. Give it up with: pvmove --abort",
        )


def _check_target(departure: Departure, item: Leaving) -> None:
    target = item.target
    if target is None or item.empty:
        return
    held = images_on(target.member) if target.member else {}
    if images_on(item.member).keys() & held.keys():
        return  # what it has to take up lies there already, in part: LVM knows the rest
    if target.free < item.used:
        raise departure.refused(
            f"Disk {target.serial} is too small to take the place of {item.name}: "
            f"{format_size(target.free * EXTENT)} can be used on it, and "
            f"{format_size(item.used * EXTENT)} are needed.",
            "Choose a larger disk: appliance disk list",
        )


def _check_loose(departure: Departure, item: Leaving) -> None:
    loose = loose_on(item.member)
    if not loose:
        return
    lost = item.member.missing
    raise departure.refused(
        f"{', '.join(loose)} of pool '{departure.build.name}' {'lay' if lost else 'lies'} on the "
        f"{'missing ' if lost else ''}disk {item.name} alone, without redundancy.",
        f"{'Put the disk back' if lost else 'Save that data, and move it'}. If it may go, "
        f"remove those volumes by hand: lvremove {departure.build.make.vg}/{loose[0]}",
    )


def _check_whole_images(departure: Departure, item: Leaving, found: PoolFound) -> None:
    """A tier that grew has images over several disks; LVM rebuilds an image as a whole.

    What lies of it on the other disks is room for it only once it is lost, and LVM then forgets
    all disks that it misses.
    """
    partners = departure.partners(item, found)
    if partners and not item.member.missing:
        names = ", ".join(other.serial or other.pv_uuid for other in partners)
        raise departure.refused(
            f"Tier {item.tier} of pool '{departure.build.name}' has grown: what is on {item.name} "
            f"goes on on {names}. LVM can only rebuild all of it, and there is no room for that "
            f"while {item.name} is there.",
            f"Replace {names} in the same change, by as many new disks. Or scrub the pool, pull "
            f"{item.name} and have it replaced as a lost disk: one new disk is enough then.",
        )
    if departure.torn(item, found) and not departure.complete:
        raise departure.refused(
            f"Pool '{departure.build.name}' misses another disk. To make anew what lay on "
            f"{item.name}, LVM has to give up every disk that is missing, and not all of them "
            f"leave.",
            "Put back the other missing disk, or have both replaced in one change: "
            "appliance disk list",
        )


def _check_redundancy(departure: Departure, found: PoolFound) -> None:
    """Neither what is lost nor what is to be rebuilt may be more than the RAID bears."""
    for item in departure.here:
        health = departure.tier_of(item).health
        if item.doubtful and health:
            raise departure.refused(
                f"{item.where} does not return all of its data, and tier {item.tier} of pool "
                f"'{departure.build.name}' is not well: LVM says '{health}'.",
                "Another image may be lost: have that one replaced first. See: appliance status",
            )
    for raid, images in departure.lost_images(found).items():
        bears = spared_losses(raid, found)
        if len(images) > bears:
            raise departure.refused(
                f"{raid} of pool '{departure.build.name}' bears the loss of {bears} of its "
                f"images, and {len(images)} are lost or not readable.",
                "Put a lost disk back: its data is needed. Nothing is done until then.",
            )
