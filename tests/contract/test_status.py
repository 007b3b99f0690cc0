"""What the status says while a job runs, and of things that came with the disks."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from appliance.api import contract as api
from appliance.api.wire import Status
from appliance.model.job import JobState
from appliance.model.plan import PlanRequest
from appliance.model.resource import ActionRequest, Finding, Severity
from tests.contract.conftest import Agent, hold_at
from tests.contract.test_calls import ADMIN, apply, start
from tests.unit.jobs.sites import FULL, SMALL

EXPORT_WRITTEN = 8
"""Of FULL's steps: two disks, the pool, two volumes and the share come before."""


def about(status: Status, subject: str) -> tuple[Finding, ...]:
    return tuple(item for item in status.findings if item.subject == subject)


class TestWhileAJobRuns:
    """A job is held at the edge before the export it wrote is served."""

    @pytest.fixture
    def held(self) -> threading.Event:
        return threading.Event()

    @pytest.fixture
    def on_edge(
        self, gate: threading.Event, held: threading.Event
    ) -> Callable[[int, int, str], None]:
        return hold_at(EXPORT_WRITTEN, "ended", gate, held)

    def test_what_it_makes_is_no_trouble_yet_and_all_else_is(
        self, agent: Agent, gate: threading.Event, held: threading.Event
    ) -> None:
        client = agent.client(ADMIN)
        agent.host.files.write("/etc/exports.d/old", "gone", mode=0o644)
        job = start(client, client.call(api.PLAN_MAKE, PlanRequest(site=FULL)))
        assert held.wait(20)
        status = client.call(api.STATUS)
        gate.set()
        (making,) = about(status, "nfs/images")
        assert making.severity is Severity.INFO
        assert making.what == f"job {job.number}, which makes it, is still running"
        assert f"appliance job watch {job.number}" in making.next_step
        (trouble,) = about(status, "nfs/old")
        assert trouble.severity is Severity.CRITICAL
        assert not about(status, "pool/tank"), "what a job makes is not nobody's"
        assert not status.well


def test_a_pool_that_came_with_the_disks_is_named_and_then_what_stands_on_it(agent: Agent) -> None:
    client = agent.client(ADMIN)
    agent.host.formatted |= {"d1": "moved", "d2": "moved", "d3": "half"}
    agent.host.pools.add("moved")
    agent.host.volumes["images"] = ("moved", 5)
    status = client.call(api.STATUS)
    assert not status.well
    (pool,) = about(status, "pool/moved")
    assert pool.severity is Severity.WARNING
    assert "appliance pool import moved" in pool.next_step
    (half,) = about(status, "pool/half")
    assert "half-built" in half.why
    assert "appliance pool show half" in half.next_step
    assert not about(status, "volume/images"), "its pool comes first"
    act = ActionRequest(resource="pool/moved", verb="import")
    start(client, client.call(api.PLAN_MAKE, PlanRequest(action=act)))
    agent.join()
    status = client.call(api.STATUS)
    assert not about(status, "pool/moved")
    (volume,) = about(status, "volume/images")
    assert "appliance volume import images" in volume.next_step


def test_what_a_job_has_made_is_managed(agent: Agent) -> None:
    client = agent.client(ADMIN)
    assert apply(client, SMALL).state is JobState.DONE
    assert not client.call(api.STATUS).findings
