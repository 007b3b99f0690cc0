"""A home of one's own, and an SSH server in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.client.sshd import Sshd


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Neither the person's keys nor their agent take part."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USER", "ada")
    for name in ("XDG_CONFIG_HOME", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def sshd(home: Path, allow_sockets: None) -> Iterator[Sshd]:
    """A server on loopback that lets ada in with ~/.ssh/id_ed25519."""
    server = Sshd(home)
    yield server
    server.close()
