"""The way over SSH: whose key is believed, how the agent is reached, what is said when it is not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from paramiko.common import OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED as PROHIBITED
from paramiko.common import OPEN_FAILED_CONNECT_FAILED as CONNECT_FAILED

from appliance.api.paths import SOCKET
from appliance.client import hostkeys
from appliance.client.ssh import RELAY, NodeConnection, SshTransport, host_key
from appliance.client.transport import Address
from appliance.errors import ForbiddenError, HostKeyError, UnavailableError
from tests.unit.client.sshd import WAIT_S, CutError, Sshd, answer, echo, new_key


@pytest.fixture
def way(sshd: Sshd) -> Iterator[SshTransport]:
    """The client's way to a server whose key is pinned."""
    sshd.pin()
    transport = SshTransport(sshd.address)
    yield transport
    transport.close()


def lost(transport: SshTransport) -> None:
    """Wait until the client's end has noticed that the connection is gone."""
    assert transport._connection is not None
    transport._connection.join(WAIT_S)
    assert not transport._connection.is_active()


class TestHostKeys:
    def test_the_pinned_one_is_accepted(self, sshd: Sshd, way: SshTransport) -> None:
        assert way.request("GET", "/v1/status") == (200, b"GET /v1/status")
        assert sshd.logins == ["ada"]

    def test_the_one_in_sshs_own_file_as_well(self, sshd: Sshd, home: Path) -> None:
        key = sshd.host_keys[0]
        line = f"[127.0.0.1]:{sshd.address.port} {key.get_name()} {key.get_base64()}\n"
        (home / ".ssh/known_hosts").write_text(f"@cert-authority *.example ssh-rsa AAAA\n{line}")
        transport = SshTransport(sshd.address)
        assert transport.request("GET", "/x")[0] == 200
        transport.close()

    def test_an_unknown_one_is_refused_with_how_to_trust_it(self, sshd: Sshd) -> None:
        with pytest.raises(HostKeyError) as raised:
            SshTransport(sshd.address).request("GET", "/v1/status")
        error = raised.value
        assert hostkeys.fingerprint(sshd.host_keys[0].asbytes()) in error.message
        assert f"appliance host trust {sshd.address.text}" in error.hint
        assert "ssh_host_ed25519_key.pub" in error.hint
        assert (error.exit_status, error.code) == (76, "host-key")
        assert sshd.logins == []

    def test_a_changed_one_is_refused_and_nothing_is_sent(
        self, sshd: Sshd, way: SshTransport, home: Path
    ) -> None:
        old = sshd.host_keys[0]
        sshd.host_keys = [new_key(home / "other")]
        with pytest.raises(HostKeyError, match="has changed") as raised:
            way.request("POST", "/v1/jobs", b"{}")
        for key in (old, sshd.host_keys[0]):
            assert hostkeys.fingerprint(key.asbytes()) in raised.value.message
        assert f"appliance host trust {sshd.address.text}" in raised.value.hint
        assert f"ssh-keygen -R '[127.0.0.1]:{sshd.address.port}'" in raised.value.hint
        assert sshd.logins == []
        sshd.pin()
        assert way.request("GET", "/again")[0] == 200

    def test_a_revoked_one_is_refused_though_it_is_pinned(
        self, sshd: Sshd, way: SshTransport, home: Path
    ) -> None:
        key = sshd.host_keys[0]
        (home / ".ssh/known_hosts").write_text(f"@revoked * {key.get_name()} {key.get_base64()}\n")
        with pytest.raises(HostKeyError, match="is revoked"):
            way.request("GET", "/")
        assert sshd.logins == []

    def test_the_type_that_is_pinned_is_asked_for(self, sshd: Sshd, way: SshTransport) -> None:
        sshd.host_keys.append(paramiko.ECDSAKey.generate())
        ecdsa = sshd.host_keys[1]
        hostkeys.own_file().unlink()
        hostkeys.pin(sshd.address, ecdsa.get_name(), ecdsa.asbytes())
        assert way.request("GET", "/")[0] == 200

    def test_it_is_shown_without_a_login(self, sshd: Sshd) -> None:
        key = sshd.host_keys[0]
        assert host_key(sshd.address) == (key.get_name(), key.asbytes())
        assert sshd.logins == []


