"""A node with a raid6, real kinds, real jobs over a database, and hands that only write down."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agents.node.apply.files import NodeFiles
from agents.node.apply.handles import Actor
from agents.node.care.means import Means
from agents.node.jobs.bench import Bench
from agents.node.jobs.jobs import Jobs
from agents.node.watch.looking import Looking
from agents.node.watch.verdicts import Verdicts
from appliance.kinds.load import load_snapshot
from appliance.kinds.registry import all_kinds
from appliance.model.command import Command, Output
from appliance.model.job import Job
from appliance.model.resource import Resource
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.site import parse_site
from appliance.state.audit import Audit
from appliance.state.care import CareBook
from appliance.state.db import Store
from appliance.state.desired import Desired, replace_desired
from appliance.state.disk_records import DiskRecords
from appliance.state.journal import Journal
from tests.unit.fakehost import NOW, FakeGuests

CASES = Path(__file__).parents[2] / "plans/storage.lvm"
GIB = 2**30
JOB_S = 20


class Sight(Looking):
    """Sees what the test has put there."""

    def __init__(self, node: CareNode) -> None:
        self.node = node
        self.looks = 0

    def fresh(self, claims: Mapping[str, str]) -> NodeSnapshot:
        self.looks += 1
        return self.node.seen(claims)

    def last(self) -> NodeSnapshot | None:
        return self.node.seen({})


class CareNode:
    """The clinic's raid6 has disks in bays 1 to 6; the test moves them and the clock."""

    def __init__(self, folder: Path, case: str = "noop-bays") -> None:
        document = json.loads((CASES / f"{case}.json").read_text())
        self.snapshot: dict[str, Any] = document["snapshot"]
        self.store = Store(folder / "state.db")
        self.time, self.seconds = NOW, 1000.0
        self.ran: list[str] = []
        self.turns_into: dict[str, dict[str, Any]] = {}
        """Words of a command -> the snapshot there is after it."""
        self.kinds = all_kinds()
        self.desired, self.audit = Desired(self.store), Audit(self.store)
        self.journal = Journal(self.store, lambda: self.time)
        self.book = CareBook(self.store)
        self.sight = Sight(self)
        self.verdicts = Verdicts(DiskRecords(self.store), lambda: self.time)
        ids = itertools.count(1)
        root = folder / "root"
        root.mkdir()
        self.files = NodeFiles(root)
        bench = Bench(
            kinds=self.kinds,
            journal=self.journal,
            desired=self.desired,
            actor=Actor(self, self.files, FakeGuests()),
            observe=self.sight.fresh,
            now=lambda: self.time,
            new_id=lambda: f"p{next(ids)}",
        )
        self.jobs = Jobs(bench)
        self.means = Means(
            self.kinds, self.sight, self.jobs, self.journal, self.desired, self.audit,
            self.verdicts, lambda: self.time, bench.new_id,
        )  # fmt: skip
        self.want(document["before"])

    def run(self, command: Command) -> Output:
        line = command.line()
        self.ran.append(line)
        for words, snapshot in self.turns_into.items():
            if words in line:
                self.snapshot = snapshot
        words = "  100.00 idle\n0 8142848 raid raid6_ls 6 AAAAAA 100/100 idle 0 0 -\n"
        return Output(code=0, stdout=words)

    def want(self, site: dict[str, Any]) -> None:
        self.site = site
        with self.store.writing() as db:
            replace_desired(db, parse_site(self.kinds, site))

    def seen(self, claims: Mapping[str, str]) -> NodeSnapshot:
        seen = load_snapshot(self.kinds, {**self.snapshot, "taken_at": self.time.isoformat()})
        return seen.model_copy(update={"claims": dict(claims)})

    @property
    def now_seen(self) -> NodeSnapshot:
        return self.seen(self.jobs.claims())

    @property
    def wanted(self) -> tuple[Resource, ...]:
        return self.means.wanted()

    def disk(self, serial: str) -> dict[str, Any]:
        disks: list[dict[str, Any]] = self.snapshot["disks"]
        return next(disk for disk in disks if disk["serial"] == serial)

    def passes(self, **much: float) -> None:
        self.time += timedelta(**much)
        self.seconds += timedelta(**much).total_seconds()

    def at_rest(self) -> list[Job]:
        """The jobs, newest first, once none is worked on."""
        assert self.jobs.join(JOB_S)
        return list(self.journal.jobs())

    def audited(self) -> list[tuple[str, str, str]]:
        lines = self.audit.page(100)
        return [(line.who, line.what, line.subject) for line in lines]

    def close(self) -> None:
        self.at_rest()
        self.store.close()


def later(moment: datetime | None) -> datetime:
    """A moment there is."""
    assert moment is not None
    return moment
