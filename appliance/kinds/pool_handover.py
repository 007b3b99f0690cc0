"""The steps by which disks that are still there hand over to others.

A mirror is given an image more, on the new disk, and only when that is whole is the old one
dropped: nothing is lost meanwhile, and each block is read from any disk that returns it (md(4)).
LVM cannot do that for RAID 5, 6 and 10, nor for a mirror that grew: there each image on the old
disk is rebuilt from the others onto the new one. Where nothing else may be lost meanwhile, all is
read once before. Then the old disk is dropped and erased.

It is never copied by pvmove(8), which takes a block that its source did not return for copied: the
new disk then has wrong data there, and the RAID trusts it. (The kernel's dm-raid1.c counts a region
whose recovery failed as in sync unless its table has handle_errors, and LVM leaves that out for
pvmove; LVM 2.03.31 ends such a copy at 100 % and without an error.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.errors import RefusedError
from appliance.kinds.pool_build import Place
from appliance.kinds.pool_leaving import Departure
from appliance.kinds.pool_pairing import Leaving
from appliance.kinds.pool_parts import images_of, images_on, raid_state
from appliance.kinds.pool_removal import blank_disk
from appliance.kinds.pool_spare import PoolSpare
from appliance.kinds.pool_steps import PoolSteps, pv_device
from appliance.kinds.pool_waits import (
    ALIVE,
    ALIVE_OR_FAILED,
    await_sync,
    see_whole,
    settle,
)
from appliance.model.disk import Disk
from appliance.model.names import integrity_device
from appliance.model.pool import MemberFound, PoolFound
from appliance.model.steps import RunStep, Step


@dataclass(frozen=True)
class HandOver:
    """What the standing disks of a pool that it gives up have to hand over."""

    departure: Departure
    found: PoolFound

    @property
    def make(self) -> PoolSteps:
        """The steps' maker."""
        return self.departure.build.make

    def steps(self) -> Iterator[Step]:
        """One disk after the other, or what belongs together at once."""
        done: tuple[Leaving, ...] = ()
        for group in self.departure.together:
            yield from self._group(group, done)
            done += group

    def _group(self, group: tuple[Leaving, ...], done: tuple[Leaving, ...]) -> Iterator[Step]:
        """Disks that hold parts of the same images, nearly always one alone; `done` are those that
        have handed over before."""
        yield from PoolSpare(self.departure).drop(group)
        raids = sorted({raid for item in group for raid in images_on(item.member)})
        read = {raid for item in done for raid in images_on(item.member)}
        for raid in raids:
            leaving = [item for item in group if raid in images_on(item.member)]
            yield from settle(self.make, raid, self.found, surely=self.departure.reopened)
            if self.departure.mirrors.mirrored(raid):
                for item in leaving:
                    yield from self._one_more(raid, item, done)
            else:
                yield from self._rebuild(raid, leaving, read=raid in read)
        tiers = {item.tier: self.departure.tier_of(item) for item in group}
        for state in tiers.values():  # what a job that was cut off began to rebuild
            if state.raid_lv and state.raid_lv not in raids:
                yield self._await(state.raid_lv)
                yield see_whole(self.make, state.raid_lv)
        for item in group:
            yield from self._take_out(item)

    # --- a mirror

    def _one_more(self, raid: str, item: Leaving, done: tuple[Leaving, ...]) -> Iterator[Step]:
        """The old image may fail meanwhile, which is why it goes; no other one.

        Mirrors are counted from the first copy on, and never by one more or less: whatever is done
        or undone twice, LVM finds as many as are asked for.
        """
        lv = f"{self.make.vg}/{raid}"
        letters = self._letters(raid, item, done)
        more, less = str(len(letters) - 1), str(len(letters) - 2)
        if len(letters) <= self.departure.mirrors.wanted_images(raid):
            raise self._too_few(raid, item)
        if item.target is not None and not item.has(raid):
            yield self.make.run(
                f"Give {raid} one image more, on {_where([item.target])}",
                "lvconvert", "--yes", "--mirrors", more, lv, item.target.device,
                undo=("lvconvert", "--yes", "--mirrors", less, lv, item.target.device),
            )  # fmt: skip
        yield self._await(raid)
        yield see_whole(self.make, raid, "".join(letters))
        yield self.make.run(
            f"Drop the image of {raid} on {item.where}",
            "lvconvert", "--yes", "--mirrors", less, lv, item.device,
        )  # fmt: skip

    def _too_few(self, raid: str, item: Leaving) -> RefusedError:
        return self.departure.refused(
            f"{raid} of pool '{self.make.pool}' would be left with fewer copies than it is to have "
            f"if its copy on {item.where} was dropped.",
            "Put the lost disks back, or replace one disk after the other: appliance disk list",
        )

    def _letters(self, raid: str, item: Leaving, done: tuple[Leaving, ...]) -> list[str]:
        """What the kernel may say of each image once the new one is whole. LVM closes the gap when
        an image is dropped, and puts a new one last."""
        mine = min(images_on(item.member)[raid])
        images = self._images(raid)
        if self.departure.dropped(raid, self.found):  # then what was lost is dropped, not rebuilt
            images -= self.departure.gone(raid)
        before = [other for other in done if raid in images_on(other.member)]
        images -= frozenset().union(*(images_on(other.member)[raid] for other in before))
        new = sum(not other.has(raid) for other in (*before, item))
        letters = [ALIVE_OR_FAILED if image == mine else ALIVE for image in sorted(images)]
        return [*letters, *[ALIVE] * new]

    # --- any other RAID

    def _rebuild(self, raid: str, leaving: list[Leaving], *, read: bool) -> Iterator[Step]:
        """The new image takes the old one's number. What fails of the others meanwhile is no reason
        to keep the old disk, which is in use no more."""
        if not read and self.departure.no_loss_borne(raid, self.found):
            yield from self._read_through(raid)
        yield self._rebuild_from_others(raid, leaving)
        yield self._await(raid)
        new = frozenset[int]().union(*(images_on(item.member)[raid] for item in leaving))
        images = sorted(self._images(raid))
        letters = (ALIVE if image in new else ALIVE_OR_FAILED for image in images)
        yield see_whole(self.make, raid, "".join(letters))

    def _read_through(self, raid: str) -> Iterator[Step]:
        """A scrub writes anew what a disk does not return (md(4), "Scrubbing and mismatches"),
        which it can as long as there is another copy."""
        lv = f"{self.make.vg}/{raid}"
        yield self.make.run(
            f"Read all of {raid}, to mend what the other disks may not return",
            "lvchange", "--syncaction", "check", lv, undo=("lvchange", "--syncaction", "idle", lv),
        )  # fmt: skip
        yield await_sync(self.make, f"Wait until all of {raid} is read", raid, self.found)

    def _rebuild_from_others(self, raid: str, leaving: list[Leaving]) -> RunStep:
        targets = [item.target for item in leaving if item.target]
        doubtful = " and ".join(item.where for item in leaving if item.doubtful)
        why = f", as {doubtful} does not return all of its data" if doubtful else ""
        return self.make.run(
            f"Rebuild {raid} onto {_where(targets)} from the other disks{why}",
            "lvconvert", "--yes",
            *(word for item in leaving for word in ("--replace", item.device)),
            f"{self.make.vg}/{raid}", *(target.device for target in targets),
        )  # fmt: skip

    def _await(self, raid: str) -> Step:
        return await_sync(self.make, f"Wait until {raid} is whole again", raid, self.found)

    def _images(self, raid: str) -> frozenset[int]:
        """Numbers of all images of a RAID as it was found."""
        state = raid_state(raid, self.found)
        if state is not None:
            return frozenset(range(state.images))
        return images_of(raid, self.found) | self.departure.hollow.get(raid, frozenset())

    # --- the disk itself

    def _take_out(self, item: Leaving) -> Iterator[Step]:
        yield self.make.run(
            f"Take {item.where} out of {self.make.vg}", "vgreduce", self.make.vg, item.device,
            claims=(item.disk.serial,) if item.disk else (),
            undo=("vgextend", self.make.vg, item.device),
        )  # fmt: skip
        if item.disk is not None:
            yield from erase(self.make, item.disk, item.member)


def erase(make: PoolSteps, disk: Disk, member: MemberFound | None) -> Iterator[Step]:
    """So that a freed disk never looks like a member again, wherever it is put.

    LVM's label goes first: formatting a checksum layer anew would let it shine through.
    Without `member` the disk is out of the group already, and what is seen on it tells.
    """
    seen = {item.type for item in disk.signatures}
    layered = member.integrity if member else integrity_device(disk.serial) in disk.holders
    if member or ("LVM2_member" in seen and (layered or "DM_integrity" not in seen)):
        yield make.run(
            f"Take LVM's label off {disk.where}",
            "pvremove", "--yes", pv_device(disk, integrity=layered),
            claims=(disk.serial,),
            destroys=f"what pool '{make.pool}' had on {disk.where}",
        )  # fmt: skip
    yield from blank_disk(make, disk, member)


def _where(places: list[Place]) -> str:
    """The new disks in words."""
    return ", ".join(place.disk.where if place.disk else place.serial for place in places)