class TestLogin:
    def test_a_key_the_node_does_not_know(self, sshd: Sshd, way: SshTransport, home: Path) -> None:
        sshd.user_key = new_key(home / "elsewhere")
        with pytest.raises(ForbiddenError, match=r"none of these keys: .*/id_ed25519") as raised:
            way.request("GET", "/")
        assert "~ada/.ssh/authorized_keys" in raised.value.hint

    def test_no_key_at_all(self, sshd: Sshd, way: SshTransport, home: Path) -> None:
        (home / ".ssh/id_ed25519").unlink()
        with pytest.raises(ForbiddenError, match="none found"):
            way.request("GET", "/")

    def test_the_key_that_is_named_and_no_other(self, sshd: Sshd, home: Path) -> None:
        sshd.pin()
        (home / ".ssh/id_ed25519").rename(home / "mine")
        transport = SshTransport(sshd.address, identity=str(home / "mine"))
        assert transport.request("GET", "/")[0] == 200
        transport.close()

    @pytest.mark.parametrize(
        "why", ["No such file", "Is a directory", "it has a passphrase", "it is no private SSH key"]
    )
    def test_a_key_file_that_is_of_no_use(self, sshd: Sshd, home: Path, why: str) -> None:
        sshd.pin()
        file = home / "key"
        if "directory" in why:
            file.mkdir()
        elif "passphrase" in why:
            new_key(file, passphrase="x")
        elif "private" in why:
            file.write_text("no key\n")
        with pytest.raises(ForbiddenError, match=why) as raised:
            SshTransport(sshd.address, identity=str(file)).request("GET", "/")
        assert str(file) in raised.value.message
        assert raised.value.hint

    def test_a_usual_key_of_no_use_is_told_as_such(
        self, sshd: Sshd, way: SshTransport, home: Path
    ) -> None:
        new_key(home / ".ssh/id_ed25519", passphrase="x")
        with pytest.raises(ForbiddenError, match=r"id_ed25519 \(it has a passphrase\)") as raised:
            way.request("GET", "/")
        assert "ssh-add" in raised.value.hint

    def test_the_name_is_taken_from_the_environment(self, sshd: Sshd, way: SshTransport) -> None:
        transport = SshTransport(sshd.address._replace(user=""))
        transport.request("GET", "/")
        transport.close()
        assert sshd.logins == ["ada"]


