"""The locate lights: seen by a probe, switched by one write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agents.node.apply.files import NodeFiles
from agents.node.apply.lights import switch_light
from agents.node.observe.lights import observe_light
from appliance.kinds.base import Probe
from appliance.model.disk import Disk
from appliance.model.light import Light
from appliance.model.profile import LocateMethod


@dataclass(frozen=True)
class Lights:
    """The lights of this node."""

    probe: Callable[[], Probe]
    files: NodeFiles

    def seen(self, disk: Disk, method: LocateMethod) -> Light:
        """The light of a disk's bay, as it is now."""
        return observe_light(self.probe(), disk, method)

    def switch(self, light: Light, *, on: bool) -> None:
        """Switch one that is available. Raises StepFailedError."""
        switch_light(self.files, light.path, on=on)
