"""Global hot spares: blank disks that take a lost one's place in any pool of this node."""

from __future__ import annotations

from typing import Final

from appliance.model.names import CONFIG_DIR
from appliance.model.resource import Found, Spec

SPARE_DIR: Final = f"{CONFIG_DIR}/spares"


class SpareSpec(Spec):
    """A disk kept for whichever pool needs it first."""

    disk: str
    """`bay:LABEL`, a serial or a WWN; stored as a serial."""


class SpareFound(Found):
    """A spare as it is written down on the node."""

    disk: str = ""
    """Serial; empty when the document cannot be read."""
