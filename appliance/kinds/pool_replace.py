"""The steps by which disks take the places of others, from whatever stands of that already.

A lost disk: the new one joins the group, LVM rebuilds each RAID image onto it (lvmraid(7),
"Device Replacement"), and only when all is rebuilt does LVM forget the old one. So a missing
member that holds nothing marks a replacement whose rebuild nobody waited for yet.

A disk that is still there: each RAID image on it is rebuilt from the others onto the new one, then
it is dropped and erased. Where nothing else may be lost meanwhile, all is read once before.

It is never copied by pvmove(8), which takes a block that its source did not return for copied: the
new disk then has wrong data there, and the RAID trusts it. (The kernel's dm-raid1.c counts a region
whose recovery failed as in sync unless its table has handle_errors, and LVM leaves that out for
pvmove; LVM 2.03.31 ends such a copy at 100 % and without an error.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from appliance.kinds.pool_build import Place, PoolBuild
from appliance.kinds.pool_closed import reopening
from appliance.kinds.pool_layout import stripes
from appliance.kinds.pool_leaving import Departure, Leaving
from appliance.kinds.pool_parts import SPARE, images_on
from appliance.kinds.pool_removal import blank_disk
from appliance.kinds.pool_spare import PoolSpare
from appliance.kinds.pool_steps import PoolSteps, pv_device
from appliance.model.command import read
from appliance.model.disk import OUR_LAYERS, Disk
from appliance.model.names import integrity_device
from appliance.model.pool import SCRUB, MemberFound, PoolFound
from appliance.model.steps import RunStep, Step, WaitStep

REBUILD_S: Final = 14 * 86400
"""Longest rebuild that is waited for: 30 TB at 50 MB/s take a week."""

POLL_S: Final = 2.0

WHOLE: Final = 100.0

_PERCENT: Final = r"\b(\d+\.\d+)\b"
"""How lvs(8) writes sync_percent."""


@dataclass(frozen=True)
class PoolReplace:
    """One pool's way to the disks it wants, where it gives up others."""

    as_found: PoolBuild

    @cached_property
    def departure(self) -> Departure:
        """Who leaves and who comes."""
        return Departure.of(self.as_found)

    @property
    def build(self) -> PoolBuild:
        """The pool once all that is there is open."""
        return self.departure.build

    @property
    def spare(self) -> PoolSpare:
        """What becomes of the metadata spare."""
        return PoolSpare(self.departure)

    @property
    def make(self) -> PoolSteps:
        """The steps' maker."""
        return self.build.make

    def steps(self) -> Iterator[Step]:
        """What is left to do, in order. Raises RefusedError for what must not be done."""
        found = self.build.found
        if found is None or not self.departure.leaving:
            yield from self._open()
            yield from self.as_found.steps()
            yield from self.spare.anew()
        else:
            self.departure.check()
            yield from self._replace(found)
        yield from self._blank_left()

    def _replace(self, found: PoolFound) -> Iterator[Step]:
        places = self.build.places()
        new = tuple(place for place in places if place.member is None)
        yield from self._open()
        yield from self.build.prepare(new)
        if new:
            yield self._join(new)
        if self.departure.away:
            yield from self._rebuild(found)
        if self.departure.complete:
            for place in places:
                if not place.tagged and place.disk is not None:
                    yield self.make.tag_pv(place.disk, place.tier, integrity=place.integrity)
        read: frozenset[str] = frozenset()
        for group in self.departure.together:
            yield from self._hand_over(group, found, read)
            read = read.union(*(images_on(item.member) for item in group))
        yield from self.spare.anew()

    def _open(self) -> Iterator[Step]:
        """The layers that are only closed, those of disks that leave too; then all volumes."""
        found = self.as_found.found
        if found is not None:
            yield from reopening(self.make, found, self.as_found.snapshot)

    def _join(self, new: tuple[Place, ...]) -> RunStep:
        """vgextend(8) works with a member missing; taking a disk out again then does not."""
        step = self.make.extend_vg(
            tuple(place.device for place in new), tuple(place.serial for place in new)
        )
        return step.model_copy(update={"undo": None}) if self.departure.away else step

    # --- a lost disk

    def _rebuild(self, found: PoolFound) -> Iterator[Step]:
        away = self.departure.away
        if any(SPARE in item.member.volumes for item in away):
            yield self.spare.drop()
        lost = sorted({raid for item in away for raid in images_on(item.member)})
        for raid in lost:
            yield from self._settle(raid, found)
            comers = [i.target for i in away if i.target and raid in images_on(i.member)]
            yield self.make.run(
                f"Rebuild what {raid} lost on {_where(comers)}",
                "lvconvert", "--yes", "--repair", f"{self.make.vg}/{raid}",
                *(place.device for place in comers),
            )  # fmt: skip
        for raid in sorted({*lost, *self._rebuilding(found)}):
            yield self._await_sync(f"Wait until {raid} is whole again", raid, found)
        if self.departure.complete:
            yield from self._forget()

    def _rebuilding(self, found: PoolFound) -> Iterator[str]:
        """RAIDs with an image on a new disk that is not tagged yet: their rebuild may still run.

        While another disk stays missing, the new one stays untagged when its rebuild is over.
        """
        partial = {state.raid_lv for state in found.tiers.values() if state.sync_percent < WHOLE}
        for place in self.build.places():
            if place.member is not None and not place.tagged:
                images = images_on(place.member).keys()
                yield from images if self.departure.complete else images & partial

    def _forget(self) -> Iterator[Step]:
        for item in self.departure.away:
            if item.member.layer_open:
                yield self.make.run(
                    f"Close the checksum layer that is left of {item.where}",
                    "dmsetup", "remove", "--retry", integrity_device(item.member.serial),
                )  # fmt: skip
        names = ", ".join(item.name for item in self.departure.away)
        yield self.make.run(f"Forget {names}", "vgreduce", "--removemissing", self.make.vg)
        for item in self.departure.away:
            # An open layer whose disk LVM does not see: it does not answer, nor can it be erased.
            disk = item.disk
            if disk and disk.signatures and not disk.missing and not item.member.layer_open:
                yield from blank_disk(self.make, disk, item.member)

    # --- a disk that is still there

    def _hand_over(
        self, group: tuple[Leaving, ...], found: PoolFound, read: frozenset[str]
    ) -> Iterator[Step]:
        """Disks that hold parts of the same images, nearly always one alone; `read` are the RAIDs
        that a rebuild before has read already."""
        if any(SPARE in item.member.volumes for item in group):
            yield self.spare.drop()
        raids = sorted({raid for item in group for raid in images_on(item.member)})
        for raid in raids:
            yield from self._settle(raid, found)
            if raid not in read and self.departure.no_loss_borne(raid, found):
                yield from self._read_through(raid, found)
            yield self._rebuild_from_others(raid, [i for i in group if raid in images_on(i.member)])
            yield self._await_sync(f"Wait until {raid} is whole again", raid, found)
        begun = {item.tier: self.departure.tier_of(item) for item in group}
        for state in begun.values():  # what a job that was cut off began to rebuild
            if state.raid_lv and state.raid_lv not in raids and state.sync_percent < WHOLE:
                title = f"Wait until {state.raid_lv} is whole again"
                yield self._await_sync(title, state.raid_lv, found)
        for item in group:
            yield from self._take_out(item)

    def _read_through(self, raid: str, found: PoolFound) -> Iterator[Step]:
        """A scrub writes anew what a disk does not return (md(4), "Scrubbing and mismatches"),
        which it can as long as there is another copy."""
        lv = f"{self.make.vg}/{raid}"
        yield self.make.run(
            f"Read all of {raid}, to mend what the other disks may not return",
            "lvchange", "--syncaction", "check", lv, undo=("lvchange", "--syncaction", "idle", lv),
        )  # fmt: skip
        yield self._await_sync(f"Wait until all of {raid} is read", raid, found)

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

    def _take_out(self, item: Leaving) -> Iterator[Step]:
        yield self.make.run(
            f"Take {item.where} out of {self.make.vg}", "vgreduce", self.make.vg, item.device,
            claims=(item.disk.serial,) if item.disk else (),
            undo=("vgextend", self.make.vg, item.device),
        )  # fmt: skip
        if item.disk is not None:
            yield from self._erase(item.disk, item.member)

    def _erase(self, disk: Disk, member: MemberFound | None) -> Iterator[Step]:
        """So that a freed disk never looks like a member again, wherever it is put.

        LVM's label goes first: formatting a checksum layer anew would let it shine through.
        Without `member` the disk is out of the group already, and what is seen on it tells.
        """
        seen = {item.type for item in disk.signatures}
        layered = member.integrity if member else integrity_device(disk.serial) in disk.holders
        if member or ("LVM2_member" in seen and (layered or "DM_integrity" not in seen)):
            yield self.make.run(
                f"Take LVM's label off {disk.where}",
                "pvremove", "--yes", pv_device(disk, integrity=layered),
                claims=(disk.serial,),
                destroys=f"what pool '{self.make.pool}' had on {disk.where}",
            )  # fmt: skip
        yield from blank_disk(self.make, disk, member)

    # --- what an unfinished replacement left

    def _blank_left(self) -> Iterator[Step]:
        """Disks out of the group that a job had consent for and did not get to erase."""
        places = {place.serial for place in self.build.places()}
        leaving = {item.disk.serial for item in self.departure.leaving if item.disk}
        for disk in self.build.snapshot.disks:
            ours = self.build.snapshot.claims.get(disk.serial) == self.build.name
            known = disk.serial in places or disk.serial in leaving or disk.pool
            layers = {item.type for item in disk.signatures}
            if ours and not known and not disk.missing and layers and layers <= OUR_LAYERS:
                yield from self._erase(disk, None)

    # --- waiting

    def _settle(self, raid: str, found: PoolFound) -> Iterator[Step]:
        """LVM replaces images only of a RAID that is in sync, and a scrub counts as if it was not.

        A scrub is stopped: redundancy is worth more, and it can be asked for again.
        """
        state = next((item for item in found.tiers.values() if item.raid_lv == raid), None)
        if state is None or (state.sync_percent >= WHOLE and state.sync_action in ("", "idle")):
            return
        if state.sync_action == SCRUB:
            lv = f"{self.make.vg}/{raid}"
            yield self.make.run(f"Stop the scrub of {raid}", "lvchange", "--syncaction", "idle", lv,
                                undo=("lvchange", "--syncaction", "check", lv))  # fmt: skip
        yield self._await_sync(f"Wait until {raid} is in sync", raid, found)

    def _await_sync(self, title: str, raid: str, found: PoolFound) -> WaitStep:
        return WaitStep(
            title=title,
            resource=f"pool/{self.build.name}",
            command=read("lvs", "--noheadings", "--options", "sync_percent,raid_sync_action",
                         f"{self.make.vg}/{raid}", timeout_s=120),
            until=r"\b100\.00\s+idle\b",
            timeout_s=REBUILD_S,
            poll_s=POLL_S,
            percent=_PERCENT,
            size=_rebuilt_size(raid, found),
            lets_others=True,
        )  # fmt: skip


def _rebuilt_size(raid: str, found: PoolFound) -> int:
    """Bytes of one image of a RAID: what a disk that joins it has to take up."""
    for tier, state in found.tiers.items():
        if state.raid_lv == raid and state.raid is not None:
            return state.data_size // max(1, stripes(state.raid, state.images))
        if raid.startswith(f"{tier}_tmeta"):
            return state.metadata_size
        if raid.startswith(f"{tier}_cache"):
            return state.cache_size
    return 0


def _where(places: list[Place]) -> str:
    """The new disks in words."""
    return ", ".join(place.disk.where if place.disk else place.serial for place in places)
