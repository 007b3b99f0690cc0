"""The first boot from answers to the sheet: the command, the calls, the real handlers."""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path

import pytest

from appliance.api import contract as api
from appliance.api.answers import site_of
from appliance.cli.main import tell
from appliance.cli.session import Session
from appliance.cli.verbs import setup as verb
from appliance.errors import (
    ApplianceError,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    StepFailedError,
)
from appliance.model.command import Command
from appliance.model.job import JobState
from appliance.model.plan import PlanRequest
from appliance.model.setup import SetupRecord
from tests.contract.conftest import Agent
from tests.contract.test_calls import ADMIN, TECHNICIAN, VIEWER

ANSWERS = """
[setup]
layout = "none"
[setup.secrets]
door = "door.secret"
[pool.fast]
disks = ["d1", "d2"]
key = "door"
[volume.images]
pool = "fast"
size = 5
"""


@pytest.fixture
def answers(tmp_path: Path, agent: Agent) -> Path:
    agent.host.secrets = frozenset({"door"})  # as the node's looks would find it once stored
    (tmp_path / "door.secret").write_text("open sesame\n")
    file = tmp_path / "answers.toml"
    file.write_text(ANSWERS)
    return file


def run(agent: Agent, *words: str, uid: int = ADMIN, as_json: bool = False) -> int:
    session = Session(as_json=as_json)
    session._transport = agent.transport(uid)
    arguments: argparse.Namespace = verb.parser().parse_args([*words])
    try:
        return int(arguments.run(session, arguments))
    except ApplianceError as error:
        return tell(error)


def test_what_is_here_is_shown(agent: Agent, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(agent, uid=VIEWER) == 0
    said = capsys.readouterr().out
    assert "chassis: " in said
    assert "disks: 4" in said
    assert "appliance setup --answers FILE --preview" in said
    assert run(agent, uid=VIEWER, as_json=True) == 0
    assert len(json.loads(capsys.readouterr().out)["disks"]) == 4


def test_from_answers_to_the_sheet(
    agent: Agent, answers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(agent, "--answers", str(answers), "--yes") == 0
    said = capsys.readouterr().out
    assert "HANDOVER SHEET" in said
    assert "What to do first" in said
    client = agent.client(ADMIN)
    assert set(client.call(api.SITE).site) == {"pool", "volume"}
    record = client.call(api.SETUP)
    assert record.finished
    assert record.answers["setup"]["secrets"] == {"door": "door.secret"}
    assert "sesame" not in record.model_dump_json()
    assert agent.context.secrets.value("door") == "open sesame"
    # It is set up now: neither the same answers nor others begin anew.
    assert run(agent, "--answers", str(answers), "--yes") == RefusedError.exit_status
    assert "set up already" in capsys.readouterr().err
    # To go on finds nothing to do, and gives the sheet again.
    assert run(agent, "--resume", "--yes", as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["version"] == "1.2.3"


def test_a_preview_writes_nothing(
    agent: Agent, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.toml"
    file.write_text('setup.layout = "none"\npool.fast.disks = ["d1", "d2"]\n')
    assert run(agent, "--answers", str(file), "--preview") == 0
    assert "steps:" in capsys.readouterr().out
    assert agent.client(ADMIN).call(api.SETUP) == SetupRecord()
    assert not agent.client(ADMIN).call(api.JOBS).jobs
    assert run(agent, "--resume", "--yes") == NotFoundError.exit_status
    assert "No setup was begun" in capsys.readouterr().err


def test_cut_off_between_two_steps_it_goes_on(
    agent: Agent, answers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The agent died with the job running; it is unknown when it comes back."""
    del answers
    client, journal = agent.client(ADMIN), agent.context.journal
    site = site_of(tomllib.loads(ANSWERS), client.call(api.SETUP_PROPOSAL))
    client.call(api.SETUP_KEEP, SetupRecord(answers={"setup": {}}, site=site))
    plan = client.call(api.PLAN_MAKE, PlanRequest(put=site))
    number = journal.open_job(
        plan, ["x"] * len(plan.steps), who="ada", origin="local", confirmed=(), summary="s"
    )
    journal.move(number, JobState.RUNNING)
    agent.context.jobs.recover()
    assert client.call(api.JOBS).jobs[0].state is JobState.UNKNOWN
    assert run(agent, "--resume", "--preview") == 0
    assert run(agent, "--resume", "--yes") == 0
    assert "HANDOVER SHEET" in capsys.readouterr().out
    assert set(client.call(api.SITE).site) == {"pool", "volume"}


def test_begun_and_not_finished_is_said(
    agent: Agent, answers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(agent, "--answers", str(answers), "--yes") == 0
    client = agent.client(ADMIN)
    client.call(api.SETUP_KEEP, client.call(api.SETUP).model_copy(update={"finished": False}))
    assert run(agent, "--answers", str(answers), "--yes") == RefusedError.exit_status
    assert "appliance setup --resume" in capsys.readouterr().err


def test_a_setup_that_was_taken_back_is_no_success(
    agent: Agent, answers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(command: Command) -> None:
        if command.argv[0] == "lvcreate":
            raise StepFailedError("The volume was not made.", hint="-", subject="volume/images")

    agent.host.before = fail
    assert run(agent, "--answers", str(answers), "--yes") == StepFailedError.exit_status
    told = capsys.readouterr()
    assert "HANDOVER" not in told.out
    assert "appliance setup --resume" in told.err
    agent.host.before = lambda _: None
    assert run(agent, "--resume", "--yes") == 0


def test_a_secret_that_is_not_there_stops_it_before_anything(
    agent: Agent, answers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (answers.parent / "door.secret").unlink()
    assert run(agent, "--answers", str(answers), "--yes") == 64
    assert "[setup.secrets]" in capsys.readouterr().err
    assert not agent.client(ADMIN).call(api.SECRETS).names


def test_what_was_answered_is_not_for_everybody(agent: Agent) -> None:
    with pytest.raises(ForbiddenError):
        agent.client(VIEWER).call(api.SETUP)
    with pytest.raises(ForbiddenError):
        agent.client(TECHNICIAN).call(api.SETUP_KEEP, SetupRecord())
    assert agent.client(VIEWER).call(api.HANDOVER).version == "1.2.3"


def test_answers_that_cannot_be_read_are_as_none(agent: Agent) -> None:
    agent.host.files.write("/var/lib/appliance/setup.json", "{", 0o600)
    assert agent.client(ADMIN).call(api.SETUP) == SetupRecord()


def test_the_sheet_has_the_host_keys(agent: Agent) -> None:
    key = "AAAAC3NzaC1lZDI1NTE5AAAAIGVqQWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0"
    agent.host.files.write("/etc/ssh/ssh_host_ed25519_key.pub", f"ssh-ed25519 {key} root@n", 0o644)
    agent.host.files.write("/etc/ssh/ssh_host_rsa_key.pub", "ssh-rsa broken!", 0o644)
    agent.host.files.write("/etc/ssh/ssh_host_odd_key.pub", "", 0o644)
    shown = {
        item.type: item.fingerprint for item in agent.client(VIEWER).call(api.HANDOVER).host_keys
    }
    assert shown["ssh-ed25519"].startswith("SHA256:")
    assert shown["ssh-rsa"] == "unreadable"
    assert len(shown) == 2
