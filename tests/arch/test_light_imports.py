"""What starts often must start light: reads of the CLI, and the agent's small subcommands."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"pydantic", "pydantic_core", "rich", "paramiko", "httpx", "asyncio", "textual", "starlette",
         "uvicorn", "sqlite_utils"}  # fmt: skip
ANSWERS = {
    "/v1/disks": {"disks": [], "problems": []},
    "/v1/resources/volume": {"kind": "volume", "columns": ["size"], "resources": []},
    "/v1/jobs": {"jobs": []},
    "/v1/site": {"site": {}},
}


@pytest.fixture
def canned(tmp_path: Path) -> Iterator[Path]:
    """A socket that answers reads with little."""
    path = tmp_path / "agent.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    thread = threading.Thread(target=_answer, args=(listener,))
    thread.start()
    yield path
    listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    listener.close()


def _answer(listener: socket.socket) -> None:
    while True:
        try:
            plug, _ = listener.accept()
        except OSError:
            return
        with plug:
            path = plug.recv(65536).split(b" ", 2)[1].decode()
            body = json.dumps(ANSWERS[path]).encode()
            plug.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def _imported(code: str) -> set[str]:
    shown = f"{code}\nimport sys; print('\\n' + ' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize("words", [["disk", "list"], ["volume", "list"], ["job", "list"], ["site"]])
def test_a_read_imports_nothing_heavy(canned: Path, words: list[str]) -> None:
    argv = ["-H", f"unix://{canned}", *words]
    code = f"from appliance.cli.main import main\nassert main({argv!r}) == 0"
    assert not _imported(code) & HEAVY


def test_the_read_asked_for_most_builds_no_parser(canned: Path) -> None:
    argv = ["-H", f"unix://{canned}", "disk", "list"]
    found = _imported(f"from appliance.cli.main import main\nassert main({argv!r}) == 0")
    assert not found & {"argparse", "gettext", "socket", "shutil"}


@pytest.mark.parametrize("module", ["agents.node.relay", "agents.node.main"])
def test_the_agents_small_subcommands_start_light(module: str) -> None:
    assert not _imported(f"import {module}") & HEAVY
