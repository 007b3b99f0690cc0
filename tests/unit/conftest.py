"""Unit tests start no process, open no connection, do not sleep, and leave nothing behind.

A test that is about one of these says so: `@pytest.mark.usefixtures("allow_processes")`, or
`allow_sockets`, `allow_sleep`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

LEAVING_S = 2.0


@pytest.fixture(autouse=True)
def _forbid(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = set(request.fixturenames)
    if "allow_processes" not in allowed:
        monkeypatch.setattr(subprocess.Popen, "__init__", _refuse("start a process"))
        for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system"):
            monkeypatch.setattr(os, name, _refuse("start a process"))
    if "allow_sockets" not in allowed:
        monkeypatch.setattr(socket, "getaddrinfo", _refuse("look up an address"))
        monkeypatch.setattr(socket, "socket", _Unconnected)
    if "allow_sleep" not in allowed:
        monkeypatch.setattr(time, "sleep", _refuse("sleep"))


class _Unconnected(socket.socket):
    """A socket that goes nowhere; a pair that is born connected still works."""

    def connect(self, address: Any, /) -> None:
        _refuse("connect a socket")(address)

    def bind(self, address: Any, /) -> None:
        _refuse("bind a socket")(address)


@pytest.fixture(autouse=True)
def _leave_nothing(_forbid: None) -> Iterator[None]:
    threads, children = set(threading.enumerate()), _children()
    yield
    for thread in set(threading.enumerate()) - threads:
        thread.join(LEAVING_S)
    left = [thread.name for thread in set(threading.enumerate()) - threads if thread.is_alive()]
    assert not left, f"threads left behind: {left}"
    assert not _children() - children, "child processes left behind"


@pytest.fixture
def allow_processes() -> None:
    """The test may start processes."""


@pytest.fixture
def allow_sockets() -> None:
    """The test may connect and bind sockets."""


@pytest.fixture
def allow_sleep() -> None:
    """The test may sleep."""


def _refuse(what: str) -> Callable[..., NoReturn]:
    def refuse(*arguments: object, **_: object) -> NoReturn:
        msg = f"a unit test tried to {what}: {arguments!r:.200}"
        raise AssertionError(msg)

    return refuse


def _children() -> set[str]:
    found: set[str] = set()
    for listing in Path("/proc/self/task").glob("*/children"):
        try:
            found |= set(listing.read_text().split())
        except OSError:
            continue
    return found
