"""Where a pool's logical volumes go and how big they are: pure arithmetic over extents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from appliance.errors import InvalidInputError
from appliance.model.base import format_size
from appliance.model.pool import RaidLevel, TierName

KIB: Final = 2**10
MIB: Final = 2**20
GIB: Final = 2**30
TIB: Final = 2**40

EXTENT: Final = 4 * MIB
"""LVM's default physical extent, written into vgcreate so that sizes can be planned on it."""

CHUNK_NEEDS: Final = 48
"""Bytes of metadata for a chunk, as the kernel's thin-provisioning.rst reckons."""
CHUNK_COST: Final = 128
"""What a chunk is given: twice 64 leaves room for snapshots."""

MINIMUM_DISKS: Final[Mapping[RaidLevel, int]] = MappingProxyType(
    {RaidLevel.RAID1: 2, RaidLevel.RAID5: 3, RaidLevel.RAID6: 5, RaidLevel.RAID10: 4}
)
"""lvmraid(7): raid6 takes at least three data stripes beside its two parity devices."""


@dataclass(frozen=True)
class TierWish:
    """What of a tier is still to be made."""

    tier: TierName
    raid: RaidLevel
    disks: tuple[str, ...]
    data: bool
    metadata: bool
    cache: int = 0
    """Bytes; 0 when there is none to make."""


@dataclass(frozen=True)
class Placed:
    """A logical volume of so many usable extents on these disks."""

    extents: int
    disks: tuple[str, ...]


@dataclass(frozen=True)
class TierLayout:
    """Where the parts of a tier that are still to be made go."""

    data: Placed | None = None
    metadata: Placed | None = None
    cache: Placed | None = None


@dataclass(frozen=True)
class PoolLayout:
    """The whole carve."""

    tiers: Mapping[TierName, TierLayout]
    spare_disk: str
    """The disk whose room is kept for the spare of the thin pools' metadata."""
    left: Mapping[str, int]
    """Extents on each disk that nothing can use, the reserve for repairs apart."""


@dataclass
class _Carver:
    free: dict[str, int]
    total: Mapping[str, int]
    tiers: dict[TierName, TierLayout] = field(default_factory=dict)

    def mirror(
        self, extents: int, disks: Iterable[str], what: str, rather: frozenset[str] = frozenset()
    ) -> Placed:
        """A mirror of two on the emptiest disks; each leg has one more extent of RAID metadata."""
        pair = sorted(disks, key=lambda disk: (disk not in rather, -self.free[disk]))[:2]
        for disk in pair:
            if self.free[disk] < extents + 1:
                raise _no_room(what, extents, self.free[disk])
            self.free[disk] -= extents + 1
        return Placed(extents, tuple(pair))

    def data(self, wish: TierWish) -> Placed:
        """The biggest RAID that fits beside what is there, the reserve kept."""
        image = min(self.free[disk] - reserve(self.total[disk]) - 1 for disk in wish.disks)
        if image < 1:
            raise _no_room(f"the data of tier {wish.tier}", 1, 0)
        for disk in wish.disks:
            self.free[disk] -= image + 1
        return Placed(image * stripes(wish.raid, len(wish.disks)), wish.disks)


def carve(
    free: Mapping[str, int],
    total: Mapping[str, int],
    wishes: tuple[TierWish, ...],
    *,
    spare: bool,
    fastest: frozenset[str] = frozenset(),
) -> PoolLayout:
    """Fit everything still missing: mirrors of fixed size first, then the data in what is left.

    `free` and `total` are extents by disk. Metadata and cache lie on the performance disks where
    there are any, the cache on the `fastest` of them. Raises InvalidInputError when something does not fit.
    """
    carver = _Carver(dict(free), total)
    fast = next((wish.disks for wish in wishes if wish.tier is TierName.PERFORMANCE), ())
    cache = {
        wish.tier: carver.mirror(extents_of(wish.cache), fast, "the cache", fastest)
        for wish in wishes
        if wish.cache
    }
    metadata = {
        wish.tier: carver.mirror(
            metadata_extents(_rough_data(wish, total)), fast or wish.disks, "its metadata"
        )
        for wish in wishes
        if wish.metadata
    }
    spare_disk = ""
    if spare:
        spare_disk = max(fast or wishes[0].disks, key=lambda disk: carver.free[disk])
        carver.free[spare_disk] -= max(
            metadata_extents(_rough_data(wish, total)) for wish in wishes
        )
    tiers = {
        wish.tier: TierLayout(
            data=carver.data(wish) if wish.data else None,
            metadata=metadata.get(wish.tier),
            cache=cache.get(wish.tier),
        )
        for wish in wishes
    }
    left = {disk: max(0, n - reserve(total[disk])) for disk, n in carver.free.items()}
    return PoolLayout(tiers, spare_disk, left)


