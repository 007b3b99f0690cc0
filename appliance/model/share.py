"""A share: one file system with one set of permissions, shown by one or more faces (NFS, SMB)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from appliance.model.base import VOLATILE, Bytes, Name, Size
from appliance.model.resource import Found, Spec


class ShareSpec(Spec):
    """XFS on a volume, mounted under /srv/shares/NAME."""

    volume: Name
    quota: Size | None = None
    """Project quota over the whole share; None for the volume's own size."""
    owner: str = "root"
    group: str = "users"
    mode: Annotated[str, Field(pattern=r"^[0-7]{4}$")] = "2770"
    """Permissions of the top folder, octal."""


class ShareFound(Found):
    """The file system as it is."""

    volume: str
    """Empty when the file system is mounted from something that is no volume of ours."""
    device: str
    filesystem: str
    """Type on the device: "xfs", or "" while it is not made yet."""
    mounted: bool
    unit: bool = False
    """The mount unit that brings it back at boot is in place and enabled."""
    quota: Bytes | None = None
    owner: str = ""
    group: str = ""
    mode: str = ""
    size: Bytes = 0
    free: Annotated[Bytes, VOLATILE] = 0
