"""The lights of bays whose disks are to be pulled, lit and put out by the node itself.

The fault light shines while a disk fails or a member does not answer, the locate light from the
start of a replacement until the disk is pulled. What is lit is kept in the database, so a restart
of the agent leaves no light on for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final

from agents.node.apply.files import NodeFiles
from agents.node.apply.handles import Runs
from agents.node.apply.lights import switch_light
from agents.node.care.means import Means
from agents.node.observe.lights import find_lights, read_light
from appliance.errors import ApplianceError
from appliance.kinds.base import Probe
from appliance.model.disk import Disk
from appliance.model.job import JobState
from appliance.model.light import Lamp, Light, LitBay
from appliance.model.resource import Finding
from appliance.model.snapshot import NodeSnapshot
from appliance.model.verdict import Confidence, Grade
from appliance.state.care import CareBook

LOG: Final = logging.getLogger(__name__)
WHO: Final = "light"
"""Who did it, in the audit."""


class BayLights:
    """Lights bays where that is available, and lets them be dark again."""

    def __init__(
        self,
        means: Means,
        book: CareBook,
        probe: Callable[[], Probe],
        files: NodeFiles,
        runs: Runs,
    ) -> None:
        self._means = means
        self._book = book
        self._probe = probe
        self._files = files
        self._runs = runs
        self._here: tuple[tuple[str, str], ...] = ()
        """Serial and kernel name of each disk, as the lights' places were found for."""
        self._places: dict[str, tuple[Light, ...]] = {}
        """Serial of a member -> where its bay's fault light may be, for when it does not answer."""
        self._dark: set[tuple[str, Lamp]] = set()
        """Bays without this light; tried again when disks come or go."""

    def light(self, disk: Disk, job: int) -> None:
        """Light the bay of a disk that leaves by a job; nothing where that is not available."""
        for lamp in Lamp:
            self._turn_on(disk, lamp, job)

    def round(self, seen: NodeSnapshot) -> float | None:
        """Bring the lights in line with the last look. Raises FullError."""
        self._learn(seen)
        for bay in self._book.lit():
            if not self._stays(bay, seen):
                self._turn_off(bay)
        lit = {bay.serial for bay in self._book.lit() if bay.light.lamp is Lamp.FAULT}
        for disk in seen.disks:
            if disk.serial not in lit and self._is_bad(disk):
                self._turn_on(disk, Lamp.FAULT, None)
        return None

    def lit(self, disk: Disk, lamp: Lamp) -> Light | None:
        """A light of its bay that was lit here, as it is now; None when none was."""
        lights = (bay.light for bay in self._book.lit() if bay.serial == disk.serial)
        found = next((light for light in lights if light.lamp is lamp), None)
        return None if found is None else read_light(self._probe(), found)

    def findings(self) -> Iterator[Finding]:
        """None: a light tells of itself."""
        return iter(())

    def _learn(self, seen: NodeSnapshot) -> None:
        here = tuple((disk.serial, disk.node) for disk in seen.disks)
        if here == self._here:
            return
        probe, self._here = self._probe(), here
        self._dark.clear()
        for disk in seen.disks:
            if disk.pool and not disk.missing:
                self._places[disk.serial] = find_lights(probe, disk, Lamp.FAULT)

    def _is_bad(self, disk: Disk) -> bool:
        """It is to be replaced: a member that does not answer, or one that fails with some sureness."""
        if disk.missing:
            return bool(disk.pool)
        verdict = self._means.verdicts.verdict(disk)
        return verdict.verdict is Grade.FAILING and verdict.confidence is not Confidence.LOW

    def _stays(self, bay: LitBay, seen: NodeSnapshot) -> bool:
        disk = seen.disk(bay.serial)
        if disk is None:
            return False
        if bay.light.lamp is Lamp.FAULT and self._is_bad(disk):
            return True
        leaves = bay.job is not None and not disk.missing
        return leaves and self._means.journal.job(bay.job or 0).state is not JobState.UNDONE

    def _turn_on(self, disk: Disk, lamp: Lamp, job: int | None) -> None:
        light = None if (disk.serial, lamp) in self._dark else self._found(disk, lamp)
        if light is None:
            self._dark.add((disk.serial, lamp))
            return
        bay = LitBay(serial=disk.serial, light=light, where=disk.where, job=job)
        if self._switch(bay, on=True):
            self._book.light_on(bay)
        else:
            self._dark.add((disk.serial, lamp))

    def _turn_off(self, bay: LitBay) -> None:
        """Another disk in the same bay may be the reason now."""
        place = (bay.light.path, bay.light.element)
        self._book.light_off(bay)
        if all((item.light.path, item.light.element) != place for item in self._book.lit()):
            self._switch(bay, on=False)

    def _found(self, disk: Disk, lamp: Lamp) -> Light | None:
        probe, places = self._probe(), self._places.get(disk.serial, ())
        if not disk.missing:
            places = find_lights(probe, disk, lamp)
        lights = (read_light(probe, place) for place in places if place.lamp is lamp)
        return next((light for light in lights if light.available), None)

    def _switch(self, bay: LitBay, *, on: bool) -> bool:
        words = f"{bay.light.lamp} light {'lit' if on else 'dark'} ({bay.where})"
        done = True
        try:
            switch_light(self._files, self._runs, bay.light, on=on)
        except ApplianceError as error:
            LOG.warning("the bay of %s: %s", bay.serial, error.message)
            words, done = f"not {words}: {error.message}", False
        self._means.note(WHO, "disk_light_set", f"disk/{bay.serial}", words)
        return done
