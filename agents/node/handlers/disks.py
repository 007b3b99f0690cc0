"""The node, its chassis and its disks, as they were just now."""

from __future__ import annotations

import re
from typing import Final

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from agents.node.profiles import GENERIC, profile_named
from appliance.api.wire import Chassis, DiskList, Empty
from appliance.model.disk import Disk
from appliance.model.snapshot import NodeSnapshot

_PARTS: Final = re.compile(r"\d+|\D+")


def disks(context: Context, caller: Caller, body: Empty) -> DiskList:
    """All disks in the order of their bays, missing ones included."""
    del caller, body
    seen = context.looking.recent()
    return DiskList(disks=tuple(sorted(seen.disks, key=_by_bay)), problems=seen.problems)


def chassis(context: Context, caller: Caller, body: Empty) -> Chassis:
    """What the machine looks like, by the profile that fits it."""
    del caller, body
    name = context.looking.recent().host.profile
    profile = GENERIC if name == GENERIC.name else profile_named(name)
    return Chassis(
        profile=profile.name, title=profile.title, bays=profile.bays, panels=profile.panels
    )


def snapshot(context: Context, caller: Caller, body: Empty) -> NodeSnapshot:
    """The node as one value."""
    del caller, body
    return context.looking.recent()


def _by_bay(disk: Disk) -> tuple[bool, tuple[str, ...], str]:
    """Bay 2 before bay 10, and disks in no bay, such as the boot disk, last."""
    parts = tuple(
        f"{int(part):09}" if part.isdigit() else part for part in _PARTS.findall(disk.bay)
    )
    return not disk.bay, parts, disk.serial
