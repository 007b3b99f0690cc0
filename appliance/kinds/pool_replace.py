"""The steps by which disks take the places of others, from whatever stands of that already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from appliance.kinds.pool_build import Place, PoolBuild
from appliance.kinds.pool_closed import reopening
from appliance.kinds.pool_handover import HandOver, erase
from appliance.kinds.pool_leaving import Departure
from appliance.kinds.pool_leaving_rules import check_departure
from appliance.kinds.pool_lost import LostDisks
from appliance.kinds.pool_spare import PoolSpare
from appliance.kinds.pool_steps import PoolSteps
from appliance.model.disk import OUR_LAYERS
from appliance.model.steps import RunStep, Step


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
    def make(self) -> PoolSteps:
        """The steps' maker."""
        return self.build.make

    def steps(self) -> Iterator[Step]:
        """What is left to do, in order. Raises RefusedError for what must not be done."""
        found = self.build.found
        if found is not None and (self.departure.leaving or LostDisks(self.departure, found).any):
            check_departure(self.departure)
            yield from self._replace(LostDisks(self.departure, found))
            yield from HandOver(self.departure, found).steps()
        else:
            yield from self._open()
            yield from self.as_found.steps()
        yield from PoolSpare(self.departure).anew()
        yield from self._blank_left()

    def _replace(self, lost: LostDisks) -> Iterator[Step]:
        """Take the new disks in and rebuild on them what is lost; what is there can follow."""
        places = self.build.places()
        new = tuple(place for place in places if place.member is None)
        yield from self._open()
        yield from self.build.prepare(new)
        if new:
            yield self._join(new, last=not lost.any)
        yield from PoolSpare(self.departure).clear()
        if lost.any:
            yield from lost.steps()
        if self.departure.complete:
            for place in places:
                if not place.tagged and place.disk is not None:
                    yield self.make.tag_pv(place.disk, place.tier, integrity=place.integrity)

    def _open(self) -> Iterator[Step]:
        """The layers that are only closed, those of disks that leave too; then all volumes."""
        found = self.as_found.found
        if found is not None:
            yield from reopening(self.make, found, self.as_found.snapshot)

    def _join(self, new: tuple[Place, ...], *, last: bool) -> RunStep:
        """vgextend(8) works with a member missing; taking a disk out again then does not."""
        step = self.make.extend_vg(
            tuple(place.device for place in new), tuple(place.serial for place in new)
        )
        return step if last else step.model_copy(update={"undo": None})

    def _blank_left(self) -> Iterator[Step]:
        """Disks out of the group that a job had consent for and did not get to erase."""
        places = {place.serial for place in self.build.places()}
        leaving = {item.disk.serial for item in self.departure.leaving if item.disk}
        for disk in self.build.snapshot.disks:
            ours = self.build.snapshot.claims.get(disk.serial) == self.build.name
            known = disk.serial in places or disk.serial in leaving or disk.pool
            layers = {item.type for item in disk.signatures}
            if ours and not known and not disk.missing and layers and layers <= OUR_LAYERS:
                yield from erase(self.make, disk, None)
