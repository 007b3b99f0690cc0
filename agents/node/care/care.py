"""The thread that does what is due by itself; while nothing is, it sleeps and starts no process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from agents.node.apply.handles import Runs
from agents.node.care.means import Means
from agents.node.care.scrubs import Scrubs
from agents.node.care.selftests import SelfTestRounds
from agents.node.care.spares import Spares
from agents.node.observe.smart import SmartCache
from appliance.errors import ApplianceError
from appliance.model.care import CareLine
from appliance.model.disk import Disk
from appliance.model.resource import Finding
from appliance.model.snapshot import NodeSnapshot
from appliance.state.care import CareBook

LOG: Final = logging.getLogger(__name__)
LONGEST_S: Final = 3600.0
SOON_S: Final = 30.0


class Part(Protocol):
    """Something that is done by itself."""

    def round(self, seen: NodeSnapshot) -> float | None:
        """Do what is due; seconds until something is again, None when a look will tell."""

    def findings(self) -> Iterator[Finding]:
        """What to tell of it."""


class Care(threading.Thread):
    """Spares, scrubs and self-tests, each by what the watch last saw."""

    def __init__(
        self,
        spares: Spares,
        scrubs: Scrubs,
        tests: SelfTestRounds,
        last: Callable[[], NodeSnapshot | None],
    ) -> None:
        super().__init__(name="care", daemon=True)
        self.spares = spares
        self._scrubs = scrubs
        self._tests = tests
        self._parts: Sequence[Part] = (spares, scrubs, tests)
        self._last = last
        self._wake = threading.Event()
        self._over = False

    def run(self) -> None:
        """See Thread."""
        patience_s = SOON_S
        while True:
            self._wake.wait(patience_s)
            self._wake.clear()
            if self._over:
                return
            patience_s = self.round()

    def round(self) -> float:
        """Do what is due; how long to sleep then, in seconds."""
        seen = self._last()
        if seen is None:
            return SOON_S
        return max(1.0, min((LONGEST_S, *(self._one(part, seen) for part in self._parts))))

    def looked(self) -> None:
        """The node was looked at, or a job has ended. Safe from any thread."""
        self._wake.set()

    def stop(self) -> None:
        """Begin nothing more; a job that runs goes on."""
        self._over = True
        self._wake.set()

    def findings(self) -> tuple[Finding, ...]:
        """All there is to tell."""
        return tuple(finding for part in self._parts for finding in part.findings())

    def of_pool(self, name: str) -> tuple[CareLine, ...]:
        """What is done to a pool by itself."""
        return self._scrubs.lines(name)

    def of_disk(self, disk: Disk) -> tuple[CareLine, ...]:
        """What is done to a disk by itself."""
        return self._tests.lines(disk)

    def replaced(self, pool: str) -> None:
        """A disk of the pool was replaced: that all of it can be read is proven by a scrub."""
        self._scrubs.ask(pool)

    def _one(self, part: Part, seen: NodeSnapshot) -> float:
        try:
            due_s = part.round(seen)
        except ApplianceError as error:
            LOG.warning("the care goes on in spite of: %s %s", error.message, error.hint)
            return SOON_S
        return LONGEST_S if due_s is None else due_s


def attend(means: Means, book: CareBook, drives: SmartCache, executor: Runs) -> Care:
    """All of it, on the parts of the agent."""
    scrubs = Scrubs(means, book)
    return Care(
        Spares(means, book, time.monotonic, scrubs.ask),
        scrubs,
        SelfTestRounds(book, drives, executor, means.now, note=means.note),
        means.looking.last,
    )
