"""The handover sheet: what a person needs to know of a node that was set up, on one page."""

from __future__ import annotations

from datetime import datetime

from appliance.model.base import Bytes, Value


class HostKey(Value):
    """A public host key, as clients see it."""

    type: str
    fingerprint: str
    """SHA256:..., as ssh(1) shows it."""


class HandedLink(Value):
    """A way to the network and its addresses at this moment."""

    name: str
    interface: str
    mac: str
    addresses: tuple[str, ...]


class HandedDisk(Value):
    """A disk and its place."""

    bay: str
    serial: str
    model: str
    size: Bytes | None
    role: str
    pool: str


class HandedTier(Value):
    """A tier of a pool."""

    pool: str
    tier: str
    raid: str
    disks: int
    usable: Bytes
    survives: int
    """Disks that may be lost at once, whichever they are."""


class HandedShare(Value):
    """A share and how clients reach it."""

    name: str
    size: Bytes
    ways: tuple[str, ...]


class HandedAccount(Value):
    """A person who may log in."""

    name: str
    role: str
    keys: int
    password: bool


class Handover(Value):
    """All of it."""

    hostname: str
    profile: str
    chassis: str
    version: str
    at: datetime
    timezone: str
    time_servers: tuple[str, ...]
    host_keys: tuple[HostKey, ...]
    links: tuple[HandedLink, ...]
    disks: tuple[HandedDisk, ...]
    tiers: tuple[HandedTier, ...]
    shares: tuple[HandedShare, ...]
    accounts: tuple[HandedAccount, ...]
    first: tuple[str, ...]
    """What to do first, in order."""
