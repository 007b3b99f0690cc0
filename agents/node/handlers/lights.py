"""The lights of bays: seen by a probe, switched by one write or one word to the enclosure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agents.node.apply.files import NodeFiles
from agents.node.apply.handles import Runs
from agents.node.apply.lights import switch_light
from agents.node.observe.lights import observe_light
from appliance.kinds.base import Probe
from appliance.model.disk import Disk
from appliance.model.light import Lamp, Light
from appliance.model.profile import LocateMethod


@dataclass(frozen=True)
class Lights:
    """The lights of this node."""

    probe: Callable[[], Probe]
    files: NodeFiles
    runs: Runs

    def seen(self, disk: Disk, method: LocateMethod, lamp: Lamp) -> Light:
        """A light of a disk's bay, as it is now."""
        return observe_light(self.probe(), disk, method, lamp)

    def switch(self, light: Light, *, on: bool) -> None:
        """Switch one that is available. Raises StepFailedError."""
        switch_light(self.files, self.runs, light, on=on)