def stripes(raid: RaidLevel, disks: int) -> int:
    """How many disks' worth of room such a RAID gives."""
    match raid:
        case RaidLevel.RAID1:
            return 1
        case RaidLevel.RAID5:
            return disks - 1
        case RaidLevel.RAID6:
            return disks - 2
        case RaidLevel.RAID10:
            return disks // 2


def fits(raid: RaidLevel, disks: int) -> bool:
    """Whether LVM makes such a RAID of so many disks."""
    return disks >= MINIMUM_DISKS[raid] and not (raid is RaidLevel.RAID10 and disks % 2)


def extents_of(size: int) -> int:
    """Extents that hold so many bytes."""
    return -(-size // EXTENT)


def disk_extents(size: int, *, integrity: bool) -> int:
    """Extents LVM will find on a disk, rather one too few: 1 MiB of its own goes first."""
    return ((integrity_payload(size) if integrity else size) - MIB) // EXTENT


def integrity_payload(size: int) -> int:
    """What dm-integrity leaves of a disk, rather a little too little.

    Superblock and bitmap area take 1/128 of the disk, 64 MiB at most; every 16 MiB of data have
    16 KiB of checksums, 4 bytes for each 4 KiB (kernel dm-integrity.rst; measured on 1 GiB,
    100 GiB and 2 TiB: at most 1.2 MiB more was there than this tells).
    """
    area = min(size // 128, 64 * MIB) + MIB
    return (size - area) * 1023 // 1024


def reserve(total: int) -> int:
    """Extents kept free on a disk for repairs: 1 %, 4 to 256 of them."""
    return min(max(total // 100, 4), 256)


def chunk_size(data: int) -> int:
    """Bytes of a thin pool's chunk: small ones copy less after a snapshot, but cost metadata.

    128 KiB to 4 TiB of data, then twice as much for each doubling, up to 4 MiB.
    """
    chunk = 128 * KIB
    while data // chunk > 2**25 and chunk < 4 * MIB:
        chunk *= 2
    return chunk


def chunk_behind(data: int, metadata: int) -> int:
    """The chunk a thin pool must have been made with, for so much metadata to have been enough.

    A pool keeps its chunk for good: one that grows needs metadata for many more of the small ones
    it began with, not for the large ones a new pool of its size would get.
    """
    chunk = 128 * KIB
    while data // chunk * CHUNK_COST > metadata and chunk < 4 * MIB:
        chunk *= 2
    return chunk


def metadata_extents(data: int, chunk: int = 0) -> int:
    """Extents of a thin pool's metadata, sized up front for snapshots and growth.

    `chunk` is that of a pool there is; a new one gets what `chunk_size` says. At least 32 MiB, at
    most 15.75 GiB, where the format ends.
    """
    wanted = data // (chunk or chunk_size(data)) * CHUNK_COST
    return extents_of(min(max(wanted, 32 * MIB), 63 * GIB // 4))


def _rough_data(wish: TierWish, total: Mapping[str, int]) -> int:
    image = min(total[disk] for disk in wish.disks)
    return image * stripes(wish.raid, len(wish.disks)) * EXTENT


def _no_room(what: str, extents: int, free: int) -> InvalidInputError:
    return InvalidInputError(
        f"There is no room for {what}: it needs {format_size((extents + 1) * EXTENT)} on each of "
        f"two disks, and {format_size(free * EXTENT)} are free.",
        hint="Give the pool larger or more disks, or a smaller cache.",
    )
