"""Which disks a pool gives up, which take their places, and whether that may be done. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from appliance.errors import RefusedError
from appliance.kinds.pool_build import Place, PoolBuild, is_on, wanted_tiers
from appliance.kinds.pool_closed import once_opened
from appliance.kinds.pool_layout import EXTENT
from appliance.kinds.pool_parts import (
    MIRROR_IMAGES,
    goes_on,
    hollow_images,
    images_of,
    images_on,
    raid_state,
    spared_losses,
)
from appliance.kinds.pool_steps import pv_device, tag_text
from appliance.model.disk import Disk
from appliance.model.pool import (
    IN_SYNC,
    RECOVER,
    MemberFound,
    PoolFound,
    RaidLevel,
    TierFound,
    TierName,
)

_SOME_IMAGE: Final = -1
"""An image whose number nobody knows."""


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
class Departure:
    """All members a pool gives up at once, judged against what it found and what it wants."""

    build: PoolBuild
    """With the layers open that only have to be opened."""

    @classmethod
    def of(cls, build: PoolBuild) -> Departure:
        """The departure from what a pool is once all that is there is open."""
        if build.found is None:
            return cls(build)
        return cls(replace(build, found=once_opened(build.found, build.snapshot)))

    @cached_property
    def leaving(self) -> tuple[Leaving, ...]:
        """Members nobody wants any more, each with the disk that takes its place.

        Raises RefusedError when there is none for one that still holds something, or too many.
        """
        if self.build.found is None:
            return ()
        unwanted = sorted(
            self._unwanted(self.build.found), key=lambda item: (not item.member.missing, -item.used)
        )
        if not unwanted:
            return ()
        self._refuse_unfinished(self.build.found)
        matched = tuple(self._matched(unwanted))
        taken = {item.target.serial for item in matched if item.target}
        extra = [p.serial for p in self.build.places() if p.member is None]
        if extra := [serial for serial in extra if serial not in taken]:
            names = ", ".join(item.name for item in matched)
            raise self.refused(
                f"Pool '{self.build.name}' cannot give up {names} and take on "
                f"{', '.join(extra)} more at once.",
                "Name as many new disks as go; grow the pool when that is done.",
            )
        return matched

    @property
    def away(self) -> tuple[Leaving, ...]:
        """Those that are lost: what was on them is rebuilt from the others."""
        return tuple(item for item in self.leaving if item.member.missing)

    @property
    def here(self) -> tuple[Leaving, ...]:
        """Those that are still there: what is on them is rebuilt first, then they are dropped."""
        return tuple(item for item in self.leaving if not item.member.missing)

    @property
    def together(self) -> tuple[tuple[Leaving, ...], ...]:
        """Those that are still there, one after the other; at once only where an image lies over
        several. First what does not return all of its data: the others are then read without it."""
        groups: list[tuple[Leaving, ...]] = []
        for item in sorted(self.here, key=lambda item: not item.doubtful):
            mine = _images(item)
            joined = [group for group in groups if any(mine & _images(other) for other in group)]
            groups = [group for group in groups if group not in joined]
            groups.append((*(other for group in joined for other in group), item))
        return tuple(groups)

    @property
    def hollow(self) -> Mapping[str, frozenset[int]]:
        """RAID logical volume -> images that were let go and are not rebuilt yet."""
        return hollow_images(self.build.found) if self.build.found else {}

    @property
    def complete(self) -> bool:
        """No wanted member stays missing, so LVM lets go of the lost ones and takes new tags."""
        gone = {item.member.pv_uuid for item in self.leaving}
        found = self.build.found
        return not any(
            m.missing and m.pv_uuid not in gone for m in (found.members if found else ())
        )

    def tier_of(self, item: Leaving) -> TierFound:
        """The state of the tier a leaving member is in."""
        return self.build.tier_found(item.tier) if item.tier else TierFound()

    def mirrored(self, raid: str, found: PoolFound) -> bool:
        """Whether a RAID is given an image more before one of its images is dropped: a mirror, which
        metadata and caches are, with none of its images going on on a second disk."""
        state = raid_state(raid, found)
        level = RaidLevel.RAID1 if state is None else state.raid
        return level is RaidLevel.RAID1 and not goes_on(raid, images_of(raid, found), found)

    def partners(self, item: Leaving, found: PoolFound) -> tuple[MemberFound, ...]:
        """Members that stay and on which an image of a leaving one goes on: its tier grew."""
        gone = {other.member.pv_uuid for other in self.leaving}
        over = frozenset[str]().union(
            *(goes_on(raid, images, found) for raid, images in images_on(item.member).items())
        )
        return tuple(m for m in found.members if m.pv_uuid in over - gone)

    def torn(self, item: Leaving, found: PoolFound) -> bool:
        """Whether LVM has to let go of what lay on a lost disk before it can mend: an image lay on
        it in part, or there is one too many."""
        spare = any(self.dropped(raid, found) for raid in images_on(item.member))
        return item.member.missing and (spare or bool(self.partners(item, found)))

    def surplus(self, raid: str, found: PoolFound) -> bool:
        """Whether a mirror has an image more than is wanted: a replacement was cut off there."""
        images = images_of(raid, found) | self.hollow.get(raid, frozenset())
        return self.mirrored(raid, found) and len(images) > self.wanted_images(raid)

    def dropped(self, raid: str, found: PoolFound) -> bool:
        """Whether what a mirror lost is dropped, not rebuilt: without it, and without those that
        have been handed over and go next, it has as many images as are wanted."""
        left = images_of(raid, found) - self.gone(raid)
        handed = sum(raid in images_on(item.member) and item.has(raid) for item in self.here)
        return self.surplus(raid, found) and len(left) - handed >= self.wanted_images(raid)

    def gone(self, raid: str) -> frozenset[int]:
        """Images of a RAID that lie, wholly or in part, on no disk or on one that is given up for
        lost."""
        away = (images_on(item.member).get(raid, frozenset()) for item in self.away)
        return self.hollow.get(raid, frozenset()).union(*away)

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

    def lost_images(self, found: PoolFound) -> Mapping[str, frozenset[int]]:
        """RAID logical volume -> images it is without at worst: those that are lost, let go, not
        whole yet or not wholly readable, and else the one that is rebuilt while the others stand.
        """
        lost: dict[str, frozenset[int]] = dict(self.hollow)
        doubtful = {item.member.pv_uuid for item in self.here if item.doubtful}
        for member in found.members:
            if member.missing or member.pv_uuid in doubtful:
                _add(lost, images_on(member))
        late = {tier.raid_lv: self._not_whole_yet(tier) for tier in found.tiers.values()}
        _add(lost, {raid: images for raid, images in late.items() if raid in lost})
        for group in self.together:
            at_once: dict[str, frozenset[int]] = {}
            for raid, image in frozenset[tuple[str, int]]().union(*map(_images, group)):
                if not self.mirrored(raid, found):
                    at_once[raid] = at_once.get(raid, frozenset()) | {image}
            lost |= {
                raid: images
                for raid, images in at_once.items()
                if len(images) > len(lost.get(raid, ()))
            }
        return lost

    def _not_whole_yet(self, state: TierFound) -> frozenset[int]:
        """Images that are being rebuilt, and so no source of anything."""
        if state.sync_percent >= IN_SYNC or state.sync_action != RECOVER:
            return frozenset()
        fresh = [p.member for p in self.build.places() if p.member is not None and not p.tagged]
        images = (images_on(member).get(state.raid_lv, frozenset()) for member in fresh)
        return frozenset[int]().union(*images) or frozenset({_SOME_IMAGE})

    def no_loss_borne(self, raid: str, found: PoolFound) -> bool:
        """Whether each block has but one source left while an image of a RAID is rebuilt."""
        if self.mirrored(raid, found):
            return False
        state = raid_state(raid, found)
        pairs = state is not None and state.raid is RaidLevel.RAID10
        lost = self.lost_images(found).get(raid, frozenset())
        return pairs or spared_losses(raid, found) <= len(lost)

    def refused(self, message: str, hint: str) -> RefusedError:
        """The error of what this pool does not do."""
        return RefusedError(message, hint=hint, subject=f"pool/{self.build.name}")

    # --- who leaves

    def _unwanted(self, found: PoolFound) -> Iterator[Leaving]:
        wanted = {
            tag_text(serial): tier
            for tier in wanted_tiers(self.build.spec)
            for serial in self.build.spec.tier(tier).disks
        }
        for tier, state in found.tiers.items():
            for member in state.members:
                home = wanted.get(member.serial) if member.serial else None
                if home is None:
                    yield Leaving(member, tier, self._disk_of(member))
                elif home is not tier:
                    raise self.refused(
                        f"Disk {member.serial} of pool '{self.build.name}' cannot move from tier "
                        f"{tier} to tier {home}.",
                        "Leave it where it is, or name another disk.",
                    )
        for member in found.untagged:
            if not self._is_wanted(member):
                yield Leaving(member, self._tier_by_name(member), self._disk_of(member))

    def _tier_by_name(self, member: MemberFound) -> TierName | None:
        """Metadata and caches lie on the fast tier whatever tier they are of."""
        raids = images_on(member)
        for tier in TierName:
            if self.build.tier_found(tier).raid_lv in raids:
                return tier
        if not raids:
            return None
        fast = self.build.spec.performance is not None
        return TierName.PERFORMANCE if fast else TierName.CAPACITY

    def _is_wanted(self, member: MemberFound) -> bool:
        return any(is_on(member, place.serial, place.disk) for place in self.build.places())

    def _disk_of(self, member: MemberFound) -> Disk | None:
        disks = (disk for disk in self.build.snapshot.disks if not disk.missing)
        found = next((disk for disk in disks if is_on(member, disk.serial, disk)), None)
        if found is not None:
            return found
        gone = (disk for disk in self.build.snapshot.disks if disk.missing)
        return next((disk for disk in gone if is_on(member, disk.serial, disk)), None)

    # --- who comes

    def _matched(self, unwanted: list[Leaving]) -> Iterator[Leaving]:
        taken: dict[str, list[Leaving]] = {}
        for item in sorted(unwanted, key=self._choices):
            places = [p for p in self.build.places() if self._shares(item, taken.get(p.serial, []))]
            target = self._target(item, [p for p in places if item.tier in (None, p.tier)])
            if target is None and not item.empty:
                raise self.refused(
                    f"Tier {item.tier} of pool '{self.build.name}' cannot give up {item.name}.",
                    "A pool does not shrink: keep the disk in the spec, or name another one in "
                    "its place. To start anew, remove the pool (its data will be gone).",
                )
            if target is not None:
                taken.setdefault(target.serial, []).append(item)
            yield replace(item, target=target)

    def _choices(self, item: Leaving) -> tuple[bool, int]:
        """First those that began to hand over, then those with the fewest disks to choose from."""
        places = [p for p in self.build.places() if item.tier in (None, p.tier)]
        fitting = [p for p in places if self._fits(item, p)]
        begun = any(self._moved_to(item, p) for p in fitting)
        return not begun, len(fitting)

    def _moved_to(self, item: Leaving, place: Place) -> bool:
        """Whether a mirror was given its image more there already: LVM puts a new one last."""
        found = self.build.found
        if place.member is None or found is None:
            return False
        held = images_on(place.member)
        return any(
            self.surplus(raid, found) and max(images_of(raid, found)) in held.get(raid, ())
            for raid in images_on(item.member)
        )

    def _fits(self, item: Leaving, place: Place) -> bool:
        """Whether its disk holds no other image of what the leaving one holds. Of a mirror that has
        an image more already, it may hold any."""
        mine, found = images_on(item.member), self.build.found
        if place.member is None or found is None:
            return True
        if item.member.holds_data and place.member.holds_data and not mine:
            return False
        shared = mine.keys() & images_on(place.member).keys()
        return all(self.surplus(raid, found) for raid in shared)

    def _shares(self, item: Leaving, others: list[Leaving]) -> bool:
        """Whether the disk that takes the place of others can take that of one more.

        Only where a new disk was lost when it had taken over some of the mirrors on an old one,
        lost or not: the one that comes in its stead takes those, and the old one's rest.
        """
        found = self.build.found
        if not others or found is None:
            return True
        (other, *more) = others
        moved = {raid for raid in images_on(other.member) if not self.surplus(raid, found)}
        half_done = other.member.missing or item.member.missing
        return half_done and not more and not moved & images_on(item.member).keys()

    def _target(self, item: Leaving, places: list[Place]) -> Place | None:
        """The place whose disk takes up what the leaving one holds: the newest first."""
        fitting = [place for place in places if self._fits(item, place)]
        if item.empty:
            fitting = [place for place in fitting if place.member is None]
        order = {None: 0, False: 1, True: 2}
        fitting.sort(
            key=lambda p: (
                not self._moved_to(item, p),
                order[None if p.member is None else p.tagged],
                -p.free,
            )
        )
        return fitting[0] if fitting else None

    def _refuse_unfinished(self, found: PoolFound) -> None:
        if all(state.thin_pool for state in found.tiers.values()):
            return
        raise self.refused(
            f"Pool '{self.build.name}' is only half made; its disks stay until it is whole.",
            "Finish making it first: appliance job list",
        )


def _add(lost: dict[str, frozenset[int]], more: Mapping[str, frozenset[int]]) -> None:
    for raid, images in more.items():
        lost[raid] = lost.get(raid, frozenset()) | images


def _images(item: Leaving) -> frozenset[tuple[str, int]]:
    """The RAID images on a leaving member, wholly or in part."""
    return frozenset(
        (raid, image) for raid, images in images_on(item.member).items() for image in images
    )
