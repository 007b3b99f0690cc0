"""What everyone sees while a job waits for a rebuild and lets others in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agents.node.care.means import Means
from appliance.api import contract as api
from appliance.api.wire import ApplyRequest
from appliance.api.words import status_lines
from appliance.errors import BusyError
from appliance.model.job import ENDED, Job, JobState
from appliance.model.plan import PlanRequest
from tests.contract.conftest import Agent

SITE: dict[str, Any] = {
    "pool": {"tank": {"disks": ["d1", "d2"], "slow": True}},
    "volume": {"images": {"pool": "tank"}},
}
SWAPPED: dict[str, Any] = {"pool": {"tank": {"disks": ["d1", "d3"], "slow": True}}}
SHARE: dict[str, Any] = {"share": {"images": {"volume": "images", "nfs": {}}}}
PATIENCE = 2000


def started(agent: Agent, request: PlanRequest) -> Job:
    plan = agent.client().call(api.PLAN_MAKE, request)
    body = ApplyRequest(plan_id=plan.id, digest=plan.digest)
    return agent.client().call(api.JOB_START, body)


def done(agent: Agent, job: Job) -> Job:
    while job.state not in ENDED:
        job = agent.context.journal.wait(job.number, job.seq, 10)
    assert job.state is JobState.DONE, job.error
    return job


@pytest.fixture
def waiting(agent: Agent) -> Iterator[Job]:
    """A replacement that is at 42 % of its rebuild."""
    done(agent, started(agent, PlanRequest(site=SITE)))
    job = started(agent, PlanRequest(put=SWAPPED))
    for _ in range(PATIENCE):
        if "tank" in agent.host.rebuilt:
            agent.host.rebuilt["tank"] = 42.0
        job = agent.context.journal.job(job.number)
        if "42 %" in job.waits:
            break
        agent.context.journal.wait(job.number, job.seq, 1)
    assert "42 %" in job.waits
    yield job
    agent.host.rebuilt["tank"] = 100.0
    done(agent, agent.context.journal.job(job.number))


def test_another_change_is_made_meanwhile(agent: Agent, waiting: Job) -> None:
    other = done(agent, started(agent, PlanRequest(put=SHARE)))
    assert agent.host.exports == {"images": "*"}
    listed = {job.number: job for job in agent.client().call(api.JOBS).jobs}
    assert listed[waiting.number].waits.startswith("Wait until tank is whole: 42 %")
    assert listed[other.number].waits == ""
    (job,) = agent.client().call(api.STATUS).jobs
    assert (job.number, job.state) == (waiting.number, JobState.RUNNING)
    told = [line.outcome for line in agent.client().call(api.AUDIT).lines if line.what == "apply"]
    assert len(told) == 3


def test_a_change_of_the_pool_is_refused_at_its_preview(agent: Agent, waiting: Job) -> None:
    more = {"pool": {"tank": {"disks": ["d1", "d4"], "slow": True}}}
    with pytest.raises(BusyError) as raised:
        agent.client().call(api.PLAN_MAKE, PlanRequest(put=more))
    assert f"Job {waiting.number} changes pool/tank and waits (Wait until tank is whole: 42 %" in (
        raised.value.message
    )
    assert f"appliance job watch {waiting.number}" in raised.value.hint


def test_the_status_says_what_waits_and_still_tells_of_the_rest(agent: Agent, waiting: Job) -> None:
    done(agent, started(agent, PlanRequest(put=SHARE)))
    status = agent.client().call(api.STATUS)
    assert status.drift == ()
    lines = ["".join(span.text for span in line)
             for line in status_lines(status.model_dump(mode="json"))]  # fmt: skip
    assert any(
        line.startswith(f"job {waiting.number} running (waits): pool/tank") for line in lines
    )
    assert any(line.endswith("other things can be changed meanwhile") for line in lines)
    agent.host.mounts.pop("images")
    assert agent.client().call(api.STATUS).drift == ("Mount images",)
    agent.host.mounts["images"] = "images"


def test_what_is_done_by_itself_goes_on_for_other_pools(agent: Agent, waiting: Job) -> None:
    context = agent.context
    means = Means(
        context.kinds, agent.looking, context.jobs, context.journal, context.desired,
        context.audit, context.verdicts, context.now, context.new_id,
    )  # fmt: skip
    assert waiting.waits
    assert not means.job_runs()
    assert not means.job_in_the_way("pool/other")
    assert means.job_runs("pool/tank")
    assert means.job_in_the_way("pool/tank")
    swapped = tuple(
        item.model_copy(update={"spec": item.spec.model_copy(update={"disks": ("d1", "d4")})})
        if item.id == "pool/tank"
        else item
        for item in means.wanted()
    )
    with pytest.raises(BusyError, match="changes pool/tank"):
        means.plan(means.fresh(), swapped)
    assert means.plan(means.fresh(), means.wanted()).empty
