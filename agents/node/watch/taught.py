"""A hardware profile with the bays people taught the node: they speak where the profile is silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agents.node.observe.snapshot import ChassisProfile
from appliance.model.profile import Reserve


@dataclass(frozen=True)
class TaughtProfile:
    """The profile of this machine and its taught map."""

    profile: ChassisProfile
    labels: Callable[[], Mapping[str, str]]
    """Path (udev's ID_PATH) -> label."""

    @property
    def name(self) -> str:
        """See Profile."""
        return self.profile.name

    @property
    def reserve(self) -> Reserve:
        """See Profile."""
        return self.profile.reserve

    def bay_of(self, id_path: str, *, enclosure: str = "", slot: int | None = None) -> str:
        """The label by the profile, else by what was taught."""
        known = self.profile.bay_of(id_path, enclosure=enclosure, slot=slot)
        return known or self.labels().get(id_path, "")