class TestChannels:
    def test_calls_share_one_channel_of_one_connection(self, sshd: Sshd, way: SshTransport) -> None:
        for number in range(3):
            assert way.request("POST", f"/{number}", b"body")[1] == f"POST /{number}".encode()
        assert len(sshd.channels) == len(sshd.connections) == 1
        assert sshd.ran == ["true"]

    def test_a_call_that_waits_holds_up_no_other(self, sshd: Sshd, way: SshTransport) -> None:
        go = threading.Event()

        def agent(request: bytes) -> bytes:
            if b"/slow" in request:
                assert go.wait(WAIT_S)
            return echo(request)

        sshd.agent = agent
        slow: list[tuple[int, bytes]] = []
        thread = threading.Thread(target=lambda: slow.append(way.request("GET", "/slow")))
        thread.start()
        assert way.request("GET", "/quick") == (200, b"GET /quick")
        go.set()
        thread.join(WAIT_S)
        assert slow == [(200, b"GET /slow")]
        assert len(sshd.connections) == 1

    def test_the_open_message_names_the_socket(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: list[bytes] = []
        monkeypatch.setattr(
            paramiko.Transport, "_send_user_message", lambda _, data: sent.append(data.asbytes())
        )
        opening = paramiko.Message()
        opening.add_byte(bytes([90]))
        opening.add_string("direct-streamlocal@openssh.com")
        for number in (0, 2**21, 2**15):
            opening.add_int(number)
        one, other = socket.socketpair()
        with one, other:
            NodeConnection(one)._send_user_message(opening)
        read = paramiko.Message(sent[0])
        assert read.get_byte() == bytes([90])
        assert read.get_text() == "direct-streamlocal@openssh.com"
        assert [read.get_int() for _ in range(3)] == [0, 2**21, 2**15]
        assert (read.get_text(), read.get_text(), read.get_int()) == (SOCKET, "", 0)
        assert not read.get_remainder()

    @pytest.mark.parametrize("code", [PROHIBITED, CONNECT_FAILED])
    def test_where_sshd_forwards_no_sockets_the_relay_carries(
        self, sshd: Sshd, way: SshTransport, code: int
    ) -> None:
        """OpenSSH answers with the second code, which is that of a dead socket as well."""
        sshd.streamlocal = code
        sshd.commands[RELAY] = (-1, b"")
        assert way.request("GET", "/v1/disks") == (200, b"GET /v1/disks")
        assert way.request("POST", "/v1/plans", b"{}") == (200, b"POST /v1/plans")
        assert sshd.ran == ["true", RELAY]

    @pytest.mark.parametrize(
        ("status", "said", "words"),
        [
            (69, b"error: the appliance agent does not answer: No such file.\nnext: systemctl\n",
             "its relay says: the appliance agent does not answer: No such file."),
            (127, b"bash: appliance-agent: command not found\n",
             "its relay says: bash: appliance-agent: command not found."),
        ],
    )  # fmt: skip
    def test_a_relay_that_finds_no_agent(
        self, sshd: Sshd, way: SshTransport, status: int, said: bytes, words: str
    ) -> None:
        sshd.streamlocal = CONNECT_FAILED
        sshd.commands[RELAY] = (status, said)
        with pytest.raises(UnavailableError, match=r"login on .* works") as raised:
            way.request("GET", "/")
        assert raised.value.message.endswith(words)
        assert "systemctl start appliance-agent" in raised.value.hint

    def test_an_account_without_a_shell(self, sshd: Sshd, way: SshTransport) -> None:
        sshd.streamlocal = CONNECT_FAILED
        sshd.commands[RELAY] = (-1, b"")
        sshd.agent = lambda _: b"This account is currently not available.\n"
        with pytest.raises(UnavailableError, match="relay says: This account is currently not"):
            way.request("GET", "/")

    def test_neither_forwarding_nor_a_relay(self, sshd: Sshd, way: SshTransport) -> None:
        sshd.streamlocal = PROHIBITED
        with pytest.raises(UnavailableError, match="neither forwards its socket nor runs"):
            way.request("GET", "/")


class TestLosses:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_the_network_is_cut_in_a_call(self, sshd: Sshd, way: SshTransport, method: str) -> None:
        def cut(request: bytes) -> bytes:
            raise CutError

        sshd.agent = cut
        with pytest.raises(UnavailableError, match="closed before the answer came") as raised:
            way.request(method, "/v1/jobs", b"{}")
        assert sshd.address.text in raised.value.message
        assert "appliance job list" in raised.value.hint

    def test_the_agent_ends_in_a_call(self, sshd: Sshd, way: SshTransport) -> None:
        sshd.agent = lambda _: b""
        with pytest.raises(UnavailableError, match="closed before the answer came"):
            way.request("GET", "/")

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_lost_connection_is_made_anew(
        self, sshd: Sshd, way: SshTransport, method: str
    ) -> None:
        way.request("GET", "/")
        sshd.cut()
        lost(way)
        assert way.request(method, "/", b"{}")[0] == 200
        assert len(sshd.connections) == 2

    def test_a_read_goes_again_when_the_agent_was_restarted_meanwhile(
        self, sshd: Sshd, way: SshTransport
    ) -> None:
        asked: list[bytes] = []

        def agent(request: bytes) -> bytes:
            asked.append(request)
            return b"" if len(asked) == 2 else echo(request)

        sshd.agent = agent
        way.request("GET", "/first")
        assert way.request("GET", "/second") == (200, b"GET /second")
        assert len(asked) == 3

    def test_a_change_never_goes_twice(self, sshd: Sshd, way: SshTransport) -> None:
        asked: list[bytes] = []

        def agent(request: bytes) -> bytes:
            asked.append(request)
            return b"" if len(asked) == 2 else echo(request)

        sshd.agent = agent
        way.request("GET", "/first")
        with pytest.raises(UnavailableError):
            way.request("POST", "/v1/jobs", b"{}")
        assert len(asked) == 2

    def test_nobody_is_at_that_address(self, allow_sockets: None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        address = Address("ssh", "ada", "127.0.0.1", port, "")
        with pytest.raises(UnavailableError, match=r"reached: Connection refused\.$") as raised:
            SshTransport(address).request("GET", "/")
        assert f"ssh -p {port} 127.0.0.1" in raised.value.hint

    @pytest.mark.parametrize("said", [answer(b"hello"), b"SSH-2.0-x\r\n", b""])
    def test_what_answers_is_no_ssh_server(self, allow_sockets: None, said: bytes) -> None:
        """And nothing is left running that would hold up the command's end."""
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve() -> None:
                plug, _ = listener.accept()
                plug.sendall(said)
                plug.close()

            thread = threading.Thread(target=serve)
            thread.start()
            address = Address("ssh", "", "127.0.0.1", listener.getsockname()[1], "")
            with pytest.raises(UnavailableError, match="cannot be reached"):
                host_key(address)
            thread.join(WAIT_S)
