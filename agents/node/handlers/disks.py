"""The node and its disks, as they were just now."""

from __future__ import annotations

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from appliance.api.wire import DiskList, Empty
from appliance.model.snapshot import NodeSnapshot


def disks(context: Context, caller: Caller, body: Empty) -> DiskList:
    """All disks, missing ones included."""
    del caller, body
    seen = context.looking.recent()
    return DiskList(disks=seen.disks, problems=seen.problems)


def snapshot(context: Context, caller: Caller, body: Empty) -> NodeSnapshot:
    """The node as one value."""
    del caller, body
    return context.looking.recent()
