"""The agent on another machine: SSH to one's own account, then a channel to the agent's socket.

The only door to paramiko. SSH authenticates; on the node the socket's peer credentials are those
of the SSH login, so the login's groups authorise.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Final

import paramiko
from paramiko.common import cMSG_CHANNEL_OPEN
from paramiko.pkey import UnknownKeyType
from typing_extensions import override

from appliance.api.paths import SOCKET
from appliance.client import hostkeys
from appliance.client.kept import KeptLinks
from appliance.client.transport import CALL_TIMEOUT_S, Address, this_user
from appliance.errors import ForbiddenError, UnavailableError

CONNECT_TIMEOUT_S: Final = 60.0
"""A loaded node took 20 s to log somebody in (seen in the lab)."""
CLOSE_TIMEOUT_S: Final = 2.0
"""For the reader of a connection that is shut down; it ends as soon as it runs."""
KEEPALIVE_S: Final = 30
RELAY: Final = "appliance-agent relay"
_STREAMLOCAL: Final = "direct-streamlocal@openssh.com"
_RELAY_WORDS: Final = 4096
"""Bytes of what the relay says that are read; it says two lines."""
_SHOWN: Final = 200
_KEY_FILES: Final = ("id_ed25519", "id_ecdsa", "id_rsa")

logging.getLogger("paramiko").addHandler(logging.NullHandler())


class NodeConnection(paramiko.Transport):
    """A transport with modern, cheap algorithms first, that can open the agent's socket."""

    # aes128-gcm stands last in paramiko's own list and is its fastest; group exchange costs 10
    # times curve25519. ML-KEM first: free where both ends have it.
    _preferred_ciphers = (
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "aes128-ctr",
        "aes256-ctr",
    )
    _preferred_kex = ("mlkem768x25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256")
    # By default each idle transport wakes up ten times a second.
    _active_check_timeout = 5.0

    def open_socket(self) -> paramiko.Channel:
        """A channel to the agent's socket. Raises ChannelException or SSHException."""
        return self.open_channel(_STREAMLOCAL, timeout=CONNECT_TIMEOUT_S)

    @override
    def close(self) -> None:
        """Close it. Its threads end at once: the one that reads instead of at the next time it
        looks around, the one that times the handshake instead of keeping the command for 15 s.

        The reader ends before its socket is closed: the next connection may get the same file
        descriptor, and a reader that is late would take that one's bytes.
        """
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        if self.is_alive() and self is not threading.current_thread():
            self.join(CLOSE_TIMEOUT_S)
        self.packetizer.complete_handshake()
        super().close()

    def _send_user_message(self, data: paramiko.Message) -> None:
        """Complete the open message: OpenSSH's PROTOCOL 2.4 wants the path and two reserved fields
        behind what paramiko writes for a kind it does not know."""
        opening = paramiko.Message()
        opening.add_byte(cMSG_CHANNEL_OPEN)
        opening.add_string(_STREAMLOCAL)
        if data.asbytes().startswith(opening.asbytes()):
            data.add_string(SOCKET)
            data.add_string("")
            data.add_int(0)
        super()._send_user_message(data)  # type: ignore[misc]


