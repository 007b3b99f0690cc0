"""How fast disks are rebuilt and scrubbed beside the clients' own work."""

from __future__ import annotations

from typing import Final, Self

from pydantic import model_validator

from appliance.model.base import Bytes, Size
from appliance.model.resource import Found, Spec

KIB: Final = 1 << 10
MIB: Final = 1 << 20
TIB: Final = 1 << 40


class RebuildSpec(Spec):
    """The pace of rebuilds and scrubs; there is one, named `node`."""

    floor: Size = 30 * MIB
    """Bytes a second of each disk that a rebuild or scrub gets even while clients work."""
    ceiling: Size = 200 * MIB
    """Bytes a second of each disk that it takes at most, clients or not."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.floor < MIB:
            raise ValueError("floor must be 1 MiB at least: below that a rebuild never ends")
        if self.ceiling < self.floor:
            raise ValueError("ceiling must not be below floor")
        if self.ceiling >= 2 * TIB:
            raise ValueError("ceiling must be below 2 TiB: the kernel counts KiB in 31 bits")
        return self


class RebuildFound(Found):
    """The pace the kernel keeps, and the file that has it keep that after a start."""

    floor: Bytes = 0
    ceiling: Bytes = 0
    settings: str | None = None
    """Our file in sysctl.d(5); None when there is none."""
