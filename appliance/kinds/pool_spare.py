"""The spare of the thin pools' metadata: linear, so lost with its disk; made anew afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from appliance.kinds.pool_build import Place
from appliance.kinds.pool_layout import EXTENT, MIB
from appliance.kinds.pool_leaving import Departure
from appliance.kinds.pool_pairing import Leaving
from appliance.kinds.pool_parts import SPARE_MAKER, makes_spare, spare_of, spare_on
from appliance.kinds.pool_steps import PoolSteps
from appliance.model.pool import PoolFound, TierName
from appliance.model.steps import RunStep

_EXTENT_WORDS: Final = f"{EXTENT // MIB}m"


@dataclass(frozen=True)
class PoolSpare:
    """What becomes of the spare when disks leave."""

    departure: Departure

    @property
    def make(self) -> PoolSteps:
        """The steps' maker."""
        return self.departure.build.make

    def drop(self, leaving: Iterable[Leaving]) -> Iterator[RunStep]:
        """Remove the spare where it is lost with its disk or lies on one that leaves."""
        for name in filter(None, dict.fromkeys(spare_on(item.member) for item in leaving)):
            yield self.make.run("Let go of the metadata spare that lay there",
                                "lvremove", "--yes", f"{self.make.vg}/{name}")  # fmt: skip

    def clear(self) -> Iterator[RunStep]:
        """Take away what a job that was cut off made the spare with, where it lies on a disk that
        leaves or is lost."""
        if self._maker_leaves:
            yield self._take_away()

    def anew(self) -> Iterator[RunStep]:
        """The steps that make it again where it is lost; none where it is not.

        No LVM command asks for the spare alone. Making a pool makes it, as large as that
        pool's metadata, and extending a pool's metadata makes it as large as the largest there
        is, beside where it lies: so a small pool is made, extended and taken away again.
        """
        found = self.departure.build.found
        if found is None or not (self.departure.complete and self._lost(found)):
            return
        if SPARE_MAKER not in found.logical_volumes or self._maker_leaves:
            yield self.make.run(
                "Make a spare for the thin pools' metadata anew, with a small pool",
                "lvcreate", "--yes", "--type", "thin-pool", "--poolmetadataspare", "y",
                "--extents", "1", "--poolmetadatasize", _EXTENT_WORDS, "--name", SPARE_MAKER,
                self.make.vg, self._home(found),
                undo=self.make.remove_words(SPARE_MAKER),
            )  # fmt: skip
        yield self.make.run(
            "Let the spare be as large as the largest metadata",
            "lvextend", "--yes", "--poolmetadatasize", f"+{_EXTENT_WORDS}",
            f"{self.make.vg}/{SPARE_MAKER}",
        )  # fmt: skip
        yield self._take_away()

    def _take_away(self) -> RunStep:
        return self.make.run("Take away the small pool that made the spare",
                             "lvremove", "--yes", f"{self.make.vg}/{SPARE_MAKER}")  # fmt: skip

    @property
    def _maker_leaves(self) -> bool:
        return any(makes_spare(item.member) for item in self.departure.leaving)

    def _home(self, found: PoolFound) -> str:
        """Device of the disk with the most room for it, on the performance tier if there is one."""
        fast = self.departure.build.tier_found(TierName.PERFORMANCE).members
        home = TierName.PERFORMANCE if fast else TierName.CAPACITY
        taken = {item.target.serial: item for item in self.departure.leaving if item.target}
        spare = max(state.metadata_size for state in found.tiers.values()) // EXTENT

        def room(place: Place) -> int:
            item = taken.get(place.serial)
            if item is None:
                return place.free
            return place.free - item.used + (spare if spare_on(item.member) else 0)

        places = [
            place for place in self.departure.build.places() if place.tier is home and place.device
        ]
        return max(places, key=room).device

    def _lost(self, found: PoolFound) -> bool:
        whole = bool(found.tiers) and all(item.thin_pool for item in found.tiers.values())
        dropped = any(spare_on(item.member) for item in self.departure.leaving)
        names = found.logical_volumes
        gone = bool(names) and not spare_of(found)
        return whole and (dropped or gone or SPARE_MAKER in names)
