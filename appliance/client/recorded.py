"""The way to a node that is played from a recording in this process.

The agent is reached by its entry point, never by an import: faces and agent stay strangers.
"""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from appliance.client.memory import MemoryTransport
from appliance.errors import UnavailableError

GROUP: Final = "appliance.recorded_node"


def open_recorded(folder: str) -> MemoryTransport:
    """The transport to the node recorded in a folder.

    Raises UnavailableError where no agent is installed, and what the agent says of the folder.
    """
    for entry in entry_points(group=GROUP):
        make = entry.load()
        return MemoryTransport(make(Path(folder)), peer=(os.getpid(), os.getuid(), os.getgid()))
    raise UnavailableError(
        "A recording needs the agent, and it is not installed here.",
        hint="Install the whole of appliance-suite, or name a node with -H ssh://USER@HOST.",
        subject=folder,
    )
