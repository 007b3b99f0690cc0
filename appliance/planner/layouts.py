"""The ways to make pools of the disks there are: pure arithmetic over sizes and media.

Rules: a RAID 6 is at most 14 disks wide, since the longer a rebuild reads the likelier another
disk fails meanwhile; more disks make several pools. From 10 disks on one of 30 stays free as a
spare. Flash beside hard disks becomes the performance tier and a cache of the capacity tier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

from appliance.errors import InvalidInputError
from appliance.kinds.pool_layout import EXTENT, MIB, TierWish, carve, disk_extents, fits, stripes
from appliance.model.disk import Disk, Medium
from appliance.model.pool import RaidLevel, TierName
from appliance.model.setup import Layout, LayoutTier

WIDEST: Final = 14
"""Disks of one RAID 6 at most."""
SPARES_FROM: Final = 10
DISKS_A_SPARE: Final = 30
CACHE_SHARE: Final = 4
"""A cache takes one part in so many of the smallest flash disk."""
CACHE_STEP: Final = 64 * MIB

_OFFERED_TO: Final = {RaidLevel.RAID5: 8, RaidLevel.RAID1: 3}
"""Disks up to which a level is worth a thought."""
_ORDER: Final = (RaidLevel.RAID6, RaidLevel.RAID10, RaidLevel.RAID5, RaidLevel.RAID1)
_TITLES: Final = {
    RaidLevel.RAID6: "double parity: most capacity that survives two lost disks",
    RaidLevel.RAID10: "mirrored pairs: half the capacity, fast writes and short rebuilds",
    RaidLevel.RAID5: "single parity: most capacity, and nothing left while a disk is rebuilt",
    RaidLevel.RAID1: "mirrors: every disk holds everything",
}


def layouts(disks: Sequence[Disk], pool: str = "data") -> tuple[Layout, ...]:
    """The layouts of usable disks, the recommended one first; each level once."""
    slow = [disk for disk in disks if disk.medium is not Medium.SSD]
    fast = [disk for disk in disks if disk.medium is Medium.SSD]
    if len(slow) >= 2:  # noqa: PLR2004 - fewer cannot be protected
        tier, main, beside = TierName.CAPACITY, slow, fast
    else:
        tier, main, beside = TierName.PERFORMANCE, fast, []
    made = [
        layout
        for raid in _ORDER
        if len(main) <= _OFFERED_TO.get(raid, len(main))
        and (layout := _layout(raid, tier, main, beside, pool)) is not None
    ]
    return tuple(
        layout.model_copy(update={"recommended": not index}) for index, layout in enumerate(made)
    )


def _layout(
    raid: RaidLevel, tier: TierName, main: Sequence[Disk], beside: Sequence[Disk], pool: str
) -> Layout | None:
    """The layout with this level on the main tier; None where it does not fit."""
    members = _members(raid, main)
    if not members:
        return None
    widths = _widths(raid, len(members))
    parts = [tuple(members[a:b]) for a, b in pairwise(accumulate(widths, initial=0))]
    names = [pool] if len(parts) == 1 else [f"{pool}{index}" for index in range(1, len(parts) + 1)]
    flash = _flash_of(len(parts), beside)
    tiers: list[LayoutTier] = []
    site: dict[str, Any] = {}
    for name, part, extra in zip(names, parts, flash, strict=True):
        try:
            own, table = _pool(name, raid, tier, part, extra)
        except InvalidInputError:
            return None
        tiers += own
        site[name] = table
    used = {serial for item in tiers for serial in item.disks}
    least = min(disk.size or 0 for disk in members)
    spares = tuple(
        disk.serial for disk in main if disk.serial not in used and (disk.size or 0) >= least
    )
    unused = tuple(
        disk.serial for disk in (*main, *beside) if disk.serial not in used | set(spares)
    )
    return Layout(
        name=raid.value,
        title=_TITLES[raid],
        usable=sum(item.usable for item in tiers),
        raw=sum(disk.size or 0 for disk in (*main, *beside) if disk.serial in used),
        survives=min(item.survives for item in tiers),
        tiers=tuple(tiers),
        spares=spares,
        unused=unused,
        notes=tuple(_notes(raid, parts, len(spares), len(unused))),
        site={"pool": site},
    )


def _members(raid: RaidLevel, disks: Sequence[Disk]) -> list[Disk]:
    """The disks that give most room together, spares apart, in the order they were given.

    The smallest disk sets the size of every image, so a small one may cost more than it gives.
    """
    ordered = sorted(disks, key=lambda disk: -(disk.size or 0))
    best, room = 0, 0
    for count in range(2, len(ordered) + 1):
        taken = _taken(raid, count)
        width = sum(stripes(raid, part) for part in _widths(raid, taken))
        gain = width * (ordered[count - 1].size or 0) if _allowed(raid, taken) else 0
        if gain > room:
            best, room = count, gain
    chosen = {disk.serial for disk in ordered[: _taken(raid, best)]}
    return [disk for disk in disks if disk.serial in chosen]


def _taken(raid: RaidLevel, disks: int) -> int:
    """How many of so many disks hold data."""
    taken = disks - _spares(disks)
    return taken - taken % 2 if raid is RaidLevel.RAID10 else taken


def _spares(disks: int) -> int:
    return -(-disks // DISKS_A_SPARE) if disks >= SPARES_FROM else 0


def _allowed(raid: RaidLevel, disks: int) -> bool:
    return disks > 0 and all(fits(raid, width) for width in _widths(raid, disks))


def _widths(raid: RaidLevel, disks: int) -> list[int]:
    """How many disks each pool gets: as equal as can be."""
    pools = -(-disks // WIDEST) if raid is RaidLevel.RAID6 else 1
    return [disks // pools + (index < disks % pools) for index in range(pools)] if disks else []


def _flash_of(pools: int, flash: Sequence[Disk]) -> list[tuple[Disk, ...]]:
    """Flash for each pool, in pairs; where there are too few pairs, the first pools have them."""
    pairs = len(flash) // 2
    shares = [2 * (pairs // pools + (index < pairs % pools)) for index in range(pools)]
    return [tuple(flash[a:b]) for a, b in pairwise(accumulate(shares, initial=0))]


def _pool(
    name: str, raid: RaidLevel, tier: TierName, disks: tuple[Disk, ...], flash: tuple[Disk, ...]
) -> tuple[list[LayoutTier], dict[str, Any]]:
    """The tiers of one pool and its table. Raises InvalidInputError where the disks are too small."""
    second = RaidLevel.RAID1 if len(flash) == 2 else RaidLevel.RAID10  # noqa: PLR2004 - a pair
    parts = {tier: (raid, disks)} | ({TierName.PERFORMANCE: (second, flash)} if flash else {})
    cache = 0
    if flash:
        cache = min(disk.size or 0 for disk in flash) // CACHE_SHARE // CACHE_STEP * CACHE_STEP
    total = {
        disk.serial: disk_extents(disk.size or 0, integrity=which is TierName.CAPACITY)
        for which, (_, own) in parts.items()
        for disk in own
    }
    wishes = tuple(
        TierWish(
            tier=which,
            raid=level,
            disks=tuple(disk.serial for disk in own),
            data=True,
            metadata=True,
            cache=cache if which is TierName.CAPACITY else 0,
        )
        for which, (level, own) in parts.items()
    )
    carved = carve(total, total, wishes, spare=True)
    tiers: list[LayoutTier] = []
    table: dict[str, Any] = {}
    for wish in wishes:
        data = carved.tiers[wish.tier].data
        tiers.append(
            LayoutTier(
                pool=name,
                tier=wish.tier,
                raid=wish.raid,
                disks=wish.disks,
                usable=data.extents * EXTENT if data else 0,
                survives=survives(wish.raid, len(wish.disks)),
            )
        )
        table[wish.tier.value] = {"disks": list(wish.disks), "raid": wish.raid.value} | (
            {"cache": wish.cache} if wish.cache else {}
        )
    return tiers, table


def survives(raid: RaidLevel, disks: int) -> int:
    """How many disks may be lost at once, whichever they are (lvmraid(7))."""
    match raid:
        case RaidLevel.RAID1:
            return disks - 1
        case RaidLevel.RAID6:
            return 2
        case RaidLevel.RAID5 | RaidLevel.RAID10:
            return 1


def _notes(
    raid: RaidLevel, parts: list[tuple[Disk, ...]], spares: int, unused: int
) -> Iterator[str]:
    if len(parts) > 1:
        widths = sorted({len(part) for part in parts})
        yield (
            f"{len(parts)} pools of {' or '.join(map(str, widths))} disks: at most {WIDEST} share "
            "one parity, so that a rebuild reads few."
        )
    if spares:
        yield f"{_disks(spares)} free, to take the place of a lost one."
    if unused:
        yield (
            f"{_disks(unused)} out: too small beside the others, whose images the smallest disk "
            "sizes, or without a pair."
        )
    if raid is RaidLevel.RAID5:
        yield "While one disk is rebuilt, a bad sector on any other is lost data."


def _disks(count: int) -> str:
    return "1 disk stays" if count == 1 else f"{count} disks stay"
