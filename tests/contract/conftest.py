"""The real application over a fake host: every call goes through routes, roles and handlers."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.node.apply.handles import Actor, NodeProbe
from agents.node.apply.network_guard import NetworkGuard
from agents.node.apply.secrets import SecretStore
from agents.node.handlers.callers import Callers
from agents.node.handlers.compose import Ended, answering
from agents.node.handlers.context import Context
from agents.node.handlers.lights import Lights
from agents.node.handlers.setup_book import SetupBook
from agents.node.jobs.bench import Bench
from agents.node.jobs.jobs import Jobs
from agents.node.server import Front, application
from agents.node.watch.looking import Looking
from agents.node.watch.verdicts import Verdicts
from appliance.client.client import Client
from appliance.client.memory import MemoryTransport
from appliance.model.erasing import EraseMeans, EraseMethod, MethodFound, Sanitization
from appliance.model.snapshot import NodeSnapshot
from appliance.state.alerts import Alerts
from appliance.state.audit import Audit
from appliance.state.db import Store
from appliance.state.desired import Desired
from appliance.state.disk_book import DiskBook
from appliance.state.disk_records import DiskRecords
from appliance.state.fills import FillBook
from appliance.state.journal import Journal
from appliance.state.outbox import Outbox
from appliance.state.taught import TaughtBays
from tests.unit.fakehost import NOW, FakeGuests, FakeHost
from tests.unit.fakekinds import KINDS

PEOPLE: Mapping[int, tuple[str, frozenset[str]]] = {
    0: ("root", frozenset({"root"})),
    1001: ("ada", frozenset({"users", "appliance-admin"})),
    1002: ("tom", frozenset({"appliance-technician"})),
    1003: ("una", frozenset({"appliance-auditor"})),
    1004: ("vic", frozenset({"appliance-viewer"})),
    1005: ("eve", frozenset({"users"})),
}
JOB_S = 20
MEANS = EraseMeans(
    found=(MethodFound(method=EraseMethod.OVERWRITE, category=Sanitization.CLEAR),),
    barred={EraseMethod.ATA_SECURE_ERASE: "the firmware has frozen it; pull it and put it back"},
)


class HostLooking(Looking):
    """Looks at the fake host."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.fails: Exception | None = None

    def fresh(self, claims: Mapping[str, str]) -> NodeSnapshot:
        if self.fails is not None:
            raise self.fails
        seen = self.host.observe(claims)
        roomy = seen.host.model_copy(update={"root_free": 2**34})
        return seen.model_copy(update={"host": roomy})

    def recent(self) -> NodeSnapshot:
        return self.fresh({})

    def forget(self) -> None:
        """Nothing is remembered."""


@dataclass
class Agent:
    """A running agent and clients of it."""

    context: Context
    host: FakeHost
    looking: HostLooking
    front: Front

    def transport(self, uid: int = 0) -> MemoryTransport:
        return MemoryTransport(application(self.front), peer=(1, uid, uid))

    def client(self, uid: int = 0) -> Client:
        return Client(self.transport(uid))

    def join(self) -> None:
        assert self.context.jobs.close(JOB_S)


def hold_at(
    step: int, edge: str, gate: threading.Event, held: threading.Event | None = None
) -> Callable[[int, int, str], None]:
    """An `on_edge` that holds any job at this edge until the gate is opened; `held` tells when."""

    def hold(_: int, at_step: int, at_edge: str) -> None:
        if (at_step, at_edge) == (step, edge):
            if held is not None:
                held.set()
            assert gate.wait(20)

    return hold


@pytest.fixture
def gate() -> threading.Event:
    """Opened by the test to let a held job go on."""
    return threading.Event()


@pytest.fixture
def on_edge() -> Callable[[int, int, str], None]:
    """What a job's edges do; tests that hold a job override it."""
    return lambda *_: None


@pytest.fixture
def agent(tmp_path: Path, on_edge: Callable[[int, int, str], None]) -> Iterator[Agent]:
    host = FakeHost(tmp_path / "root")
    host.root.mkdir()
    store = Store(tmp_path / "state.db")
    journal, audit, desired = Journal(store, lambda: NOW), Audit(store), Desired(store)
    book = DiskBook(store, audit, lambda: NOW)
    looking, ids = HostLooking(host), itertools.count(1)
    bench = Bench(
        kinds=KINDS,
        journal=journal,
        desired=desired,
        actor=Actor(host, host.files, FakeGuests(), book=book),
        observe=looking.fresh,
        now=lambda: NOW,
        new_id=lambda: f"p{next(ids)}",
        boundary=on_edge,
        ended=Ended(looking, audit),
    )
    context = Context(
        kinds=KINDS,
        looking=looking,
        jobs=Jobs(bench),
        journal=journal,
        desired=desired,
        audit=audit,
        secrets=SecretStore(host.files),
        now=lambda: NOW,
        new_id=bench.new_id,
        version="1.2.3",
        verdicts=Verdicts(DiskRecords(store), lambda: NOW),
        alerts=Alerts(store),
        outbox=Outbox(store),
        lights=Lights(lambda: NodeProbe(host, host.files, tuple), host.files, host),
        network=NetworkGuard(host.files, host),
        setup=SetupBook(host.files, lambda: NodeProbe(host, host.files, tuple)),
        book=book,
        taught=TaughtBays(store),
        fills=FillBook(store),
        erase_means=lambda _: MEANS,
    )
    front = Front(answering(context, Callers(lambda uid, _: PEOPLE[uid])))
    made = Agent(context, host, looking, front)
    yield made
    made.join()
    front.close()
    store.close()
