"""From the installed system as it is to the disks wanted: each part asked for by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from appliance.errors import RefusedError
from appliance.kinds.boot_found import esp_label, group_name, is_on, system_label
from appliance.kinds.boot_steps import BootSteps, root_size
from appliance.kinds.pool_steps import tag_text
from appliance.model.base import format_size
from appliance.model.boot import CLAIM, BootDisk, BootFound, BootGroup, BootSpec
from appliance.model.disk import Disk
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import Step

MIRROR: Final = 2
EQUAL: Final = 100.0
"""Percent of the root that both disks hold."""


@dataclass(frozen=True)
class BootBuild:
    """The wish beside what there is."""

    wanted: BootSpec
    found: BootFound
    snapshot: NodeSnapshot

    @property
    def disks(self) -> tuple[Disk, ...]:
        """The wanted disks that answer."""
        named = (self.snapshot.disk(serial) for serial in self.wanted.disks)
        return tuple(disk for disk in named if disk is not None and not disk.missing)

    @property
    def group(self) -> BootGroup:
        """The system that is meant: the one that runs, else the one on a wanted disk, else new."""
        for item in self.found.own:
            if item.running or any(self.item_of(disk, item) for disk in self.disks):
                return item
        name = group_name(self.wanted.disks[0])
        while any(item.name == name for item in self.found.groups):
            name += "x"
        return BootGroup(name=name)

    def item_of(self, disk: Disk, group: BootGroup) -> BootDisk | None:
        """The disk's part in a group."""
        return next((item for item in group.disks if is_on(disk, item)), None)

    def joining(self) -> tuple[Disk, ...]:
        """Wanted disks that are not in the group yet."""
        return tuple(disk for disk in self.disks if self.item_of(disk, self.group) is None)

    def leaving(self) -> tuple[BootDisk, ...]:
        """Parts of the group whose disk is not wanted any more."""
        stay = {item for disk in self.disks if (item := self.item_of(disk, self.group))}
        named = {tag_text(serial) for serial in self.wanted.disks}
        away = {item for item in self.group.missing if item.serial in named}
        return tuple(item for item in self.group.disks if item not in stay | away)

    def overwritten(self) -> tuple[Disk, ...]:
        """Wanted disks that get a new partition table."""
        return tuple(disk for disk in self.joining() if not self._partitioned(disk))

    def blanked(self) -> tuple[Disk, ...]:
        """Disks that leave, and answer."""
        there = (disk_of(item, self.snapshot) for item in self.leaving())
        return tuple(disk for disk in there if disk is not None)

    def steps(self) -> Iterator[Step]:
        """All of it, from whatever there is.

        LVM writes no tag while a disk of the group is missing, so that one is forgotten before.
        """
        make = BootSteps(self.group.name)
        fresh = [disk for disk in self.disks if not self._holds(disk)]
        for disk in self.joining():
            _check_room(disk, self.group)
        yield from self._prepare(make)
        away = [item for item in self.leaving() if item.missing]
        if away and not any(item.holds_root for item in away):
            yield make.forget()
        if self.group.copies:
            yield from self._move(make, fresh)
        else:
            yield make.create_root(self.disks)
        yield from self._fill(make)
        if len(self.disks) == MIRROR and (fresh or not self.group.whole or self._half_equal()):
            yield make.await_sync()
        for item in self.leaving():
            here = disk_of(item, self.snapshot)
            if item.pv and not item.missing:
                yield from make.let_go(item.pv, here)
            elif here is not None:  # forgotten before this, and back
                yield from make.blank(here)

    def _half_equal(self) -> bool:
        """An installation was cut off while its disks became equal; of a node that runs from them
        that is an ordinary rebuild."""
        return not self.group.running and self.group.sync_percent < EQUAL

    def _fill(self, make: BootSteps) -> Iterator[Step]:
        """What is to be on the disks, and the tags that say so."""
        for disk in self.disks:
            item = self.item_of(disk, self.group)
            if item is None or not item.serial:
                yield make.name_disk(disk)
        if not (self.group.whole or self.group.running):
            yield make.format_root()
            yield make.copy_system()
            yield make.mark_whole()
        for disk in self.disks:
            item = self.item_of(disk, self.group)
            if item is None or not item.loader:
                yield make.format_esp(disk)
                yield make.copy_loader(disk)
                yield make.mark_loader(disk)

    def _partitioned(self, disk: Disk) -> bool:
        """By an installation of this node: another node's disk has such partitions as well."""
        ours = self.snapshot.claims.get(disk.serial) == CLAIM
        return ours and {esp_label(disk), system_label(disk)} <= self.found.labels

    def _prepare(self, make: BootSteps) -> Iterator[Step]:
        for disk in self.overwritten():
            yield make.partition(disk)
        if self.joining():
            yield make.await_partitions(self.joining())
        there = bool(self.group.disks)
        for disk in self.joining():
            yield make.extend_group(disk) if there else make.create_group(disk)
            there = True

    def _take_back(self, make: BootSteps) -> Iterator[Step]:
        """Wanted disks that were away: into the group, then into the mirror."""
        back = [disk for disk in self.disks if self._is_flagged(disk)]
        for disk in back:
            yield make.take_back(disk)
        if back or any(item.stale for item in self._staying()):
            yield make.refresh()

    def _staying(self) -> tuple[BootDisk, ...]:
        found = (self.item_of(disk, self.group) for disk in self.disks)
        return tuple(item for item in found if item is not None)

    def _move(self, make: BootSteps, fresh: list[Disk]) -> Iterator[Step]:
        """One copy is made, moved or given up; the other stays where it is meanwhile.

        A copy is given up only beside one that was never away: LVM tells 100 % of a mirror whose
        disk is back and has not begun to catch up.
        """
        going = [item for item in self.leaving() if item.holds_root]
        lost = [item for item in going if item.missing]
        if lost and not fresh:
            raise _refused_lost()
        if going and len(going) >= self.group.copies:
            raise _refused_move()
        if going and any(item.flagged or item.stale for item in self._staying()):
            raise _refused_behind()
        yield from self._take_back(make)
        if lost:
            yield make.repair_onto(fresh[0])
            yield make.forget()
        elif fresh and going:
            yield make.replace(going[0].pv, fresh[0])
        elif fresh:
            yield make.mirror_onto(fresh[0])
        elif going:
            yield make.single_without(going[0].pv)

    def _is_flagged(self, disk: Disk) -> bool:
        item = self.item_of(disk, self.group)
        return item is not None and item.flagged

    def _holds(self, disk: Disk) -> bool:
        item = self.item_of(disk, self.group)
        return item is not None and item.holds_root


