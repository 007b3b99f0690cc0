"""The thread that does what is due by itself; while nothing is, it sleeps and starts no process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from agents.node.apply.files import NodeFiles
from agents.node.apply.handles import Runs
from agents.node.care.lights import BayLights
from agents.node.care.means import Means
from agents.node.care.metrics import scrub_families, self_test_families
from agents.node.care.returns import Returns
from agents.node.care.scrubs import Scrubs
from agents.node.care.selftests import SelfTestRounds
from agents.node.care.spares import Spares
from agents.node.observe.host import observe_boot
from agents.node.observe.smart import SmartCache
from agents.node.watch.exposition import Family
from appliance.errors import ApplianceError
from appliance.kinds.base import Probe
from appliance.model.care import CareLine
from appliance.model.disk import Disk
from appliance.model.light import Lamp, Light
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


class Parts(NamedTuple):
    """All that is done by itself."""

    spares: Spares
    returns: Returns
    scrubs: Scrubs
    tests: SelfTestRounds
    lights: BayLights


class Tools(Protocol):
    """What care touches of the machine; the agent's `Outside` has it."""

    @property
    def files(self) -> NodeFiles:
        """The node's files."""

    @property
    def executor(self) -> Runs:
        """Carries commands out."""

    @property
    def smart(self) -> SmartCache:
        """The last readings."""

    def probe(self) -> Probe:
        """Makes a reading handle."""


class Care(threading.Thread):
    """Spares, returns, scrubs, self-tests and lights, each by what the watch last saw."""

    def __init__(self, parts: Parts, last: Callable[[], NodeSnapshot | None]) -> None:
        super().__init__(name="care", daemon=True)
        self.spares, _, self._scrubs, self._tests, self._lights = parts
        self._parts: Sequence[Part] = parts
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

    def metrics(self, seen: NodeSnapshot) -> tuple[Family, ...]:
        """Scrubs and self-tests in numbers."""
        tests = self_test_families(self._tests.states(seen.disks))
        return (*scrub_families(self._scrubs.states()), *tests)

    def lit(self, disk: Disk, lamp: Lamp) -> Light | None:
        """A light of its bay that the node lit by itself, as it is now; None when it did not."""
        return self._lights.lit(disk, lamp)

    def replacing(self, pool: str, disks: Iterable[Disk], job: int) -> None:
        """A replacement has begun: its bays are lit, and a scrub will prove what it made."""
        self._scrubs.ask(pool)
        for disk in disks:
            self._lights.light(disk, job)

    def _one(self, part: Part, seen: NodeSnapshot) -> float:
        try:
            due_s = part.round(seen)
        except ApplianceError as error:
            LOG.warning("the care goes on in spite of: %s %s", error.message, error.hint)
            return SOON_S
        return LONGEST_S if due_s is None else due_s


def attend(means: Means, book: CareBook, tools: Tools) -> Care:
    """All of it, on the parts of the agent."""
    scrubs = Scrubs(means, book, observe_boot(tools.probe()))
    lights = BayLights(means, book, tools.probe, tools.files, tools.executor)

    def taken(lost: Disk, job: int) -> None:
        scrubs.ask(lost.pool)
        lights.light(lost, job)

    spares = Spares(means, book, time.monotonic, taken)
    tests = SelfTestRounds(book, tools.smart, tools.executor, means.now, note=means.note)
    returns = Returns(means, time.monotonic)
    return Care(Parts(spares, returns, scrubs, tests, lights), means.looking.last)
