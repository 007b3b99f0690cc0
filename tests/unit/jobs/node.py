"""A fake host with jobs over a real database, and what it takes to crash and restart it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from agents.node.apply.handles import Actor, Clock
from agents.node.jobs.bench import Bench
from agents.node.jobs.jobs import Jobs
from appliance.kinds.load import typed
from appliance.model.job import Job, JobState
from appliance.model.plan import Plan, PlanRequest
from appliance.model.resource import ActionRequest
from appliance.planner.beside import Scope
from appliance.planner.plan import make_plan
from appliance.planner.wish import wish_of
from appliance.state.db import Store
from appliance.state.desired import Desired
from appliance.state.journal import Journal
from tests.unit.fakehost import NOW, FakeGuests, FakeHost, Killed
from tests.unit.fakekinds import KINDS

WAIT_S = 20
SHELF = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where test nodes live: thousands of commits wait for the disk elsewhere."""


class Node:
    """A node: its host survives a crash, its agent does not."""

    def __init__(self, folder: Path) -> None:
        self.host = FakeHost(folder / "root")
        self.host.root.mkdir()
        self.path = folder / "state.db"
        self.guests = FakeGuests()
        self.edges: list[tuple[int, int, str]] = []
        self.kill_at: int | None = None
        self.on_edge: Callable[[int, int, str], None] = lambda *_: None
        self.on_sleep: Callable[[], None] = lambda: None
        """Called by a job that waits, between two looks."""
        self.ahead_s = 0.0
        """How much time has passed that nobody waited for."""
        self.told: list[Job] = []
        self._ids = itertools.count(1)
        self._ticks = itertools.count()
        self.boot()

    def boot(self) -> tuple[Job, ...]:
        """Start the agent anew over what the disk holds."""
        self.kill_at = None
        self.store = Store(self.path)
        self.journal = Journal(self.store, lambda: NOW + timedelta(seconds=next(self._ticks)))
        self.desired = Desired(self.store)
        self.jobs = Jobs(
            Bench(
                kinds=KINDS,
                journal=self.journal,
                desired=self.desired,
                actor=Actor(
                    self.host, self.host.files, self.guests, clock=Clock(self._now_s, self._sleep)
                ),
                observe=self.host.observe,
                now=lambda: NOW,
                new_id=lambda: f"p{next(self._ids)}",
                boundary=self._edge,
                ended=self.told.append,
            )
        )
        return self.jobs.recover()

    def crash(self) -> tuple[Job, ...]:
        """The power is cut and comes back; the jobs that are unknown then."""
        self.join()
        self.store.close()
        return self.boot()

    def join(self) -> None:
        assert self.jobs.join(WAIT_S)

    def preview(
        self,
        site: dict[str, Any] | None = None,
        action: ActionRequest | None = None,
        put: dict[str, Any] | None = None,
    ) -> Plan:
        before = typed(KINDS, self.desired.resources())
        wish = wish_of(KINDS, PlanRequest(site=site, action=action, put=put), before)
        plan = make_plan(
            KINDS,
            self.host.observe(self.jobs.claims()),
            before,
            wish.after,
            wish.action,
            plan_id=f"p{next(self._ids)}",
            now=NOW,
            scope=Scope(aside=self.jobs.aside()),
        )
        self.jobs.check_beside(plan)
        self.journal.save_plan(plan)
        return plan

    def run(self, plan: Plan) -> Job:
        """Apply with everything confirmed; the job at rest, or as a kill left it."""
        confirm = frozenset(item.token for item in plan.confirmations)
        try:
            job = self.jobs.start(plan, confirm, "root", "local")
        except Killed:
            return self.journal.jobs()[0]
        self.join()
        return self.journal.job(job.number)

    def apply(self, site: dict[str, Any]) -> Job:
        return self.run(self.preview(site))

    def undo(self, number: int) -> Job:
        try:
            self.jobs.undo(number)
        except Killed:
            return self.journal.job(number)
        self.join()
        return self.journal.job(number)

    def must(self, site: dict[str, Any]) -> Job:
        job = self.apply(site)
        assert job.state is JobState.DONE, job.error
        return job

    def begin(self, plan: Plan) -> int:
        """Apply with everything confirmed, and do not wait for it; the job's number."""
        confirm = frozenset(item.token for item in plan.confirmations)
        return self.jobs.start(plan, confirm, "root", "local").number

    def until(self, number: int, *states: JobState, waits: bool = False) -> Job:
        """The job once it is in such a state, or waits."""
        job = self.journal.job(number)
        for _ in range(10_000):
            if job.state in states or (waits and job.waits):
                return job
            job = self.journal.wait(number, job.seq, WAIT_S)
        raise AssertionError(job)

    def close(self) -> None:
        self.join()
        self.store.close()

    def _now_s(self) -> float:
        return time.monotonic() + self.ahead_s

    def _sleep(self, seconds: float) -> None:
        del seconds
        self.on_sleep()
        threading.Event().wait(0.002)

    def _edge(self, number: int, step: int, edge: str) -> None:
        self.edges.append((number, step, edge))
        self.on_edge(number, step, edge)
        if self.kill_at is not None:
            if self.kill_at == 0:
                self.kill_at = None
                raise Killed
            self.kill_at -= 1
