"""What lies on a pool's disks, read off the names LVM gives the parts of its volumes. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from appliance.model.pool import MemberFound, PoolFound, RaidLevel, TierFound, TierName

_SPARE: Final = re.compile(r"\[?(lvol\d+_pmspare)\]?")
"""LVM's name for the spare of the thin pools' metadata: linear, and lost with its disk. The number is
0 unless the name was taken, as by what a power cut left of an earlier one."""

SPARE_MAKER: Final = "spare_maker"
"""The thin pool that is made only because LVM makes the spare along with it."""

COPYING: Final = re.compile(r"\[?pvmove\d+(_mimage_\d+)?\]?")
"""LVM's names for the mirror by which pvmove(8) copies, and for its halves."""

MIRROR_IMAGES: Final = 2
"""Images of the mirrors that a tier's metadata and its cache are (pool_layout)."""

_PART: Final = re.compile(r"(?P<raid>.+)_r(?:image|meta)_(?P<index>\d+)")


def images_on(member: MemberFound) -> Mapping[str, frozenset[int]]:
    """RAID logical volume -> numbers of its images that lie, wholly or in part, on a member."""
    found: dict[str, frozenset[int]] = {}
    for name in member.volumes:
        match = _PART.fullmatch(name)
        if match:
            raid = match["raid"]
            found[raid] = found.get(raid, frozenset()) | {int(match["index"])}
    return found


def images_of(raid: str, found: PoolFound) -> frozenset[int]:
    """Numbers of a RAID's images that lie on a member, one that is lost too."""
    return frozenset[int]().union(*(images_on(item).get(raid, ()) for item in found.members))


def hollow_images(found: PoolFound) -> Mapping[str, frozenset[int]]:
    """RAID logical volume -> images that lie on no disk: they are errors from end to end.

    vgreduce(8) leaves them of images that lay, wholly or in part, on a disk it forgot.
    """
    hollow: dict[str, frozenset[int]] = {}
    for name in found.logical_volumes:
        match = _PART.fullmatch(name.strip("[]"))
        if match and int(match["index"]) not in images_of(match["raid"], found):
            raid = match["raid"]
            hollow[raid] = hollow.get(raid, frozenset()) | {int(match["index"])}
    return hollow


def goes_on(raid: str, images: frozenset[int], found: PoolFound) -> frozenset[str]:
    """Uuids of the members that hold parts of such of these images as lie over several: those of a
    tier that grew."""
    holders = {item.pv_uuid: images_on(item).get(raid, frozenset()) for item in found.members}
    over = {image for image in images if sum(image in holds for holds in holders.values()) > 1}
    return frozenset(uuid for uuid, holds in holders.items() if holds & over)


def raid_state(raid: str, found: PoolFound) -> TierFound | None:
    """The tier whose data lies on a RAID; None for metadata and caches."""
    return next((item for item in found.tiers.values() if item.raid_lv == raid), None)


def spare_of(found: PoolFound) -> str:
    """The name of the spare of the thin pools' metadata; empty where there is none."""
    names = map(_SPARE.fullmatch, found.logical_volumes)
    return next((match[1] for match in names if match), "")


def spare_on(member: MemberFound) -> str:
    """The name of the spare of the thin pools' metadata where it lies on a member, else empty."""
    return next((name for name in member.volumes if _SPARE.fullmatch(name)), "")


def raid_parts(member: MemberFound) -> tuple[str, ...]:
    """Hidden volumes on a member that are images of RAIDs or their metadata."""
    return tuple(name for name in member.volumes if _PART.fullmatch(name))


def tiers_on(member: MemberFound) -> frozenset[TierName]:
    """Tiers that have something on a member: a tier's metadata may lie on another's disks."""
    return frozenset(
        tier for tier in TierName for raid in images_on(member) if raid.startswith(tier)
    )


def loose_on(member: MemberFound) -> tuple[str, ...]:
    """Volumes on a member that no RAID protects; the spare, what makes it, and a copy on its way
    are none."""
    return tuple(
        name
        for name in member.volumes
        if not (
            _PART.fullmatch(name)
            or COPYING.fullmatch(name)
            or _SPARE.fullmatch(name)
            or _makes_spare(name)
        )
    )


def makes_spare(member: MemberFound) -> bool:
    """Whether the pool that makes the spare lies on a member: a job was cut off there."""
    return any(map(_makes_spare, member.volumes))


def _makes_spare(name: str) -> bool:
    return name.startswith(SPARE_MAKER)


def spared_losses(raid: str, found: PoolFound) -> int:
    """How many images of a RAID logical volume may be lost before data is.

    Metadata and caches are mirrors of two (pool_layout); a RAID 10 bears one loss in each pair,
    and which images are pairs is LVM's to say: it refuses by itself.
    """
    state = raid_state(raid, found)
    if state is None:
        return MIRROR_IMAGES - 1
    match state.raid:
        case RaidLevel.RAID6:
            return 2
        case RaidLevel.RAID1:
            return state.images - 1
        case RaidLevel.RAID10:
            return state.images // 2
        case RaidLevel.RAID5 | None:
            return 1
