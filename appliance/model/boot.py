"""The disks the system starts from: what a person wants of them and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from appliance.model.base import VOLATILE, Bytes, Value
from appliance.model.names import NODE
from appliance.model.resource import Found, Spec

GIB: Final = 1 << 30
MIB: Final = 1 << 20
ESP_SIZE: Final = 512 * MIB
"""Room for some kernels with their initrds."""
ROOT_SIZE: Final = 16 * GIB
"""Of the root where the disks have it; the rest of them stays free."""
ROOT_LEAST: Final = 3 * GIB
"""What the live medium's own root has."""
LEAST_DISK: Final = ESP_SIZE + ROOT_LEAST + 64 * MIB
"""The smallest disk that holds both, partition tables and LVM's metadata."""
CLAIM: Final = f"boot/{NODE}"
"""Whose a disk is that an unfinished installation had consent for."""


class BootSpec(Spec):
    """The disks the system is installed on; there is one such wish, named `node`."""

    disks: Annotated[tuple[str, ...], Field(min_length=1, max_length=2)]
    """Each `bay:LABEL`, a serial or a WWN; two are a mirror, and either starts the node alone."""


class BootDisk(Value):
    """A disk of an installed system, by its physical volume."""

    serial: str = ""
    """As LVM's tag holds it; empty while it was not written down yet."""
    pv: str = ""
    """Its physical volume's device; empty when it does not answer."""
    missing: bool = False
    flagged: bool = False
    """LVM left it out as missing, and it is here again."""
    holds_root: bool = False
    stale: bool = False
    """Its copy of the root failed, and has not caught up since."""
    loader: bool = False
    """What starts the system is on it, whole."""


class BootGroup(Value):
    """One installed system: its volume group, whole or in the making."""

    name: str
    disks: tuple[BootDisk, ...] = ()
    size: Bytes = 0
    """Of its root; 0 while there is none."""
    copies: int = 0
    whole: bool = False
    """The system is copied into its root."""
    running: bool = False
    """The node runs from it."""
    returned: bool = False
    """A disk of the mirror failed and answers again, but is not used."""
    sync_percent: Annotated[float, VOLATILE] = 100

    @property
    def complete(self) -> bool:
        """It can be started, from each of its disks."""
        return self.whole and all(disk.loader for disk in self.disks)

    @property
    def missing(self) -> tuple[BootDisk, ...]:
        """Its disks that do not answer."""
        return tuple(disk for disk in self.disks if disk.missing)


class BootFound(Found):
    """What the node runs from, and the installed systems on its disks."""

    disks: tuple[str, ...] = ()
    """Serials of the disks it runs from; empty on a live medium."""
    running: bool = False
    """It runs from its boot disks, and not from a medium."""
    groups: tuple[BootGroup, ...] = ()
    labels: frozenset[str] = frozenset()
    """Names of partitions that an installation made."""

    @property
    def own(self) -> tuple[BootGroup, ...]:
        """What makes a disk a boot disk: the system that runs; on a medium, all there are."""
        return tuple(group for group in self.groups if group.running or not self.running)


def boot_in(found: Mapping[str, Mapping[str, Found]]) -> BootFound:
    """The one finding among all that was found."""
    item = found.get("boot", {}).get(NODE)
    return item if isinstance(item, BootFound) else BootFound()
