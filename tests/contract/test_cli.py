"""The command against the real application: what people and programs read, and how it ends."""

from __future__ import annotations

import io
import json
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.cli import session as sessions
from appliance.cli.main import main
from appliance.client.transport import Address, Transport
from tests.contract.conftest import Agent, hold_at

ADMIN, VIEWER = 1001, 1004
SITE = """\
[pool.tank]
disks = ["d1"]

[volume.images]
pool = "tank"
"""
Run = Callable[..., "Ended"]


class Ended:
    """How a command ended and what it said."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(agent: Agent, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command as one of the agent's users."""

    def command(*words: str, uid: int = ADMIN) -> Ended:
        def open_transport(address: Address, *, identity: str = "") -> Transport:
            return agent.transport(uid)

        monkeypatch.setattr(sessions, "open_transport", open_transport)
        status = main(list(words))
        said = capsys.readouterr()
        return Ended(status, said.out, said.err)

    return command


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    return path


READS = (["status"], ["site"], ["disk", "list"], ["disk", "show", "d1"], ["job", "list"],
         ["job", "show", "1"], ["pool", "list"], ["pool", "show", "tank"], ["volume", "list"],
         ["share", "list"], ["secret", "list"], ["audit", "list"], ["audit", "verify"])  # fmt: skip


def test_a_site_from_preview_to_proof(run: Run, spec: Path, agent: Agent) -> None:
    shown = run("apply", str(spec), "--preview")
    assert shown.status == 0
    assert "[pool/tank] Format d1" in shown.out
    assert not agent.host.ran
    done = run("apply", str(spec), "--yes")
    assert done.status == 0, done.err
    assert "job 1 done: pool/tank; volume/images" in done.out
    again = run("apply", str(spec), "--yes")
    assert again.out == "Nothing to do: the node is as wished.\n"
    assert tomllib.loads(run("site").out)["pool"] == {"tank": {"disks": ["d1"]}}
    assert run("apply", str(spec), "--preview", "--json").document["steps"] == []


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_every_read_is_words_for_people_and_json_for_programs(
    run: Run, spec: Path, words: list[str]
) -> None:
    assert run("apply", str(spec), "--yes").status == 0
    plain = run(*words)
    assert (plain.status, plain.err) == (0, "")
    assert plain.out.strip()
    for argv in ([*words, "--json"], ["--json", *words]):
        told = run(*argv)
        assert (told.status, told.err) == (0, "")
        assert isinstance(told.document, dict | list)


@pytest.mark.parametrize("noun", ["pool", "share", "job", "audit", "secret", "site"])
def test_an_empty_node_is_told_in_words(run: Run, noun: str) -> None:
    words = [noun] if noun == "site" else [noun, "list"]
    told = run(*words).out
    assert len(told.splitlines()) == 1
    assert {"yet", "no"} & set(told.split())


def test_a_viewer_is_refused_with_the_way_to_the_role(run: Run, spec: Path, agent: Agent) -> None:
    assert run("apply", str(spec), "--preview", uid=VIEWER).status == 0
    refused = run("apply", str(spec), "--yes", uid=VIEWER)
    assert refused.status == 77
    assert "not for viewer: it needs admin" in refused.err
    assert "next: " in refused.err
    assert "usermod -aG appliance-admin vic" in refused.err
    assert not agent.host.ran


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("pool = ", "pol = "), ":5: volume.images.pol: "),
        (('"tank"', "7"), ":5: volume.images.pool: "),
        (("[volume.", "[volum."), "did you mean 'volume'"),
        (("images]", '"I m"]'), "volume.I m"),
        (("]\n", "\n"), "is not valid TOML"),
    ],
)
def test_a_wrong_spec_names_the_key_and_its_line(
    run: Run, spec: Path, change: tuple[str, str], said: str
) -> None:
    spec.write_text(SITE.replace(*change))
    wrong = run("apply", str(spec), "--yes")
    assert wrong.status == 64
    assert said in wrong.err
    assert "next: " in wrong.err
    assert wrong.out == ""


@pytest.mark.parametrize("what", ["gone", "folder", "binary"])
def test_a_spec_that_cannot_be_read(run: Run, tmp_path: Path, what: str) -> None:
    path = tmp_path / what
    if what == "folder":
        path.mkdir()
    elif what == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    ended = run("apply", str(path))
    assert ended.status == 64
    assert str(path) in ended.err


def test_a_removal_that_nobody_confirmed(run: Run, spec: Path) -> None:
    assert run("apply", str(spec), "--yes").status == 0
    refused = run("pool", "delete", "tank", "--yes")
    assert refused.status == 65
    assert "next: " in refused.err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["pool", "show", "none"], 66, "There is no pool 'none'"),
        (["pool", "set", "none", "--disks", "d1"], 66, "no pool 'none' that is managed"),
        (["disk", "show", "bay:99"], 66, "There is no disk 'bay:99'"),
        (["job", "show", "12"], 66, "There is no job 12"),
        (["job", "show", "twelve"], 66, "'twelve' is not the number of a job"),
        (["job", "undo", "12"], 66, "There is no job 12"),
        (["pol", "list"], 64, "There is no noun 'pol'"),
        (["pool", "lst"], 64, "invalid choice: 'lst'"),
        (["secret", "delete", "none"], 66, "none"),
        (["secret", "set", "none"], 64, "There is no value"),
        (["volume", "create", "v", "--pool", "nowhere"], 64, "nowhere"),
    ],
)
def test_what_is_not_there_is_told_with_a_status(
    run: Run, words: list[str], status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    ended = run(*words)
    assert ended.status == status, ended.err
    assert said in ended.err
    assert ended.err.splitlines()[-1].startswith("next: ")


class TestWhileAJobRuns:
    """The first step of a job is held."""

    @pytest.fixture
    def on_edge(self, gate: threading.Event) -> Callable[[int, int, str], None]:
        return hold_at(1, "begun", gate)

    def test_what_is_not_begun_is_not_called_lasting(
        self, run: Run, spec: Path, gate: threading.Event
    ) -> None:
        started = run("apply", str(spec), "--yes", "--no-wait")
        assert "job 1 started; see: appliance job watch 1" in started.out
        shown = run("job", "show", "1").out
        gate.set()
        assert "(planned)" in shown
        assert "no undo" not in shown
        assert run("job", "watch", "1").status == 0

    def test_another_change_names_the_job_that_runs(
        self, run: Run, spec: Path, gate: threading.Event
    ) -> None:
        run("apply", str(spec), "--yes", "--no-wait")
        busy = run("apply", str(spec), "--yes")
        gate.set()
        assert busy.status == 75
        assert "Job 1 is " in busy.err
        assert "appliance job show 1" in busy.err
