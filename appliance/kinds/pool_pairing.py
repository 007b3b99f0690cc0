"""Which wanted disk takes the place of which leaving one, from whatever stands of that already. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from appliance.errors import RefusedError
from appliance.kinds.pool_build import Place, PoolBuild, wanted_tiers
from appliance.kinds.pool_layout import EXTENT
from appliance.kinds.pool_parts import (
    MIRROR_IMAGES,
    goes_on,
    hollow_images,
    images_of,
    images_on,
    raid_state,
)
from appliance.kinds.pool_steps import pv_device
from appliance.model.disk import Disk
from appliance.model.pool import MemberFound, PoolFound, RaidLevel, TierName


@dataclass(frozen=True)
class Leaving:
    """A member that is in the pool and no longer wanted there."""

    member: MemberFound
    tier: TierName | None
    """None for one whose tier was never written down."""
    disk: Disk | None
    """None when it is not in the node."""
    target: Place | None = None
    """The wanted disk that takes its place; None when it holds nothing any more."""

    @property
    def used(self) -> int:
        """Extents that have to go somewhere."""
        return (self.member.size - self.member.free) // EXTENT

    @property
    def empty(self) -> bool:
        """Nothing lies on it any more, so it can simply go."""
        return not (self.member.volumes or self.member.holds_data)

    def has(self, raid: str) -> bool:
        """Whether the disk that takes its place has its image of a mirror already."""
        member = self.target.member if self.target else None
        return member is not None and raid in images_on(member)

    @property
    def doubtful(self) -> bool:
        """It is there, and has returned blocks that failed their checksum."""
        return not self.member.missing and bool(self.member.mismatches)

    @property
    def name(self) -> str:
        """Serial, or LVM's own id where nobody wrote the serial down."""
        return self.member.serial or self.member.pv_uuid

    @property
    def device(self) -> str:
        """Its physical volume by a path that lasts: a rebuild takes hours, and sdX may change."""
        if self.disk is None or self.disk.missing:
            return self.member.pv
        return pv_device(self.disk, integrity=self.member.integrity)

    @property
    def where(self) -> str:
        """The disk in words."""
        return self.disk.where if self.disk and self.disk.bay else f"serial {self.name}"


@dataclass(frozen=True)
class Mirrors:
    """The mirrors of a pool: how many images each has, and how many it is to have."""

    build: PoolBuild
    found: PoolFound

    @cached_property
    def hollow(self) -> Mapping[str, frozenset[int]]:
        """RAID logical volume -> images that were let go and are not rebuilt yet."""
        return hollow_images(self.found)

    def mirrored(self, raid: str) -> bool:
        """Whether a RAID is given an image more before one of its images is dropped: a mirror, which
        metadata and caches are, with none of its images going on on a second disk."""
        state = raid_state(raid, self.found)
        level = RaidLevel.RAID1 if state is None else state.raid
        return level is RaidLevel.RAID1 and not goes_on(
            raid, images_of(raid, self.found), self.found
        )

    def surplus(self, raid: str) -> bool:
        """Whether a mirror has an image more than is wanted: a replacement was cut off there."""
        images = images_of(raid, self.found) | self.hollow.get(raid, frozenset())
        return self.mirrored(raid) and len(images) > self.wanted_images(raid)

    def wanted_images(self, raid: str) -> int:
        """How many images a mirror has in the end."""
        return next(
            (
                len(self.build.spec.tier(tier).disks)
                for tier in wanted_tiers(self.build.spec)
                if self.build.tier_found(tier).raid_lv == raid
            ),
            MIRROR_IMAGES,
        )


@dataclass(frozen=True)
class Pairing:
    """Who takes whose place."""

    mirrors: Mirrors

    @property
    def build(self) -> PoolBuild:
        """The pool that is wanted."""
        return self.mirrors.build

    def pairs(self, unwanted: list[Leaving]) -> Iterator[Leaving]:
        """Each with the disk that takes its place. Raises RefusedError where there is none for one
        that still holds something."""
        taken: dict[str, list[Leaving]] = {}
        for item in sorted(unwanted, key=self._choices):
            mine = [p for p in self.build.places() if item.tier in (None, p.tier)]
            open_to_it = [p for p in mine if self._shares(item, taken.get(p.serial, []))]
            target = self._target(item, open_to_it, frozenset(taken))
            if target is None and not item.empty:
                raise RefusedError(
                    f"Tier {item.tier} of pool '{self.build.name}' cannot give up {item.name}.",
                    hint="A pool does not shrink: keep the disk in the spec, or name another one in "
                    "its place. To start anew, remove the pool (its data will be gone).",
                    subject=f"pool/{self.build.name}",
                )
            if target is not None:
                taken.setdefault(target.serial, []).append(item)
            yield replace(item, target=target)

    def _choices(self, item: Leaving) -> tuple[bool, bool, int]:
        """First those that began to hand over, those that are still there before those that were
        lost then; after them those with the fewest disks to choose from."""
        places = [p for p in self.build.places() if item.tier in (None, p.tier)]
        fitting = [p for p in places if self._fits(item, p)]
        begun = any(self._moved_to(item, p) for p in fitting)
        return not begun, begun and item.member.missing, len(fitting)

    def _moved_to(self, item: Leaving, place: Place) -> bool:
        """Whether a mirror was given its image more there already: LVM puts a new one last."""
        if place.member is None:
            return False
        held = images_on(place.member)
        return any(
            self.mirrors.surplus(raid)
            and max(images_of(raid, self.mirrors.found)) in held.get(raid, ())
            for raid in images_on(item.member)
        )

    def _fits(self, item: Leaving, place: Place) -> bool:
        """Whether its disk holds no other image of what the leaving one holds. Of a mirror that has
        an image more already, it may hold any."""
        mine = images_on(item.member)
        if place.member is None:
            return True
        if item.member.holds_data and place.member.holds_data and not mine:
            return False
        shared = mine.keys() & images_on(place.member).keys()
        return all(self.mirrors.surplus(raid) for raid in shared)

    def _shares(self, item: Leaving, others: list[Leaving]) -> bool:
        """Whether the disk that takes the place of others can take that of one more.

        Only where a new disk was lost when it had taken over some of the mirrors on an old one,
        lost or not: the one that comes in its stead takes those, and the old one's rest.
        """
        if not others:
            return True
        (other, *more) = others
        moved = {raid for raid in images_on(other.member) if not self.mirrors.surplus(raid)}
        half_done = other.member.missing or item.member.missing
        return half_done and not more and not moved & images_on(item.member).keys()

    def _target(self, item: Leaving, places: list[Place], taken: frozenset[str]) -> Place | None:
        """The place whose disk takes up what the leaving one holds: where it began to hand over
        if no other one did, else the newest."""
        fitting = [place for place in places if self._fits(item, place)]
        if item.empty:
            fitting = [place for place in fitting if place.member is None]
        order = {None: 0, False: 1, True: 2}

        def rank(place: Place) -> tuple[bool, int, int]:
            begun = self._moved_to(item, place) and place.serial not in taken
            return not begun, order[None if place.member is None else place.tagged], -place.free

        return min(fitting, key=rank, default=None)
