"""Reads SMART by the clock, in a thread of its own, so that nobody waits for a slow drive."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final

from agents.node.apply.handles import Runs
from agents.node.observe.smart import SmartCache, scan_types, smart_targets
from appliance.errors import ApplianceError
from appliance.model.disk import Disk, Transport

LOG: Final = logging.getLogger(__name__)

EVERY_S: Final = 600.0
"""smartd's own default is half an hour; ten minutes is soon enough for a drive that says it fails."""
FIRST_AFTER_S: Final = 5.0
"""The node has better things to do while it starts."""
_PLAIN: Final = frozenset({Transport.SAS, Transport.SATA, Transport.NVME, Transport.VIRTIO})
"""How these are spoken to is known; only others need smartctl's scan, which opens every disk."""


class SmartPoll(threading.Thread):
    """Reads all drives again and again until told to stop. Sleeping drives are left asleep."""

    def __init__(
        self,
        cache: SmartCache,
        disks: Callable[[], Iterable[Disk]],
        executor: Runs,
        done: Callable[[], None],
        every_s: float = EVERY_S,
    ) -> None:
        """`done` is called after each round, in this thread."""
        super().__init__(name="smart-poll", daemon=True)
        self._cache = cache
        self._disks = disks
        self._executor = executor
        self._done = done
        self._every_s = every_s
        self._wake = threading.Event()
        self._over = False

    def run(self) -> None:
        """See Thread."""
        pause_s = min(FIRST_AFTER_S, self._every_s)
        while True:
            self._wake.wait(pause_s)
            self._wake.clear()
            if self._over:
                return
            self.round()
            pause_s = self._every_s

    def round(self) -> None:
        """Read every drive once. A node that cannot be read now is read the next time."""
        try:
            disks = tuple(self._disks())
        except ApplianceError as error:
            LOG.warning("SMART is not read this time: %s", error.message)
            return
        self._cache.retain(disk.serial for disk in disks)
        plain = all(disk.transport in _PLAIN for disk in disks)
        scanned = () if plain else scan_types(self._executor.run)
        self._cache.refresh(smart_targets(disks, scanned))
        self._done()

    def soon(self) -> None:
        """A disk was put in: begin the next round now."""
        self._wake.set()

    def stop(self) -> None:
        """No further round; the one that goes on is not waited for."""
        self._over = True
        self._wake.set()
