"""Which disks a pool gives up, which take their places, and whether that may be done. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from appliance.errors import RefusedError
from appliance.kinds.pool_build import Place, PoolBuild, is_on, wanted_tiers
from appliance.kinds.pool_closed import once_opened
from appliance.kinds.pool_layout import EXTENT
from appliance.kinds.pool_parts import COPYING, images_on, loose_on, spared_losses
from appliance.kinds.pool_steps import pv_device, tag_text
from appliance.model.base import format_size
from appliance.model.disk import Disk
from appliance.model.pool import MemberFound, PoolFound, RaidLevel, TierFound, TierName


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
        unwanted = sorted(self._unwanted(self.build.found), key=lambda item: -item.used)
        if not unwanted:
            return ()
        self._refuse_unfinished(self.build.found)
        matched = tuple(self._matched(unwanted))
        taken = {item.target.serial for item in matched if item.target}
        extra = [p.serial for p in self.build.places() if p.member is None]
        if extra := [serial for serial in extra if serial not in taken]:
            raise self._refused(
                f"Pool '{self.build.name}' cannot give up {_names(matched)} and take on "
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

    def lost_images(self, found: PoolFound) -> Mapping[str, frozenset[int]]:
        """RAID logical volume -> images it is without at worst: those that are lost or not wholly
        readable, and else the one that is rebuilt while the others stand."""
        doubtful = {item.member.pv_uuid for item in self.here if item.doubtful}
        lost: dict[str, frozenset[int]] = {}
        for member in found.members:
            if member.missing or member.pv_uuid in doubtful:
                for raid, images in images_on(member).items():
                    lost[raid] = lost.get(raid, frozenset()) | images
        for group in self.together:
            at_once: dict[str, frozenset[int]] = {}
            for raid, image in frozenset[tuple[str, int]]().union(*map(_images, group)):
                at_once[raid] = at_once.get(raid, frozenset()) | {image}
            lost |= {
                raid: images
                for raid, images in at_once.items()
                if len(images) > len(lost.get(raid, ()))
            }
        return lost

    def no_loss_borne(self, raid: str, found: PoolFound) -> bool:
        """Whether each block has but one source left while an image of a RAID is rebuilt."""
        state = next((item for item in found.tiers.values() if item.raid_lv == raid), None)
        pairs = state is not None and state.raid is RaidLevel.RAID10
        lost = self.lost_images(found).get(raid, frozenset())
        return pairs or spared_losses(raid, found) <= len(lost)

    def check(self) -> None:
        """Raises RefusedError for what LVM cannot do, or what would end in a loss."""
        found = self.build.found
        if found is None or not self.leaving:
            return
        self._refuse_copying(found)
        for item in self.leaving:
            self._check_target(item)
            self._check_loose(item)
            self._check_whole_images(item, found)
        self._check_redundancy(found)
        if self.here and not self.complete:
            raise self._refused(
                f"Pool '{self.build.name}' misses another disk; LVM cannot replace "
                f"{_names(self.here)} until it is complete.",
                "Have the missing disk replaced first: appliance disk list",
            )

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
                    raise self._refused(
                        f"Disk {member.serial} of pool '{self.build.name}' cannot move from tier "
                        f"{tier} to tier {home}.",
                        "Leave it where it is, or name another disk.",
                    )
        for member in found.untagged:
            if not self._is_wanted(member):
                yield Leaving(member, _tier_by_name(member), self._disk_of(member))

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
        taken: set[str] = set()
        for item in unwanted:
            places = [p for p in self.build.places() if p.serial not in taken]
            target = _target(item, [p for p in places if item.tier in (None, p.tier)])
            if target is None and not item.empty:
                raise self._refused(
                    f"Tier {item.tier} of pool '{self.build.name}' cannot give up {item.name}.",
                    "A pool does not shrink: keep the disk in the spec, or name another one in "
                    "its place. To start anew, remove the pool (its data will be gone).",
                )
            if target is not None:
                taken.add(target.serial)
            yield replace(item, target=target)

    # --- whether it may be done

    def _refuse_unfinished(self, found: PoolFound) -> None:
        if all(state.thin_pool for state in found.tiers.values()):
            return
        raise self._refused(
            f"Pool '{self.build.name}' is only half made; its disks stay until it is whole.",
            "Finish making it first: appliance job list",
        )

    def _refuse_copying(self, found: PoolFound) -> None:
        """Nothing here uses pvmove(8): somebody else does. While it runs, nobody can tell which
        images are on a disk."""
        if any(map(COPYING.fullmatch, found.logical_volumes)):
            raise self._refused(
                f"Somebody has LVM copy (pvmove) what is on a disk of pool '{self.build.name}'; "
                "until that is over no disk of it can be replaced.",
                "Do not let it go on where its disk has errors: LVM takes what it could not read "
                "for copied. Give it up with: pvmove --abort",
            )

    def _check_target(self, item: Leaving) -> None:
        target = item.target
        if target is None or item.empty:
            return
        if target.free < item.used:
            raise self._refused(
                f"Disk {target.serial} is too small to take the place of {item.name}: "
                f"{format_size(target.free * EXTENT)} can be used on it, and "
                f"{format_size(item.used * EXTENT)} are needed.",
                "Choose a larger disk: appliance disk list",
            )

    def _check_loose(self, item: Leaving) -> None:
        loose = loose_on(item.member)
        if not loose:
            return
        lost = item.member.missing
        raise self._refused(
            f"{', '.join(loose)} of pool '{self.build.name}' {'lay' if lost else 'lies'} on the "
            f"{'missing ' if lost else ''}disk {item.name} alone, without redundancy.",
            f"{'Put the disk back' if lost else 'Save that data, and move it'}. If it may go, "
            f"remove those volumes by hand: lvremove {self.build.make.vg}/{loose[0]}",
        )

    def _check_whole_images(self, item: Leaving, found: PoolFound) -> None:
        """A tier that grew has images over several disks; LVM rebuilds an image as a whole."""
        gone = {other.member.pv_uuid for other in self.leaving}
        for raid, lost in images_on(item.member).items():
            partners = [
                other.serial or other.pv_uuid
                for other in found.members
                if other.pv_uuid not in gone and lost & images_on(other).get(raid, frozenset())
            ]
            if partners:
                raise self._refused(
                    f"Tier {item.tier} of pool '{self.build.name}' has grown: what was on "
                    f"{item.name} goes on on {', '.join(partners)}, and LVM can only rebuild "
                    f"all of it.",
                    f"Replace {', '.join(partners)} in the same change, by as many new disks.",
                )

    def _check_redundancy(self, found: PoolFound) -> None:
        """Neither what is lost nor what is to be rebuilt may be more than the RAID bears."""
        for item in self.here:
            health = self.tier_of(item).health
            if item.doubtful and health:
                raise self._refused(
                    f"{item.where} does not return all of its data, and tier {item.tier} of pool "
                    f"'{self.build.name}' is not well: LVM says '{health}'.",
                    "Another image may be lost: have that one replaced first. See: "
                    "appliance status",
                )
        for raid, images in self.lost_images(found).items():
            bears = spared_losses(raid, found)
            if len(images) > bears:
                raise self._refused(
                    f"{raid} of pool '{self.build.name}' bears the loss of {bears} of its "
                    f"images, and {len(images)} are lost or not readable.",
                    "Put a lost disk back: its data is needed. Nothing is done until then.",
                )

    def _refused(self, message: str, hint: str) -> RefusedError:
        return RefusedError(message, hint=hint, subject=f"pool/{self.build.name}")


def _target(item: Leaving, places: list[Place]) -> Place | None:
    """The place whose disk holds no other image of what the leaving one holds: the newest first."""
    mine = images_on(item.member)

    def fits(place: Place) -> bool:
        if place.member is None:
            return True
        if item.member.holds_data and place.member.holds_data and not mine:
            return False
        return not mine.keys() & images_on(place.member).keys()

    fitting = [place for place in places if fits(place)]
    if item.empty:
        fitting = [place for place in fitting if place.member is None]
    order = {None: 0, False: 1, True: 2}
    fitting.sort(key=lambda p: (order[None if p.member is None else p.tagged], -p.free))
    return fitting[0] if fitting else None


def _images(item: Leaving) -> frozenset[tuple[str, int]]:
    """The RAID images on a leaving member, wholly or in part."""
    return frozenset(
        (raid, image) for raid, images in images_on(item.member).items() for image in images
    )


def _tier_by_name(member: MemberFound) -> TierName | None:
    """The tier of a member nobody tagged, from what lies on it."""
    return next(
        (tier for tier in TierName for name in member.volumes if name.startswith(f"{tier}_t")), None
    )


def _names(items: tuple[Leaving, ...]) -> str:
    return ", ".join(item.name for item in items)
