"""Unit tests start no process, open no connection, do not sleep, and leave nothing behind.

A test that is about one of these says so: `@pytest.mark.usefixtures("allow_processes")`, or
`allow_sockets`, `allow_sleep`.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROCESSES = {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}
SOCKETS = {"socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"}
LEAVING_S = 2.0


class Warden:
    """What the test that runs now may not do."""

    def __init__(self) -> None:
        self.forbidden: set[str] = set()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in self.forbidden:
            msg = f"a unit test did {event}{arguments!r:.200}"
            raise AssertionError(msg)


WARDEN = Warden()


@pytest.fixture(autouse=True)
def _forbid(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    allowed = set(request.fixturenames)
    WARDEN.forbidden = set()
    if "allow_processes" not in allowed:
        WARDEN.forbidden |= PROCESSES
    if "allow_sockets" not in allowed:
        WARDEN.forbidden |= SOCKETS
    if "allow_sleep" not in allowed:
        monkeypatch.setattr(time, "sleep", _no_sleep)
    yield
    WARDEN.forbidden = set()


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


def _no_sleep(seconds: float) -> None:
    msg = f"a unit test slept {seconds} s"
    raise AssertionError(msg)


def _children() -> set[str]:
    found: set[str] = set()
    for listing in Path("/proc/self/task").glob("*/children"):
        try:
            found |= set(listing.read_text().split())
        except OSError:
            continue
    return found
