"""QEMU's machine protocol: one command, one answer, over a unix socket."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from images.errors import RigError
from images.run import alive

CLOSED = "QEMU closed its control socket."


class QmpError(RigError):
    """QEMU refused a command."""

    code = "lab-qmp"


class Qmp:
    """One QMP session. QEMU serves one at a time, so keep it short: `with connect(path) as qmp`."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lines = channel.makefile("r")
        self._events: list[dict[str, Any]] = []
        self._read()
        self.command("qmp_capabilities")

    def close(self) -> None:
        """End the session."""
        self._lines.close()
        self._channel.close()

    def command(self, name: str, **arguments: object) -> Any:  # noqa: ANN401 - QMP answers any JSON
        """Run one command and return its answer; raises QmpError with QEMU's words."""
        # not through a "rw" file: its write would throw away lines already read ahead
        line = json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n"
        try:
            self._channel.sendall(line)
        except BrokenPipeError as error:
            raise QmpError(CLOSED, hint="It has ended: see qemu.log.") from error
        while True:
            answer = self._read()
            if "event" in answer:
                self._events.append(answer)
            elif "error" in answer:
                raise QmpError(
                    f"QEMU refused {name}: {answer['error']['desc']}",
                    hint="See the run folder's qemu.log.",
                )
            else:
                return answer["return"]

    def monitor(self, line: str) -> str:
        """Run one line of the human monitor: some things (hostfwd_add) have no QMP command."""
        return str(self.command("human-monitor-command", **{"command-line": line})).strip()

    def wait_event(self, name: str, *, timeout_s: float, **data: object) -> None:
        """Wait until an event with this name and data comes, or came in this session."""
        deadline = time.monotonic() + timeout_s
        while True:
            for event in self._events:
                if event["event"] == name and data.items() <= event.get("data", {}).items():
                    return
            left = deadline - time.monotonic()
            if left <= 0:
                raise QmpError(
                    f"No {name} event within {timeout_s:.0f} s.",
                    hint="Is the guest running and not paused?",
                )
            self._channel.settimeout(left)
            try:
                answer = self._read()
            except TimeoutError:
                continue
            self._events.append(answer)

    def _read(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise QmpError(CLOSED, hint="It has ended: see qemu.log.")
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise QmpError(f"QEMU said {line!r}.", hint="This is no QMP socket.")
        return answer


@contextmanager
def connect(path: Path, *, timeout_s: float = 60, pid: int = 0) -> Iterator[Qmp]:
    """Open a session, waiting for the socket as long as process `pid` (if told) lives."""
    deadline = time.monotonic() + timeout_s
    while True:
        channel = socket.socket(socket.AF_UNIX)
        channel.settimeout(timeout_s)
        try:
            channel.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            channel.close()
            if time.monotonic() > deadline or (pid and not alive(pid)):
                raise RigError(
                    f"No QEMU behind {path}.", hint="Start the machine first."
                ) from error
            time.sleep(0.05)
            continue
        session = Qmp(channel)
        try:
            yield session
        finally:
            session.close()
        return
