"""The verbs over a node that answers from a list."""

from __future__ import annotations

import json
import socket
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest
from typing_extensions import override

from images import lab
from images.errors import CheckFailedError, RigError
from images.qemu import kill
from images.qmp import Qmp, QmpError
from images.run import Ran, alive, spawn
from images.ssh import Ssh
from images.verbs import Verbs, pack, shell_line

pytestmark = pytest.mark.usefixtures("allow_sleep")


class Answers(Verbs):
    """Verbs whose node gives the next of some answers, then the last for ever."""

    def __init__(self, *answers: Ran) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    @property
    @override
    def name(self) -> str:
        return "node"

    @property
    @override
    def ssh(self) -> Ssh:
        raise AssertionError

    @override
    def execute(self, *words: str, timeout_s: float = 120, stdin: bytes | None = None) -> Ran:
        self.asked.append(shell_line(words))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_one_word_is_a_shell_line_and_more_are_literal() -> None:
    assert shell_line(("a | b",)) == "a | b"
    assert shell_line(("echo", "a b", "$x")) == "echo 'a b' '$x'"


def test_succeed_shows_what_the_command_said() -> None:
    with pytest.raises(CheckFailedError, match="no room left"):
        Answers(Ran(1, "", "no room left")).succeed("cp a b")


def test_waiting_stops_at_the_first_success() -> None:
    node = Answers(Ran(1, "", ""), Ran(0, "there", ""))
    assert node.wait_until_succeeds("look", timeout_s=10) == "there"
    assert len(node.asked) == 2


def test_waiting_in_vain_says_the_last_answer() -> None:
    with pytest.raises(CheckFailedError, match="still nothing"):
        Answers(Ran(1, "", "still nothing")).wait_until_succeeds("look", timeout_s=0)


@pytest.mark.parametrize(("state", "job"), [("failed", ""), ("inactive", "0"), ("inactive", "")])
def test_unit_that_will_not_come_fails_at_once(state: str, job: str) -> None:
    node = Answers(Ran(0, f"ActiveState={state}\nJob={job}\n", ""), Ran(0, "its log", ""))
    with pytest.raises(CheckFailedError, match="its log"):
        node.wait_for_unit("x.service")


def test_unit_that_is_queued_is_waited_for() -> None:
    node = Answers(
        Ran(0, "ActiveState=inactive\nJob=17\n", ""), Ran(0, "ActiveState=active\nJob=\n", "")
    )
    node.wait_for_unit("x.service")


def test_pack_leaves_python_s_droppings_out(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").touch()
    (tmp_path / "a.py").touch()
    with tarfile.open(fileobj=BytesIO(pack({"code": tmp_path}))) as tar:
        assert tar.getnames() == ["code", "code/a.py"]


def qmp_peer(*answers: Mapping[str, object]) -> tuple[Qmp, socket.socket]:
    ours, theirs = socket.socketpair()
    lines: list[Mapping[str, object]] = [{"QMP": {}}, {"return": {}}, *answers]
    theirs.sendall(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    return Qmp(ours), theirs


@pytest.mark.usefixtures("allow_sockets")
def test_qmp_keeps_events_that_come_between() -> None:
    gone = {"event": "DEVICE_DELETED", "data": {"device": "bay-1"}}
    qmp, peer = qmp_peer(gone, {"return": {"status": "running"}})
    assert qmp.command("query-status") == {"status": "running"}
    qmp.wait_event("DEVICE_DELETED", timeout_s=1, device="bay-1")
    peer.close()
    with pytest.raises(QmpError, match="closed"):
        qmp.command("stop")
    qmp.close()


@pytest.mark.usefixtures("allow_sockets")
def test_qmp_refusal_has_qemu_s_words() -> None:
    qmp, peer = qmp_peer({"error": {"class": "GenericError", "desc": "no such device"}})
    with pytest.raises(QmpError, match="no such device"):
        qmp.command("device_del", id="x")
    qmp.close()
    peer.close()


def test_each_lab_verb_has_help_and_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    verbs = ("up", "ssh", "deploy", "pull", "insert", "cut-power", "power-on", "corrupt")
    for verb in (*verbs, "throttle", "forward", "log", "status", "down"):
        with pytest.raises(SystemExit):
            lab.build_parser().parse_args([verb, "--help"])
        assert f"example: appliance-lab {verb}" in capsys.readouterr().out


def test_lab_error_says_what_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert lab.main(["pull", "-n", "nothing", "3"]) == RigError.exit_status
    assert "appliance-lab up" in capsys.readouterr().err
    assert lab.main(["status", "--json"]) == 0
    assert capsys.readouterr().out.strip() == "[]"


def test_a_machine_of_another_version_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    record = tmp_path / "appliance/run/old/machine.json"
    record.parent.mkdir(parents=True)
    record.write_text('{"name": "old", "beard": "long"}')
    assert lab.main(["status"]) == 0
    assert "'old' was made by another version" in capsys.readouterr().out
    assert lab.main(["down", "old"]) == RigError.exit_status
    assert str(record) in capsys.readouterr().err


@pytest.mark.usefixtures("allow_processes")
def test_process_is_alive_until_it_is_reaped(tmp_path: Path) -> None:
    pid = spawn(["sleep", "60"], log=tmp_path / "log")
    assert alive(pid)
    kill(pid)
    assert not alive(pid)
