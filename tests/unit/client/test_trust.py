"""appliance host: a key is pinned only after somebody compared it."""

from __future__ import annotations

import builtins
import json
import sys
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.client import hostkeys
from tests.unit.client.sshd import Sshd

Capture = pytest.CaptureFixture[str]


def shown(sshd: Sshd) -> str:
    return hostkeys.fingerprint(sshd.host_keys[0].asbytes())


def trust(sshd: Sshd, *words: str) -> int:
    return main(["host", "trust", sshd.address.text, *words])


def test_the_right_fingerprint_pins_without_asking(sshd: Sshd, capsys: Capture) -> None:
    assert trust(sshd, "--fingerprint", shown(sshd)) == 0
    assert f"is pinned in {hostkeys.own_file()}" in capsys.readouterr().out
    assert [entry.key for entry in hostkeys.pinned(sshd.address)] == [sshd.host_keys[0].asbytes()]
    assert main(["host", "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["fingerprint"] == shown(sshd)
    assert main(["host", "list"]) == 0
    assert f"[127.0.0.1]:{sshd.address.port}" in capsys.readouterr().out


def test_another_fingerprint_pins_nothing(sshd: Sshd, capsys: Capture) -> None:
    assert trust(sshd, "--fingerprint", "SHA256:other") == 76
    assert shown(sshd) in capsys.readouterr().err
    assert not hostkeys.own_file().exists()


def test_where_nobody_can_compare_nothing_is_pinned(sshd: Sshd, capsys: Capture) -> None:
    assert trust(sshd) == 65
    assert f"--fingerprint {shown(sshd)}" in capsys.readouterr().err
    assert not hostkeys.own_file().exists()


@pytest.mark.parametrize(("word", "status"), [("y", 0), ("n", 65), ("", 65)])
def test_a_person_compares(
    sshd: Sshd, capsys: Capture, monkeypatch: pytest.MonkeyPatch, word: str, status: int
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(builtins, "input", lambda _: word)
    assert trust(sshd) == status
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in capsys.readouterr().out
    assert hostkeys.own_file().exists() == (status == 0)


def test_only_ssh_has_host_keys(capsys: Capture) -> None:
    assert main(["host", "trust", "unix:///run/x"]) == 64
    assert "Write ssh://USER@HOST" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\n", b"# mine\nnode1 ssh-ed25519\n"])
def test_a_list_of_nothing(home: Path, capsys: Capture, content: bytes | None) -> None:
    if content is not None:
        hostkeys.own_file().parent.mkdir(parents=True)
        hostkeys.own_file().write_bytes(content)
    assert main(["host", "list"]) == 0
    assert "no host keys are pinned" in capsys.readouterr().out
