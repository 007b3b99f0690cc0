"""Looking at the node: fresh for plans, at most a few seconds old for those who only read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from agents.node.observe.devices import DeviceScan
from agents.node.observe.disks import just_put_in
from agents.node.observe.snapshot import ChassisProfile, observe_node
from appliance.kinds.base import Probe
from appliance.kinds.registry import AnyKind
from appliance.model.disk import Disk, Smart
from appliance.model.snapshot import NodeSnapshot
from appliance.model.verdict import Verdict
from appliance.planner.standing import stand
from appliance.state.disk_book import DiskBook
from appliance.state.disks import DiskMemory

RECENT_S: Final = 5.0
"""Age up to which a read is content with an earlier look."""


@dataclass(frozen=True)
class Sources:
    """Where a look at the node gets its facts."""

    probe: Callable[[], Probe]
    """Makes the probe of one observation."""
    scan: Callable[[], DeviceScan]
    kinds: Mapping[str, AnyKind]
    profile: ChassisProfile
    disks: DiskMemory
    secrets: Callable[[], Iterable[str]]
    smart: Callable[[], Mapping[str, Smart]]
    now: Callable[[], datetime]
    book: DiskBook
    verdict: Callable[[Disk], Verdict]


class Looking:
    """Takes snapshots. Readers that come together share one look."""

    def __init__(
        self,
        sources: Sources,
        claims: Callable[[], Mapping[str, str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = sources
        self._claims = claims
        self._clock = clock
        self._turn = threading.Lock()
        self._last: NodeSnapshot | None = None
        self._seen: NodeSnapshot | None = None
        self._taken = 0.0
        self._forgotten = 0
        self._moves = 0
        """Disks that came or went: a look begun before knows less than what was told since."""

    def fresh(self, claims: Mapping[str, str]) -> NodeSnapshot:
        """The node as it is now; `claims` are the disks of unfinished jobs (serial -> pool)."""
        sources, begun_at, moves = self._sources, self._forgotten, self._moves
        now = sources.now()
        snapshot = observe_node(
            sources.probe(),
            sources.scan(),
            kinds=sources.kinds.values(),
            profile=sources.profile,
            last_known={disk.serial: disk for disk in sources.disks.known()},
            claims=claims,
            secrets=sources.secrets(),
            smart=sources.smart(),
            now=now,
        )
        snapshot = self._stood(snapshot, now)
        sources.disks.remember(snapshot.disks, now)
        if moves == self._moves:
            # What was forgotten meanwhile may be in this look as it was before.
            self._seen, self._taken = snapshot, self._clock()
            self._last = snapshot if begun_at == self._forgotten else None
        return snapshot

    def _stood(self, snapshot: NodeSnapshot, now: datetime) -> NodeSnapshot:
        """The look with how disks stand, and with what is thought of those in no pool."""
        seen = stand(snapshot, self._sources.book.entries(), now)
        self._sources.book.saw(seen.changed, seen.forgotten)
        judged = {
            disk.serial: self._sources.verdict(disk)
            for disk in seen.snapshot.disks
            if not (disk.pool or disk.missing)
        }
        return seen.snapshot.model_copy(update={"verdicts": judged})

    def recent(self) -> NodeSnapshot:
        """The node as it was at most RECENT_S ago."""
        last = self._young()
        if last is None:
            with self._turn:
                last = self._young() or self.fresh(self._claims())
        return last

    def anew(self) -> NodeSnapshot:
        """The node as it is from now on; readers meanwhile have the last look."""
        with self._turn:
            return self.fresh(self._claims())

    def gone(self, serials: Collection[str]) -> None:
        """These disks were just pulled: readers see them missing before the next look has ended.

        Plans are made from fresh looks only.
        """
        seen = self._seen
        if seen is not None:
            lost = {"missing": True, "paths": (), "node": ""}
            disks = tuple(
                disk.model_copy(update=lost) if disk.serial in serials else disk
                for disk in seen.disks
            )
            self._moved(seen.model_copy(update={"disks": disks}))

    def came(self, node: str) -> None:
        """This disk was just put in: readers see it in its bay before the next look has ended.

        A member that is back has the role it had. Raises UnavailableError when udev cannot be asked.
        """
        sources, seen = self._sources, self._seen
        device = next((item for item in sources.scan().devices if item.node == node), None)
        if seen is None or device is None:
            return
        disk = just_put_in(sources.probe(), device, sources.profile)
        known = next((item for item in seen.disks if item.serial == disk.serial), None)
        if known is not None and not known.missing:
            return  # a second path to it
        if known is not None:
            kept = ("role", "pool", "tier", "signatures")
            disk = disk.model_copy(update={field: getattr(known, field) for field in kept})
        others = tuple(item for item in seen.disks if item.serial != disk.serial)
        self._moved(seen.model_copy(update={"disks": (*others, disk)}))

    def last(self) -> NodeSnapshot | None:
        """The last look, however old; None before the first."""
        return self._seen

    def _moved(self, seen: NodeSnapshot) -> None:
        self._moves += 1
        self._seen = self._last = seen
        self._taken = self._clock()

    def forget(self) -> None:
        """What was seen is known to be over: the next reader looks anew."""
        self._forgotten += 1
        self._last = None

    def _young(self) -> NodeSnapshot | None:
        return self._last if self._clock() - self._taken <= RECENT_S else None