class SshLink:
    """A channel as a link."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        channel.settimeout(CALL_TIMEOUT_S)

    def sendall(self, data: bytes, /) -> None:
        """See Stream. A connection cut just now is EOFError to paramiko, which is no OSError."""
        try:
            self._channel.sendall(data)
        except EOFError as error:
            raise ConnectionResetError("the SSH connection was cut") from error

    def recv(self, size: int, /) -> bytes:
        """See Stream."""
        return self._channel.recv(size)

    def stale(self) -> bool:
        """See Link."""
        channel = self._channel
        return bool(channel.closed or channel.eof_received or channel.recv_ready())

    def close(self) -> None:
        """See Link. There is nothing to close in a connection that is cut."""
        with contextlib.suppress(EOFError, OSError):
            self._channel.close()


class RelayLink(SshLink):
    """A channel in which the agent's relay runs; its end is explained by the relay's own."""

    def __init__(self, channel: paramiko.Channel, address: Address) -> None:
        super().__init__(channel)
        self._address = address
        self._answered = False

    @override
    def recv(self, size: int, /) -> bytes:
        """See Stream. Raises UnavailableError when the relay could not reach the agent."""
        data = super().recv(size)
        if not data:
            self._explain()
        elif not self._answered and not data.startswith(b"H"):
            # An account without a shell says so on standard output.
            raise self._no_agent(data)
        self._answered = True
        return data

    @override
    def sendall(self, data: bytes, /) -> None:
        """See Stream. Raises UnavailableError when the relay could not reach the agent."""
        try:
            super().sendall(data)
        except OSError:
            self._explain()
            raise

    def _explain(self) -> None:
        status = self._channel.recv_exit_status()
        if status > 0:
            said = self._channel.recv_stderr(_RELAY_WORDS)
            raise self._no_agent(said or f"exit status {status}".encode())

    def _no_agent(self, said: bytes) -> UnavailableError:
        first = said.decode(errors="replace").strip().split("\n", 1)[0]
        words = first[:_SHOWN].removeprefix("error: ").rstrip(".")
        return no_agent(self._address, f"its relay says: {words}")


class SshTransport:
    """Transport over one warm SSH connection; each thread's call has its own channel."""

    def __init__(self, address: Address, *, identity: str = "") -> None:
        self._address = address
        self._identity = identity
        self._connection: NodeConnection | None = None
        self._connecting = Lock()
        self._links = KeptLinks(self._dial, subject=address.text)

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """See Transport."""
        return self._links.request(method, path, body)

    def close(self) -> None:
        """See Transport."""
        self._links.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _dial(self) -> SshLink:
        with self._connecting:
            if self._connection is None or not self._connection.is_active():
                self._connection = connect(self._address, self._identity)
            connection = self._connection
        try:
            return SshLink(connection.open_socket())
        except paramiko.ChannelException:
            # OpenSSH says "connect failed" for a socket that does not answer and for one it may
            # not forward alike, so only the relay can tell.
            return self._relay(connection)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise _unreachable(self._address, error) from error

    def _relay(self, connection: NodeConnection) -> SshLink:
        """sshd forwards no sockets here: have the agent's own relay carry the bytes."""
        try:
            channel = connection.open_session(timeout=CONNECT_TIMEOUT_S)
            channel.exec_command(RELAY)
        except (paramiko.SSHException, OSError, EOFError) as error:
            why = "sshd neither forwards its socket nor runs its relay"
            raise no_agent(self._address, why) from error
        return RelayLink(channel, self._address)


def no_agent(address: Address, why: str) -> UnavailableError:
    """The error for a node that lets one in but whose agent is not reached."""
    return UnavailableError(
        f"The login on {address.text} works, but the appliance agent is not reached: {why}.",
        hint="On the node: systemctl start appliance-agent; why it ended: journalctl -u "
        "appliance-agent -e",
        subject=address.text,
    )


def connect(address: Address, identity: str = "") -> NodeConnection:
    """An authenticated connection whose host key is one of the pinned ones.

    Raises HostKeyError, ForbiddenError when no key is accepted, UnavailableError.
    """
    pinned = hostkeys.pinned(address)
    connection = _start(address, tuple(entry.key_type for entry in pinned))
    try:
        _check_host_key(connection, address, pinned)
        _log_in(connection, address, identity)
        _send_at_once(connection)
    except BaseException:
        connection.close()
        raise
    connection.set_keepalive(KEEPALIVE_S)
    return connection


def host_key(address: Address) -> tuple[str, bytes]:
    """Type and bytes of the key a host shows now; nothing is sent to it. Raises UnavailableError."""
    connection = _start(address, ())
    try:
        key = connection.get_remote_server_key()
    finally:
        connection.close()
    return key.get_name(), key.asbytes()


def _start(address: Address, pinned_types: tuple[str, ...]) -> NodeConnection:
    try:
        plug = socket.create_connection((address.host, address.port), CONNECT_TIMEOUT_S)
    except OSError as error:
        raise _unreachable(address, error) from error
    plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = NodeConnection(plug)
    connection.banner_timeout = CONNECT_TIMEOUT_S
    connection.auth_timeout = CONNECT_TIMEOUT_S
    _prefer(connection, pinned_types)
    try:
        connection.start_client(timeout=CONNECT_TIMEOUT_S)
    except (paramiko.SSHException, OSError, EOFError) as error:
        connection.close()
        raise _unreachable(address, error) from error
    return connection


