"""Every call of the contract, through the typed client, against the real handlers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from agents.node.server import application
from appliance.api import contract as api
from appliance.api.wire import ApplyRequest, SecretValue
from appliance.client.client import Client
from appliance.client.memory import MemoryTransport, Message
from appliance.errors import (
    BusyError,
    ConfirmationError,
    ForbiddenError,
    FullError,
    InternalError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    StaleError,
    UnavailableError,
)
from appliance.model.audit import AuditLine
from appliance.model.job import ENDED, Job, JobState
from appliance.model.plan import Plan, PlanRequest
from tests.contract.conftest import Agent, hold_at
from tests.unit.fakehost import Killed
from tests.unit.jobs.sites import FULL, SMALL

ADMIN, TECHNICIAN, AUDITOR, VIEWER, STRANGER = 1001, 1002, 1003, 1004, 1005


def apply(client: Client, site: dict[str, Any]) -> Job:
    plan = client.call(api.PLAN_MAKE, PlanRequest(site=site))
    job = start(client, plan)
    while job.state not in ENDED:
        query = api.JobQuery(after=job.seq, wait=10)
        job = client.call(api.JOB_GET, query, number=str(job.number))
    return job


def start(client: Client, plan: Plan, confirm: frozenset[str] | None = None) -> Job:
    tokens = frozenset(item.token for item in plan.confirmations) if confirm is None else confirm
    return client.call(
        api.JOB_START, ApplyRequest(plan_id=plan.id, digest=plan.digest, confirm=tokens)
    )


def test_a_site_is_previewed_applied_proven_and_shown(agent: Agent) -> None:
    client = agent.client(ADMIN)
    job = apply(client, FULL)
    assert job.state is JobState.DONE
    assert [step.state for step in job.steps] == ["ended"] * len(job.steps)
    assert all(step.line for step in job.steps)
    again = client.call(api.PLAN_MAKE, PlanRequest(site=FULL))
    assert again.empty
    assert client.call(api.SITE).site["share"]["images"]["nfs"] == {"clients": ["10.0.0.1"]}
    volumes = client.call(api.RESOURCES, noun="volume")
    assert [item.name for item in volumes.resources] == ["images", "other"]
    one = client.call(api.RESOURCE, noun="volume", name="images")
    assert one.found is not None
    assert one.found.model_dump()["size"] == 5
    assert client.call(api.PLAN_GET, plan_id=again.id) == again
    assert [item.number for item in client.call(api.JOBS).jobs] == [job.number]


def test_status_says_what_is_and_what_drifted(agent: Agent) -> None:
    client = agent.client(VIEWER)
    assert client.call(api.STATUS).well
    apply(agent.client(ADMIN), SMALL)
    agent.host.pools.clear()
    status = client.call(api.STATUS)
    assert not status.well
    assert status.drift
    assert status.counts["disk"] == 4
    assert status.version == "1.2.3"


def test_reads_answer_a_viewer(agent: Agent) -> None:
    client = agent.client(VIEWER)
    assert [disk.serial for disk in client.call(api.DISKS).disks] == ["d1", "d2", "d3", "d4"]
    assert client.call(api.SNAPSHOT).host.hostname == "fake"
    pool, *_ = client.call(api.KINDS).kinds
    assert pool.noun == "pool"
    assert pool.spec_schema["properties"]["key"]["description"].startswith("Name of a secret")


def test_a_viewer_cannot_apply_and_the_try_is_on_record(agent: Agent) -> None:
    client = agent.client(VIEWER)
    plan = client.call(api.PLAN_MAKE, PlanRequest(site=SMALL))
    with pytest.raises(ForbiddenError) as raised:
        start(client, plan)
    assert "it needs admin" in raised.value.message
    assert "usermod -aG appliance-admin vic" in raised.value.hint
    assert not agent.host.ran
    (line,) = agent.client(AUDITOR).call(api.AUDIT).lines
    assert (line.who, line.what) == ("vic", "job_start")
    assert line.outcome.startswith("refused (forbidden)")


@pytest.mark.parametrize("endpoint", api.ENDPOINTS, ids=lambda endpoint: str(endpoint.name))
def test_each_row_lets_in_only_its_roles(agent: Agent, endpoint: api.Endpoint[Any, Any]) -> None:
    roles = {ADMIN: "admin", TECHNICIAN: "technician", AUDITOR: "auditor", VIEWER: "viewer"}
    parts = dict.fromkeys(("noun", "name", "plan_id", "number", "disk"), "7")
    path = endpoint.path.format(**parts)
    for uid, role in roles.items():
        status, _ = agent.transport(uid).request(endpoint.method, path, b"{}")
        assert (status == 403) == (api.Role(role) not in endpoint.roles), role


def test_a_user_without_a_role_gets_words(agent: Agent) -> None:
    with pytest.raises(ForbiddenError, match="User 'eve' has no role") as raised:
        agent.client(STRANGER).call(api.STATUS)
    assert "appliance-viewer" in raised.value.hint


def test_what_is_refused_and_what_is_done_is_one_intact_chain(agent: Agent) -> None:
    client = agent.client(ADMIN)
    job = apply(client, SMALL)
    agent.join()
    with pytest.raises(RefusedError):
        client.call(api.JOB_UNDO, number=str(job.number))
    auditor = agent.client(AUDITOR)
    lines = auditor.call(api.AUDIT, api.AuditQuery(limit=10)).lines
    assert {(line.what, line.outcome.split(":")[0]) for line in lines} == {
        ("job_undo", "refused (refused)"),
        ("job", "done"),
        ("apply", "accepted"),
    }
    assert auditor.call(api.AUDIT, api.AuditQuery(limit=1, before=3)).lines[0].number == 2
    assert auditor.call(api.AUDIT_VERIFY).intact


def test_a_changed_node_or_a_wrong_digest_is_stale(agent: Agent) -> None:
    client = agent.client(ADMIN)
    plan = client.call(api.PLAN_MAKE, PlanRequest(site=SMALL))
    with pytest.raises(StaleError, match="digest"):
        client.call(api.JOB_START, ApplyRequest(plan_id=plan.id, digest="0" * 64))
    agent.host.formatted["d4"] = "other"
    with pytest.raises(StaleError, match="no longer as it was"):
        start(client, plan)
    assert not agent.host.ran


def test_a_removal_needs_its_name(agent: Agent) -> None:
    client = agent.client(ADMIN)
    apply(client, FULL)
    plan = client.call(api.PLAN_MAKE, PlanRequest(remove=("share/images", "volume/images")))
    assert plan.confirmations
    with pytest.raises(ConfirmationError) as raised:
        start(client, plan, confirm=frozenset())
    assert plan.confirmations[0].token in raised.value.hint
    assert start(client, plan).number == 2


class TestWhileAJobRuns:
    """A second change, a long poll, and readers, while the first step is held."""

    @pytest.fixture
    def on_edge(self, gate: threading.Event) -> Callable[[int, int, str], None]:
        return hold_at(1, "begun", gate)

    def test_a_second_apply_is_refused(self, agent: Agent, gate: threading.Event) -> None:
        client = agent.client(ADMIN)
        plan = client.call(api.PLAN_MAKE, PlanRequest(site=SMALL))
        job = start(client, plan)
        with pytest.raises(BusyError) as raised:
            start(client, plan)
        assert f"appliance job show {job.number}" in raised.value.hint
        status = client.call(api.STATUS)
        assert not status.well
        assert [item.number for item in status.jobs] == [job.number]
        gate.set()

    def test_a_long_poll_wakes_with_the_job(self, agent: Agent, gate: threading.Event) -> None:
        client = agent.client(ADMIN)
        job = start(client, client.call(api.PLAN_MAKE, PlanRequest(site=SMALL)))
        job = client.call(api.JOB_GET, number=str(job.number))
        same = client.call(api.JOB_GET, api.JobQuery(after=10**6, wait=0.01), number="1")
        assert same.number == job.number
        threading.Timer(0.05, gate.set).start()
        while job.state not in ENDED:
            query = api.JobQuery(after=job.seq, wait=30)
            job = client.call(api.JOB_GET, query, number=str(job.number))
        assert job.state is JobState.DONE


def test_an_unfinished_job_is_finished_undone_or_given_up(agent: Agent) -> None:
    client = agent.client(ADMIN)
    plan = client.call(api.PLAN_MAKE, PlanRequest(site=SMALL))
    number = agent.context.journal.open_job(
        plan, ["x"] * len(plan.steps), who="ada", origin="local", confirmed=(), summary="s"
    )
    agent.context.journal.move(number, JobState.RUNNING)
    assert [job.state for job in agent.context.jobs.recover()] == [JobState.UNKNOWN]
    left = client.call(api.JOB_FINISH, number=str(number))
    assert left.continues == number
    assert [step.title for step in left.steps] == [step.title for step in plan.steps]
    given_up = client.call(api.JOB_ABANDON, number=str(number))
    assert given_up.state is JobState.FAILED
    with pytest.raises(RefusedError):
        client.call(api.JOB_UNDO, number=str(number))


class TestAnAgentThatDiesAtOnce:
    """Killed between accepting an apply and its first step."""

    @pytest.fixture
    def on_edge(self) -> Callable[[int, int, str], None]:
        def die(_: int, step: int, edge: str) -> None:
            if (step, edge) == (0, "waiting"):
                raise Killed

        return die

    def test_the_apply_is_in_the_audit_and_so_is_what_became_of_it(self, agent: Agent) -> None:
        client = agent.client(ADMIN)
        plan = client.call(api.PLAN_MAKE, PlanRequest(site=SMALL))
        with pytest.raises(Killed):
            start(client, plan)
        (line,) = agent.context.audit.page(10)
        assert (line.who, line.what, line.subject) == ("ada", "apply", "job/1")
        assert line.outcome.startswith("accepted: pool/tank")
        agent.context.jobs.recover()
        newest, _ = agent.context.audit.page(10)
        assert (newest.what, newest.subject) == ("job", "job/1")
        assert newest.outcome.startswith("failed: The agent ended before the job started")
        assert agent.context.audit.verify().intact


def test_what_the_audit_has_no_room_for_is_not_done(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = agent.client(ADMIN)
    plan = client.call(api.PLAN_MAKE, PlanRequest(site=SMALL))

    def full(*_: object, **__: object) -> AuditLine:
        raise FullError("The root file system has no room left.", hint="Make room.")

    monkeypatch.setattr(agent.context.audit, "append", full)
    with pytest.raises(FullError):
        start(client, plan)
    assert not agent.host.ran
    assert client.call(api.JOB_GET, number="1").state is JobState.FAILED


def test_secrets_go_in_and_only_names_come_out(agent: Agent) -> None:
    client = agent.client(ADMIN)
    names = client.call(api.SECRET_PUT, SecretValue(value=SecretStr("correct horse")), name="chap")
    assert names.names == ("chap",)
    assert agent.context.secrets.value("chap") == "correct horse"
    assert agent.client(TECHNICIAN).call(api.SECRETS).names == ("chap",)
    assert "correct horse" not in json.dumps(
        [line.model_dump(mode="json") for line in agent.context.audit.page(10)]
    )
    agent.host.secrets = frozenset({"chap"})
    apply(client, {"pool": {"tank": {"disks": ["d1"], "key": "chap"}}})
    with pytest.raises(RefusedError, match="in use by pool/tank"):
        client.call(api.SECRET_DROP, name="chap")
    client.call(api.SECRET_PUT, SecretValue(value=SecretStr("x")), name="spare")
    assert client.call(api.SECRET_DROP, name="spare").names == ("chap",)
    with pytest.raises(NotFoundError):
        client.call(api.SECRET_DROP, name="spare")


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "/v1/plans", b"{", "Invalid JSON"),
        ("POST", "/v1/plans", b'{"sight": {}}', "sight"),
        ("POST", "/v1/plans", b'{"site": {"pol": {}}}', "did you mean 'pool'"),
        ("POST", "/v1/plans", b"{}", "exactly one"),
        ("POST", "/v1/plans", b" " * (1 << 20) + b"{}", "larger than 1 MiB"),
        ("GET", "/v1/jobs/1?after=x", None, "after"),
        ("GET", "/v1/jobs/1?soon=1", None, "soon"),
        ("GET", "/v1/resources/pol", None, "no kind 'pol'"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(
    agent: Agent, method: str, path: str, body: bytes | None, words: str
) -> None:
    status, answer = agent.transport().request(method, path, body)
    problem = json.loads(answer)
    assert status == InvalidInputError.http_status == problem["status"]
    assert words in f"{problem['title']} {problem['hint']} {problem['details']}"
    assert not agent.host.ran


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v2/status"), ("PATCH", "/v1/jobs"), ("GET", "/v1/jobs/0x1"), ("GET", "/v1/plans/p")],
)
def test_what_is_not_there_is_not_found(agent: Agent, method: str, path: str) -> None:
    status, answer = agent.transport().request(method, path)
    assert status == NotFoundError.http_status
    assert json.loads(answer)["hint"]


def test_a_defect_is_a_reference_in_the_log_and_no_trace(
    agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    agent.looking.fails = ZeroDivisionError("secret detail")

    async def logged(scope: Message, receive: Any, send: Any) -> None:
        # Starlette answers first and then raises, for uvicorn to log.
        with pytest.raises(ZeroDivisionError):
            await application(agent.front)(scope, receive, send)

    status, body = MemoryTransport(logged, peer=(1, 0, 0)).request("GET", "/v1/disks")
    problem = json.loads(body)
    assert (status, problem["code"]) == (500, InternalError.code)
    assert "secret detail" not in body.decode()
    reference = problem["title"].split()[-1].rstrip(".")
    assert reference in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_an_answer_of_another_version_is_told(agent: Agent) -> None:
    class Other:
        def request(self, *_: object) -> tuple[int, bytes]:
            return 200, b'{"verdict": "fine"}'

        def close(self) -> None: ...

    with pytest.raises(UnavailableError, match="form this client knows"):
        Client(Other()).call(api.STATUS)