def disk_of(item: BootDisk, snapshot: NodeSnapshot) -> Disk | None:
    """The disk of a part of a group; None when it does not answer."""
    there = (disk for disk in snapshot.disks if not disk.missing)
    return next((disk for disk in there if is_on(disk, item)), None)


def removal(found: BootFound, snapshot: NodeSnapshot) -> Iterator[Step]:
    """Take an installed system off its disks again; one the node runs from stays."""
    if found.running:
        return
    for group in found.groups:
        disks = [disk for item in group.disks if (disk := disk_of(item, snapshot))]
        make = BootSteps(group.name)
        yield make.remove_group()
        for disk in disks:
            yield from make.blank(disk)


def _check_room(disk: Disk, group: BootGroup) -> None:
    """Raises RefusedError for a disk the root does not fit on, before anything on it is gone."""
    if root_size((disk,)) < group.size:
        raise RefusedError(
            f"The disk with {disk.where} has no room for the system's {format_size(group.size)}.",
            hint="Choose one as large as the disk that stays.",
            subject=f"disk/{disk.serial}",
        )


def _refused_behind() -> RefusedError:
    return RefusedError(
        "The disk that is to stay was away, and may not hold all of the system.",
        hint="Let it catch up first, with both disks named: appliance boot set node --disks A,B; "
        "go on when they are equal.",
        subject=CLAIM,
    )


def _refused_lost() -> RefusedError:
    return RefusedError(
        "A disk of the boot mirror does not answer, and nothing is named to take its place.",
        hint="Name the disk that is left and a new one: appliance boot set node --disks A,B",
        subject=CLAIM,
    )


def _refused_move() -> RefusedError:
    return RefusedError(
        "The system cannot leave all its disks for others in one go.",
        hint="Name one that it is on beside a new one first; go on when they are equal.",
        subject=CLAIM,
    )
