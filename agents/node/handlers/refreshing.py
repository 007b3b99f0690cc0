"""Keeps SMART readings young in a thread of its own, so that no reader waits for a slow drive."""

from __future__ import annotations

import logging
import threading
from typing import Final

from agents.node.apply.handles import Runs
from agents.node.handlers.looking import Looking
from agents.node.observe.smart import SmartCache, scan_types, smart_targets
from appliance.errors import ApplianceError

LOG: Final = logging.getLogger(__name__)

EVERY_S: Final = 600.0
"""smartd's own default is half an hour; ten minutes is soon enough for a drive that says it fails."""
FIRST_AFTER_S: Final = 5.0
"""The node has better things to do while it starts."""


class SmartRefresh(threading.Thread):
    """Reads all drives again and again until told to stop."""

    def __init__(self, cache: SmartCache, looking: Looking, executor: Runs) -> None:
        super().__init__(name="smart-refresh", daemon=True)
        self._cache = cache
        self._looking = looking
        self._executor = executor
        self._over = threading.Event()

    def run(self) -> None:
        """See Thread."""
        pause_s = FIRST_AFTER_S
        while not self._over.wait(pause_s):
            self.refresh()
            pause_s = EVERY_S

    def refresh(self) -> None:
        """One round. A node that cannot be read now is read the next time."""
        try:
            disks = self._looking.recent().disks
        except ApplianceError as error:
            LOG.warning("SMART is not read this time: %s", error.message)
            return
        self._cache.retain(disk.serial for disk in disks)
        self._cache.refresh(smart_targets(disks, scan_types(self._executor.run)))

    def stop(self) -> None:
        """No further round; the one that goes on is not waited for."""
        self._over.set()
