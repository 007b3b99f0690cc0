"""The light of a bay whose disk is being replaced: lit from the start until the disk is pulled.

A light that is left on by a restart of the agent is put out by `disk locate --off`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from agents.node.apply.files import NodeFiles
from agents.node.apply.lights import switch_light
from agents.node.care.means import Means
from agents.node.observe.lights import observe_light
from agents.node.profiles import GENERIC, profile_named
from appliance.errors import ApplianceError
from appliance.kinds.base import Probe
from appliance.model.disk import Disk
from appliance.model.job import JobState
from appliance.model.resource import Finding
from appliance.model.snapshot import NodeSnapshot

LOG: Final = logging.getLogger(__name__)
WHO: Final = "replace"


class _Lit(NamedTuple):
    path: str
    job: int
    where: str


class BayLights:
    """Lights bays where that is available, and lets them be dark again."""

    def __init__(self, means: Means, probe: Callable[[], Probe], files: NodeFiles) -> None:
        self._means = means
        self._probe = probe
        self._files = files
        self._lit: dict[str, _Lit] = {}

    def light(self, disk: Disk, job: int) -> None:
        """Light the bay of a disk that leaves; nothing where that is not available."""
        name = self._profile_name()
        profile = GENERIC if name == GENERIC.name else profile_named(name)
        light = observe_light(self._probe(), disk, profile.locate)
        if light.available:
            self._switch(disk.serial, _Lit(light.path, job, disk.where), on=True)

    def round(self, seen: NodeSnapshot) -> float | None:
        """Put out the lights of disks that were pulled, or stay after all. Raises FullError."""
        for serial, lit in self._lit.copy().items():
            disk = seen.disk(serial)
            undone = self._means.journal.job(lit.job).state is JobState.UNDONE
            if disk is None or disk.missing or undone:
                self._switch(serial, lit, on=False)
        return None

    def findings(self) -> Iterator[Finding]:
        """None: a light tells of itself."""
        return iter(())

    def _switch(self, serial: str, lit: _Lit, *, on: bool) -> None:
        words = f"{'lit' if on else 'dark'} ({lit.where})"
        try:
            switch_light(self._files, lit.path, on=on)
        except ApplianceError as error:
            LOG.warning("the bay of %s: %s", serial, error.message)
            words = f"not {words}: {error.message}"
        if on:
            self._lit[serial] = lit
        else:
            self._lit.pop(serial, None)
        self._means.note(WHO, "disk_light_set", f"disk/{serial}", words)

    def _profile_name(self) -> str:
        seen = self._means.looking.last()
        return seen.host.profile if seen else GENERIC.name
