"""A small node to watch: two members of a pool and a free disk, and a clock that is moved."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from agents.node.observe.udev import Action, DeviceEvent
from agents.node.watch.ears import Heard
from agents.node.watch.looking import Looking
from agents.node.watch.telling import Telling
from agents.node.watch.verdicts import Verdicts
from agents.node.watch.watch import Watch, Watched
from appliance.model.disk import Disk, DiskRole, Medium, Transport
from appliance.model.pool import PoolFound, RaidLevel, TierFound, TierName
from appliance.model.receiver import ReceiverSpec, WebhookWay
from appliance.model.snapshot import Host, NodeSnapshot
from appliance.state.alerts import Alerts
from appliance.state.db import Store
from appliance.state.disk_records import DiskRecords
from appliance.state.outbox import Outbox
from tests.unit.fakehost import NOW
from tests.unit.fakes import FakeProbe

HOOK = ReceiverSpec(webhook=WebhookWay(url="http://127.0.0.1:9/alerts"))


def disk(serial: str, node: str, bay: str, *, pool: str = "") -> Disk:
    return Disk(
        serial=serial,
        model="ST900MM0168",
        transport=Transport.SAS,
        medium=Medium.HDD,
        size=10**12,
        node=node,
        paths=(node,),
        bay=bay,
        role=DiskRole.PV if pool else DiskRole.FREE,
        pool=pool,
        tier="capacity" if pool else "",
    )


A, B, FREE = (
    disk("A", "sda", "1", pool="tank"),
    disk("B", "sdb", "2", pool="tank"),
    disk("F", "sdf", "6"),
)


class Seen(Looking):
    """Looks at a list of disks; counts the looks, and can be told to fail."""

    def __init__(self) -> None:
        self.disks: tuple[Disk, ...] = (A, B, FREE)
        self.tier = TierFound(raid=RaidLevel.RAID1, thin_pool=True)
        self.looks = 0
        self.forgotten = 0
        self.pulled: set[str] = set()
        self.put_in: list[str] = []
        self.fails: Exception | None = None
        self.time: Callable[[], datetime] = lambda: NOW
        self._now: NodeSnapshot | None = None

    def fresh(self, claims: Mapping[str, str]) -> NodeSnapshot:
        self.looks += 1
        if self.fails is not None:
            raise self.fails
        pool = PoolFound(vg_uuid="x", tiers={TierName.CAPACITY: self.tier})
        host = Host(hostname="node1", profile="lab", root_free=2**40)
        found = {"pool": {"tank": pool}}
        self._now = NodeSnapshot(host=host, taken_at=self.time(), disks=self.disks, found=found)
        return self._now

    def recent(self) -> NodeSnapshot:
        return self.fresh({})

    def anew(self) -> NodeSnapshot:
        return self.fresh({})

    def gone(self, serials: Collection[str]) -> None:
        self.pulled |= set(serials)

    def came(self, node: str) -> None:
        self.put_in.append(node)
        if self._now is not None:
            self._now = self._now.model_copy(update={"disks": self.disks})

    def last(self) -> NodeSnapshot | None:
        return self._now

    def forget(self) -> None:
        self.forgotten += 1


class Silence:
    """Ears that hear nothing; the tests speak to the watch directly."""

    def listen(self, timeout_s: float) -> Heard:
        return Heard()

    def wake(self) -> None:
        """Nobody listens."""


@dataclass
class Node:
    """Everything the watch works with, on a database of its own."""

    store: Store
    kinds: Mapping[str, object]
    time: datetime = NOW
    seconds: float = 1000.0
    busy: bool = False
    receivers: dict[str, ReceiverSpec] = field(default_factory=lambda: {"hook": HOOK})
    probe: FakeProbe = field(default_factory=FakeProbe)
    came: int = 0

    def __post_init__(self) -> None:
        self.seen = Seen()
        self.seen.time = lambda: self.time
        self.alerts, self.outbox = Alerts(self.store), Outbox(self.store)
        self.verdicts = Verdicts(DiskRecords(self.store), lambda: self.time)
        self.telling = Telling(
            receivers=lambda: self.receivers,
            alerts=self.alerts,
            outbox=self.outbox,
            host=lambda: "node1",
            now=lambda: self.time,
            waiting=threading.Event(),
        )
        self.watch = Watch(self._parts(), Silence())

    def _parts(self) -> Watched:
        return Watched(
            kinds=self.kinds,  # type: ignore[arg-type]
            looking=self.seen,
            probe=lambda: self.probe,
            verdicts=self.verdicts,
            alerts=self.alerts,
            telling=self.telling,
            busy=lambda: self.busy,
            now=lambda: self.time,
            disk_came=self._came,
            clock=lambda: self.seconds,
            apart=lambda work: work(),
        )

    def _came(self) -> None:
        self.came += 1

    def passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.time += timedelta(seconds=seconds)

    def hears(self, *events: DeviceEvent, **facts: object) -> None:
        self.watch.hear(Heard(devices=events, changed=bool(events), **facts))  # type: ignore[arg-type]

    def open(self) -> list[tuple[str, str, str]]:
        return [(item.subject, item.cause, item.severity) for item in self.alerts.open()]

    def messages(self) -> list[str]:
        return [item.document for item in self.outbox.due(self.time)]


def gone(node: str) -> DeviceEvent:
    return DeviceEvent(Action.REMOVE, node, "")


def came(node: str, serial: str) -> DeviceEvent:
    return DeviceEvent(Action.ADD, node, serial)


def missing(item: Disk) -> Disk:
    return item.model_copy(update={"missing": True, "paths": (), "node": ""})


def opened(folder: Path) -> Store:
    return Store(folder / "state.db")


def subjects(alerts: Iterable[tuple[str, str, str]]) -> set[str]:
    return {subject for subject, *_ in alerts}
