"""The steps by which what lost disks held is rebuilt on others.

The new disk joins the group, LVM rebuilds each RAID image onto it (lvmraid(7), "Device
Replacement"), and only when all is rebuilt does LVM forget the old one. So a missing member that
holds nothing marks a replacement whose rebuild nobody waited for yet.

In a tier that grew the image went on on a disk that is still there, and LVM has to make all of it
anew. One new disk is enough for that, as soon as the old image is let go: what lay of it on the
other disk is room again. (lvconvert(8) does that by itself only where one disk has room for all.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.kinds.pool_build import Place
from appliance.kinds.pool_leaving import Departure
from appliance.kinds.pool_pairing import Leaving
from appliance.kinds.pool_parts import goes_on, images_of, images_on, raid_state
from appliance.kinds.pool_removal import blank_disk
from appliance.kinds.pool_spare import PoolSpare
from appliance.kinds.pool_steps import PoolSteps
from appliance.kinds.pool_waits import ALIVE, ALIVE_OR_FAILED, ANY, await_sync, see_letters, settle
from appliance.model.command import read
from appliance.model.names import integrity_device
from appliance.model.pool import IN_SYNC, PoolFound, TierName
from appliance.model.steps import Step, WaitStep


@dataclass(frozen=True)
class LostDisks:
    """What a pool lost with disks that it gives up."""

    departure: Departure
    found: PoolFound

    @property
    def make(self) -> PoolSteps:
        """The steps' maker."""
        return self.departure.build.make

    @property
    def any(self) -> bool:
        """There is something to rebuild, to be waited for, or to be forgotten.

        What is rebuilt on a disk that is not tagged yet, with nothing left that leaves, is what was
        let go before: LVM has forgotten the lost disk already.
        """
        return bool(self.departure.away or self.departure.hollow or any(self._rebuilding()))

    def steps(self) -> Iterator[Step]:
        """Rebuild, wait, forget."""
        away = self.departure.away
        yield from PoolSpare(self.departure).drop(away)
        lost = self._lost()
        for raid in lost:
            yield from settle(self.make, raid, self.found, surely=self.departure.reopened)
        if self._torn:
            yield from self._see_rest()
            yield from self._let_go()
        for raid in lost:
            yield self._mend(raid)
        for raid in sorted({*lost, *self._rebuilding(), *self._handed_over()}):
            yield await_sync(self.make, f"Wait until {raid} is whole again", raid, self.found)
        if self.departure.complete and away and not self._torn:
            yield from self._close_layers()
            yield self._forget()
            yield from self._blank()

    # --- what is lost

    def _lost(self) -> list[str]:
        """RAIDs that lack an image for which there is a disk now. Metadata and caches first: the
        data of a tier that grew takes all the room that there is on the new disk."""
        images = [images_on(item.member) for item in self.departure.away if _comes(item)]
        lost = frozenset(self.departure.hollow).union(*images)
        return sorted(lost, key=lambda raid: (raid_state(raid, self.found) is not None, raid))

    @property
    def _torn(self) -> bool:
        """Where some of it was let go already, LVM rebuilds nothing until the rest is too."""
        away = self.departure.away
        begun = bool(away and self.departure.hollow)
        return begun or any(self.departure.torn(item, self.found) for item in away)

    def _rebuilding(self) -> Iterator[str]:
        """RAIDs with an image on a new disk that is not tagged yet: their rebuild may still run.

        While another disk stays missing, the new one stays untagged when its rebuild is over.
        What a disk that is still there hands over, HandOver waits for.
        """
        here = self.departure.here
        others = {self.departure.tier_of(item).raid_lv for item in here}
        others |= {raid for item in here for raid in images_on(item.member) if item.has(raid)}
        tiers = self.found.tiers.values()
        partial = {state.raid_lv for state in tiers if state.sync_percent < IN_SYNC}
        for place in self.departure.build.places():
            if place.member is not None and not place.tagged:
                images = images_on(place.member).keys() - others
                yield from images if self.departure.complete else images & partial

    def _handed_over(self) -> Iterator[str]:
        """The data of tiers whose old disk was lost when it had nothing any more: the new one, in
        the group and tagged, may still be taking it up."""
        for item in self.departure.away:
            state = self.departure.tier_of(item)
            runs = state.sync_percent < IN_SYNC
            if item.empty and state.raid_lv and (runs or self.departure.complete):
                yield state.raid_lv

    # --- what is done

    def _see_rest(self) -> Iterator[Step]:
        """What is let go can never be taken back, not even by putting the disk in again: so every
        other image has to be whole, and no other disk missing. Both may have changed in the days
        that a rebuild was waited for."""
        away = self.departure.away
        held = (images_on(item.member) for item in away)
        for raid in sorted(frozenset(self.departure.hollow).union(*held)):
            settled = raid_state(raid, self.found) is not None or self.departure.reopened
            if not settled:
                yield await_sync(self.make, f"Wait until {raid} is in sync", raid, self.found)
            title = f"See that the rest of {raid} is whole"
            yield see_letters(self.make, title, raid, f"{self._rest(raid)} ")
        yield WaitStep(
            title=f"See that no other disk of {self.make.vg} is missing",
            resource=f"pool/{self.make.pool}",
            command=read("vgs", "--noheadings", "--options", "vg_missing_pv_count", self.make.vg),
            until=rf"^\s*{len(away)}\s*$",
        )

    def _rest(self, raid: str) -> str:
        """What the kernel has to say of each image. A mirror's image that goes next may have failed,
        as long as another one has all of it."""
        gone = self.departure.gone(raid)
        state = raid_state(raid, self.found)
        known = range(state.images) if state else sorted(images_of(raid, self.found) | gone)
        going = frozenset[int]()
        if self.departure.mirrors.mirrored(raid):
            here = (images_on(item.member).get(raid, ()) for item in self.departure.here)
            going = frozenset[int]().union(*here)
        if going | gone >= frozenset(known):
            going = frozenset()
        failed = dict.fromkeys(going, ALIVE_OR_FAILED) | dict.fromkeys(gone, ANY)
        return "".join(failed.get(image, ALIVE) for image in known)

    def _let_go(self) -> Iterator[Step]:
        """Of RAIDs alone, as --mirrorsonly says: else vgreduce(8) removes every volume that lies
        on what is missing, the thin pool with all its data among them."""
        names = ", ".join(item.where for item in self.departure.away)
        yield self.make.run(
            f"Let go of the images that lay on {names}, and forget it",
            "vgreduce", "--removemissing", "--mirrorsonly", "--force", self.make.vg,
        )  # fmt: skip
        yield from self._close_layers()
        yield from self._blank()

    def _mend(self, raid: str) -> Step:
        lv = f"{self.make.vg}/{raid}"
        if self.departure.dropped(raid, self.found):
            mirrors = str(self.departure.mirrors.wanted_images(raid) - 1)
            return self.make.run(f"Drop the image that {raid} lost",
                                 "lvconvert", "--yes", "--mirrors", mirrors, lv)  # fmt: skip
        places = self._room(raid)
        comers = [p for p in places if p.member is None or not p.member.holds_data]
        where = ", ".join(p.disk.where if p.disk else p.serial for p in comers or places)
        return self.make.run(
            f"Rebuild what {raid} lost on {where}",
            "lvconvert", "--yes", "--repair", lv, *(place.device for place in places),
        )  # fmt: skip

    def _room(self, raid: str) -> list[Place]:
        """The disks its new image may lie on: those that come, and where the old one is let go
        those on which it lay in part."""
        away = [item for item in self.departure.away if raid in images_on(item.member)]
        hollow = self.departure.hollow.get(raid, frozenset())
        lost = hollow.union(*(images_on(item.member)[raid] for item in away))
        if not hollow and not goes_on(raid, lost, self.found):
            return [item.target for item in away if item.target and _comes(item)]
        return [
            place
            for place in self.departure.build.places()
            if place.device and place.tier is self._home(raid)
            and (place.member is None or images_on(place.member).get(raid, frozenset()) <= lost)
        ]  # fmt: skip

    def _home(self, raid: str) -> TierName:
        """The tier whose disks a RAID lies on: metadata and caches are on the fast ones."""
        for tier, state in self.found.tiers.items():
            if state.raid_lv == raid:
                return tier
        fast = self.departure.build.spec.performance is not None
        return TierName.PERFORMANCE if fast else TierName.CAPACITY

    def _forget(self) -> Step:
        names = ", ".join(item.name for item in self.departure.away)
        return self.make.run(f"Forget {names}", "vgreduce", "--removemissing", self.make.vg)

    def _close_layers(self) -> Iterator[Step]:
        for item in self.departure.away:
            if item.member.layer_open:
                yield self.make.run(
                    f"Close the checksum layer that is left of {item.where}",
                    "dmsetup", "remove", "--retry", integrity_device(item.member.serial),
                )  # fmt: skip

    def _blank(self) -> Iterator[Step]:
        for item in self.departure.away:
            # An open layer whose disk LVM does not see: it does not answer, nor can it be erased.
            disk = item.disk
            if disk and disk.signatures and not disk.missing and not item.member.layer_open:
                yield from blank_disk(self.make, disk, item.member)


def _comes(item: Leaving) -> bool:
    """Whether the disk that takes its place is there.

    Where two are lost, LVM rebuilds what it likes of them on the one disk that came; the rest has
    to wait for the disk whose own image was rebuilt first.
    """
    return item.target is not None and bool(item.target.device)
