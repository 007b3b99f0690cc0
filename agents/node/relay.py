"""Carries bytes between standard input and output and the agent's socket.

The fallback for SSH servers that forward no sockets. It runs as the user who logged in, so the
socket's peer credentials are still that user's. Imports next to nothing: it starts once a call.
"""

from __future__ import annotations

import os
import select
import socket
import sys
from typing import Final

from appliance.api.paths import SOCKET

_CHUNK: Final = 262_144
_UNAVAILABLE: Final = 69
"""EX_UNAVAILABLE of sysexits.h, as UnavailableError has it."""


def relay(path: str = SOCKET, *, stdin: int = 0, stdout: int = 1) -> int:
    """Carry bytes until either side is done. Returns the exit status."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
        try:
            agent.connect(path)
        except OSError as error:
            sys.stderr.write(f"error: the appliance agent does not answer on {path}: "
                             f"{error.strerror}\nnext: systemctl start appliance-agent\n")  # fmt: skip
            return _UNAVAILABLE
        try:
            _carry(agent, stdin, stdout)
        except (BrokenPipeError, ConnectionResetError):
            return 0
    return 0


def _carry(agent: socket.socket, stdin: int, stdout: int) -> None:
    poller = select.poll()
    poller.register(stdin, select.POLLIN)
    poller.register(agent, select.POLLIN)
    while True:
        for descriptor, _ in poller.poll():
            if descriptor == stdin:
                data = os.read(stdin, _CHUNK)
                if data:
                    agent.sendall(data)
                else:
                    poller.unregister(stdin)
                    agent.shutdown(socket.SHUT_WR)
            else:
                data = agent.recv(_CHUNK)
                if not data:
                    return
                _write_all(stdout, data)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
