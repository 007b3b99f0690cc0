"""An SSH server on loopback with an agent behind it, as far as a client can tell."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from appliance.client import hostkeys
from appliance.client.transport import Address

STREAMLOCAL: Final = "direct-streamlocal@openssh.com"
WAIT_S: Final = 10


class CutError(Exception):
    """The network is cut in the middle of a call."""


def answer(body: bytes, *, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


def echo(request: bytes) -> bytes:
    """An agent that says which call it got."""
    return answer(request.split(b" HTTP", 1)[0])


def new_key(path: Path, *, passphrase: str = "") -> paramiko.PKey:
    """A fresh key, kept as ssh-keygen would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    private = Ed25519PrivateKey.generate()
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    key = paramiko.PKey.from_path(path)
    if passphrase:
        lock = BestAvailableEncryption(passphrase.encode())
        path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, lock))
    return key


@dataclass
class Sshd:
    """The server: what it allows may be changed at any time."""

    home: Path
    agent: Callable[[bytes], bytes] = echo
    """Answers a request; raises CutError, or answers nothing to close the channel."""
    streamlocal: int = OPEN_SUCCEEDED
    commands: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Command -> exit status and words on standard error; -1: it is an agent's relay."""
    logins: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.host_keys = [new_key(self.home / "host_key")]
        self.user_key = new_key(self.home / ".ssh/id_ed25519")
        self.commands.setdefault("true", (0, b""))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = Address("ssh", "ada", "127.0.0.1", self._listener.getsockname()[1], "")
        self.connections: list[paramiko.Transport] = []
        self._plugs: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._spawn(self._accept)

    def pin(self) -> None:
        """Have the client know this server."""
        key = self.host_keys[0]
        hostkeys.pin(self.address, key.get_name(), key.asbytes())

    def cut(self) -> None:
        """All connections are gone."""
        for plug in self._plugs:
            with contextlib.suppress(OSError):
                plug.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End all."""
        # Only a shutdown wakes the thread that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(WAIT_S)
        for connection in self.connections:
            if connection.ident is not None:
                connection.join(WAIT_S)
            # After its thread, which starts the timer: a cut handshake leaves that for 15 s.
            connection.packetizer.complete_handshake()

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        def run() -> None:
            # The client may be gone at any time.
            with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                target(*arguments)

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                plug, _ = self._listener.accept()
            except OSError:
                return
            self._plugs.append(plug)
            connection = paramiko.Transport(plug)
            self.connections.append(connection)
            for key in self.host_keys:
                connection.add_server_key(key)
            gate = Gate(self)
            with contextlib.suppress(paramiko.SSHException, EOFError):
                connection.start_server(server=gate)
                self._spawn(self._serve, connection, gate)

    def _serve(self, connection: paramiko.Transport, gate: Gate) -> None:
        while connection.is_active():
            channel = connection.accept(0.2)
            if channel is not None and gate.kinds[channel.get_id()] == STREAMLOCAL:
                self._spawn(self.converse, channel)

    def run(self, channel: paramiko.Channel, command: str) -> None:
        """A command that was executed in a session."""
        status, words = self.commands[command]
        if status < 0:
            self.converse(channel)
            return
        if words:
            # What it says comes after the answer to the request that began it.
            channel.recv(1)
            channel.sendall_stderr(words)
        channel.send_exit_status(status)
        channel.close()

    def converse(self, channel: paramiko.Channel) -> None:
        """The agent at the other end of a channel."""
        while request := _request(channel):
            try:
                said = self.agent(request)
            except CutError:
                self.cut()
                return
            if not said:
                break
            channel.sendall(said)
        channel.close()


class Gate(paramiko.ServerInterface):
    """What the server allows on one connection."""

    def __init__(self, sshd: Sshd) -> None:
        self._sshd = sshd
        self.kinds: dict[int, str] = {}

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._sshd.logins.append(username)
        right = key.asbytes() == self._sshd.user_key.asbytes()
        return AUTH_SUCCESSFUL if right else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self.kinds[chanid] = kind
        if kind != STREAMLOCAL:
            return OPEN_SUCCEEDED
        self._sshd.channels.append(kind)
        return self._sshd.streamlocal

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        words = command.decode()
        self._sshd.ran.append(words)
        if words not in self._sshd.commands:
            return False
        self._sshd._spawn(self._sshd.run, channel, words)
        return True


def _request(channel: paramiko.Channel) -> bytes:
    """One request with its body; nothing when the client has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = channel.recv(65536)
        if not chunk:
            return b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value):
                body += channel.recv(65536)
    return head + b"\r\n\r\n" + body
