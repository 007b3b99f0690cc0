"""Which disks a pool gives up, and what is lost with them at worst. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from appliance.errors import RefusedError
from appliance.kinds.pool_build import PoolBuild, is_on, wanted_tiers
from appliance.kinds.pool_closed import once_opened, reopening
from appliance.kinds.pool_pairing import Leaving, Mirrors, Pairing
from appliance.kinds.pool_parts import (
    goes_on,
    images_of,
    images_on,
    raid_state,
    spared_losses,
)
from appliance.kinds.pool_steps import tag_text
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
class Departure:
    """All members a pool gives up at once, judged against what it found and what it wants."""

    build: PoolBuild
    """With the layers open that only have to be opened."""
    reopened: bool = False
    """Something has to be opened or taken in again first: what it missed is rebuilt then."""

    @classmethod
    def of(cls, build: PoolBuild) -> Departure:
        """The departure from what a pool is once all that is there is open."""
        if build.found is None:
            return cls(build)
        reopened = any(reopening(build.make, build.found, build.snapshot))
        opened = replace(build, found=once_opened(build.found, build.snapshot))
        return cls(opened, reopened=reopened)

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
        matched = tuple(Pairing(self.mirrors).pairs(unwanted))
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

    @cached_property
    def mirrors(self) -> Mirrors:
        """The mirrors as they were found."""
        return Mirrors(self.build, self.build.found or PoolFound(vg_uuid="", tiers={}))

    @property
    def hollow(self) -> Mapping[str, frozenset[int]]:
        """RAID logical volume -> images that were let go and are not rebuilt yet."""
        return self.mirrors.hollow

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

    def dropped(self, raid: str, found: PoolFound) -> bool:
        """Whether what a mirror lost is dropped, not rebuilt: without it, and without those that
        have been handed over and go next, it has as many images as are wanted."""
        left = images_of(raid, found) - self.gone(raid)
        handed = sum(raid in images_on(item.member) and item.has(raid) for item in self.here)
        return self.mirrors.surplus(raid) and len(left) - handed >= self.mirrors.wanted_images(raid)

    def gone(self, raid: str) -> frozenset[int]:
        """Images of a RAID that lie, wholly or in part, on no disk or on one that is given up for
        lost."""
        away = (images_on(item.member).get(raid, frozenset()) for item in self.away)
        return self.hollow.get(raid, frozenset()).union(*away)

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
                if not self.mirrors.mirrored(raid):
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
        if self.mirrors.mirrored(raid):
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
