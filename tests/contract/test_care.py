"""What a technician may start, and what is told of things done by schedule."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from agents.node.handlers import disks, resources
from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from agents.node.handlers.hands import RIGHTS
from agents.node.handlers.replacing import replacing
from appliance.api import contract as api
from appliance.api.care_words import care_line
from appliance.api.wire import Empty
from appliance.errors import ForbiddenError
from appliance.model.care import CareLine
from appliance.model.disk import Disk
from appliance.model.job import ENDED, Job, JobState
from appliance.model.plan import Plan, PlanRequest
from appliance.model.pool import Rhythm
from appliance.model.resource import ActionRequest, Finding, Severity
from tests.contract.conftest import Agent
from tests.contract.test_calls import start
from tests.unit.fakehost import NOW
from tests.unit.jobs.sites import FULL

TECHNICIAN, AUDITOR = 1002, 1003
POOL: dict[str, Any] = {"pool": {"tank": {"disks": ["d1"]}}}
REPLACE = ActionRequest(resource="disk/d1", verb="replace")
SCRUB = CareLine(
    what="scrub", rhythm=Rhythm.MONTHLY, last_at=NOW, outcome="no mismatches", next_at=NOW
)


def asked(agent: Agent, site: dict[str, Any], act: ActionRequest | None) -> Plan:
    """A plan as the node would have made it for that act."""
    made = agent.client().call(api.PLAN_MAKE, PlanRequest(site=site))
    plan = made.model_copy(update={"id": f"{made.id}x", "asked": act})
    agent.context.journal.save_plan(plan)
    return plan


def ended(agent: Agent, job: Job) -> Job:
    """The job at rest."""
    while job.state not in ENDED:
        job = agent.context.journal.wait(job.number, job.seq, 10)
    return job


def test_a_technician_replaces_disks(agent: Agent) -> None:
    job = ended(agent, start(agent.client(TECHNICIAN), asked(agent, POOL, REPLACE)))
    assert (job.who, job.state) == ("tom", JobState.DONE)


@pytest.mark.parametrize(
    ("site", "act", "words"),
    [
        (POOL, None, "any other change needs admin"),
        (POOL, ActionRequest(resource="disk/d1", verb="wipe"), "any other change needs admin"),
        (POOL, ActionRequest(resource="vm/d1", verb="replace"), "any other change needs admin"),
        (POOL, ActionRequest(resource="disk/d1", verb="erase"), "more than the disks of one"),
        (POOL, ActionRequest(resource="disk/d1", verb="admit"), "more than the disks of one"),
        (FULL, REPLACE, "more than the disks of one pool"),
        ({"pool": {"a": {"disks": ["d1"]}, "b": {"disks": ["d2"]}}}, REPLACE, "pool/a, pool/b"),
    ],
    ids=["site", "wipe", "vm", "erase-a-pool", "admit-a-pool", "more", "two-pools"],
)
def test_a_technician_does_nothing_else(
    agent: Agent, site: dict[str, Any], act: ActionRequest | None, words: str
) -> None:
    with pytest.raises(ForbiddenError, match=words):
        start(agent.client(TECHNICIAN), asked(agent, site, act))
    assert not agent.host.ran
    (line,) = agent.client(AUDITOR).call(api.AUDIT).lines
    assert (line.who, line.what) == ("tom", "job_start")
    assert line.outcome.startswith("refused (forbidden)")


def test_the_rights_of_a_technician_are_these() -> None:
    assert [(right.verb, right.changes, right.released) for right in RIGHTS] == [
        ("replace", "pool", False),
        ("admit", "disk", True),
        ("erase", "disk", True),
    ]


def cut_off(agent: Agent, plan: Plan, *, who: str, continues: int | None = None) -> int:
    """The number of a job that ended in the middle, as by a power cut."""
    plan = plan.model_copy(update={"continues": continues})
    number = agent.context.journal.open_job(
        plan, ["x"] * len(plan.steps), who=who, origin="local", confirmed=("d1",), summary="s"
    )
    agent.context.journal.move(number, JobState.RUNNING)
    agent.context.jobs.recover()
    return number


def test_a_technician_finishes_a_replacement_whoever_began_it(agent: Agent) -> None:
    tom = agent.client(TECHNICIAN)
    number = cut_off(agent, asked(agent, POOL, REPLACE), who="ada")
    left = tom.call(api.JOB_FINISH, number=str(number))
    job = ended(agent, start(tom, left))
    assert (job.who, job.state) == ("tom", JobState.DONE)
    assert tom.call(api.JOB_GET, number=str(number)).state is JobState.DONE


def test_a_technician_takes_a_replacement_back(agent: Agent) -> None:
    tom = agent.client(TECHNICIAN)
    number = cut_off(agent, asked(agent, POOL, REPLACE), who="tom")
    assert ended(agent, tom.call(api.JOB_UNDO, number=str(number))).state is JobState.UNDONE
    assert not agent.host.ran


@pytest.mark.parametrize("act", [None, ActionRequest(resource="disk/d1", verb="wipe")])
@pytest.mark.parametrize("call", [api.JOB_FINISH, api.JOB_UNDO], ids=["finish", "undo"])
def test_a_technician_settles_no_other_job(
    agent: Agent, call: api.Endpoint[Any, Any], act: ActionRequest | None
) -> None:
    number = cut_off(agent, asked(agent, POOL, act), who="ada")
    with pytest.raises(ForbiddenError, match="any other change needs admin") as raised:
        agent.client(TECHNICIAN).call(call, number=str(number))
    assert raised.value.subject == f"job/{number}"
    assert agent.context.journal.job(number).state is JobState.UNKNOWN
    line, *_ = agent.client(AUDITOR).call(api.AUDIT).lines
    assert (line.who, line.outcome.partition(":")[0]) == ("tom", "refused (forbidden)")


def test_a_replacement_in_a_chain_with_something_else_is_an_administrators(agent: Agent) -> None:
    first = cut_off(agent, asked(agent, POOL, None), who="ada")
    second = cut_off(agent, asked(agent, POOL, REPLACE), who="ada", continues=first)
    with pytest.raises(ForbiddenError):
        agent.client(TECHNICIAN).call(api.JOB_UNDO, number=str(second))


def test_what_a_plan_was_asked_for_is_the_nodes_own_word(agent: Agent) -> None:
    client = agent.client()
    ended(agent, start(client, asked(agent, POOL, None)))
    act = ActionRequest(resource="disk/d2", verb="wipe")
    agent.host.formatted["d2"] = "old"
    assert client.call(api.PLAN_MAKE, PlanRequest(action=act)).asked == act


def test_no_disk_is_being_replaced(agent: Agent) -> None:
    ended(agent, start(agent.client(), asked(agent, POOL, None)))
    assert replacing(agent.context.kinds, agent.context.journal, agent.context.alerts) == ()


class Tended:
    """What is done by itself, as far as handlers ask."""

    def of_pool(self, name: str) -> tuple[CareLine, ...]:
        return (SCRUB.model_copy(update={"outcome": f"of {name}"}),)

    def of_disk(self, disk: Disk) -> tuple[CareLine, ...]:
        return (SCRUB.model_copy(update={"what": f"test of {disk.serial}"}),)

    def findings(self) -> tuple[Finding, ...]:
        return (
            Finding(severity=Severity.WARNING, subject="pool/tank", what="late", next_step="Look."),
        )


def test_pools_and_disks_tell_when_they_were_looked_after(agent: Agent) -> None:
    ended(agent, start(agent.client(), asked(agent, POOL, None)))
    context: Context = dataclasses.replace(agent.context, care=Tended())  # type: ignore[arg-type]
    nobody = Caller("root", frozenset(), "local")
    pool = resources.resource(context, nobody, Empty(), "pool", "tank")
    assert [line.outcome for line in pool.care] == ["of tank"]
    disk = disks.disk(context, nobody, Empty(), "d1")
    assert [line.what for line in disk.care] == ["test of d1"]
    assert [item.what for item in context.told()] == ["late"]
    assert agent.context.told() == ()


def test_the_lines_in_words() -> None:
    assert care_line(SCRUB.model_dump(mode="json")) == (
        "scrub, monthly: last 2026-11-24 08:00:00 (no mismatches), next 2026-11-24 08:00:00"
    )
    never = SCRUB.model_copy(update={"last_at": None, "next_at": None, "rhythm": Rhythm.NEVER})
    assert care_line(never.model_dump(mode="json")) == "scrub, never: not yet"
