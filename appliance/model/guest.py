"""Libvirt domains as the reading adapter reports them."""

from __future__ import annotations

from typing import Annotated

from appliance.model.base import VOLATILE, Bytes, Value


class GuestRecord(Value):
    """One domain, as libvirt knows it."""

    name: str
    uuid: str
    state: str
    """running, paused, shutdown, shutoff, crashed or pmsuspended."""
    autostart: bool
    memory: Bytes
    vcpus: int
    xml: str
    """The inactive (persistent) definition."""
    cpu_time_ns: Annotated[int, VOLATILE] = 0