def _prefer(connection: NodeConnection, pinned_types: tuple[str, ...]) -> None:
    """Ask for the type of key that is pinned, as ssh(1) does, so that no other one is a change."""
    options = connection.get_security_options()
    wanted = [name for name in options.key_types if _family(name) in pinned_types]
    if wanted:
        options.key_types = (*wanted, *(name for name in options.key_types if name not in wanted))


def _family(algorithm: str) -> str:
    """The key type of a signature algorithm: an ssh-rsa key signs as rsa-sha2-512 (RFC 8332)."""
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm


def _check_host_key(
    connection: NodeConnection, address: Address, pinned: tuple[hostkeys.Entry, ...]
) -> None:
    key = connection.get_remote_server_key()
    key_type, shown = key.get_name(), key.asbytes()
    if shown in hostkeys.revoked(address):
        raise hostkeys.distrusted(address, key_type, shown)
    if not pinned:
        raise hostkeys.unknown(address, key_type, shown)
    if all(shown != entry.key for entry in pinned):
        expected = next((item for item in pinned if item.key_type == key_type), pinned[0])
        raise hostkeys.changed(address, key_type, shown, expected.key)


def _log_in(connection: NodeConnection, address: Address, identity: str) -> None:
    user = address.user or this_user()
    tried = []
    for name, key in _keys(identity):
        if key is None:
            tried.append(name)
            continue
        try:
            connection.auth_publickey(user, key)
        except (paramiko.SSHException, EOFError):
            tried.append(name)
            if not connection.is_active():
                break
        else:
            return
    raise ForbiddenError(
        f"{address.text} lets '{user}' in with none of these keys: {', '.join(tried) or 'none found'}.",
        hint=f"Load a key (ssh-add) or name one (appliance -i FILE), and put its public half into "
        f"~{user}/.ssh/authorized_keys on the node.",
        subject=address.text,
    )


def _keys(identity: str) -> Iterator[tuple[str, paramiko.PKey | None]]:
    """Keys to try, with a name for each: the one that was named, or the agent's and the usual.

    None for a usual one that is there but of no use; its name then says why.
    """
    if identity:
        yield identity, _load(Path(identity))
        return
    for held in paramiko.Agent().get_keys():
        yield f"{held.comment or held.get_name()} (ssh-agent)", held
    for name in _KEY_FILES:
        path = Path.home() / ".ssh" / name
        if path.exists():
            yield _usual(path)


def _usual(path: Path) -> tuple[str, paramiko.PKey | None]:
    try:
        return str(path), _load(path)
    except ForbiddenError as error:
        return f"{path} ({error.details[0]})", None


def _load(path: Path) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(path)
    except OSError as error:
        why, hint = f"{error.strerror}", "Check the path given with -i."
    except (paramiko.PasswordRequiredException, TypeError):
        # TypeError is what the cryptography library says of an OpenSSH key without its passphrase.
        why, hint = "it has a passphrase", f"Load it into the agent first: ssh-add {path}"
    except (paramiko.SSHException, UnknownKeyType, ValueError):
        why, hint = "it is no private SSH key", "Make one with: ssh-keygen -t ed25519"
    raise ForbiddenError(
        f"The key {path} cannot be used: {why}.", hint=hint, subject=str(path), details=[why]
    )


def _send_at_once(connection: NodeConnection) -> None:
    """Have sshd set TCP_NODELAY, which it does only when a session is executed.

    Without it one answer in seven waits 40 ms for a delayed ACK. An account without a shell
    refuses the command after the option is set, which serves as well.
    """
    try:
        session = connection.open_session(timeout=CONNECT_TIMEOUT_S)
        session.exec_command("true")
        session.recv_exit_status()
        session.close()
    except (paramiko.SSHException, EOFError):
        return


def _unreachable(address: Address, error: BaseException) -> UnavailableError:
    said = error.strerror if isinstance(error, OSError) else None
    why = (said or str(error) or type(error).__name__).rstrip(".")
    return UnavailableError(
        f"{address.text} cannot be reached: {why}.",
        hint=f"Check the address and that SSH answers there: ssh -p {address.port} {address.host}",
        subject=address.text,
    )
