"""The server on a real unix socket: peers, slow clients, bad bytes, a second agent."""

from __future__ import annotations

import grp
import json
import os
import pwd
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.node import server as server_module
from agents.node.handlers.callers import Callers
from agents.node.handlers.compose import answering
from agents.node.server import Front, listen, server
from appliance.api.contract import DISKS, STATUS
from appliance.api.paths import GROUPS
from appliance.client.client import Client
from appliance.client.unix import UnixTransport
from appliance.errors import ForbiddenError, UnavailableError
from tests.contract.conftest import Agent

UP_S = 10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "agent.sock"


@pytest.fixture
def serving(agent: Agent, path: Path) -> Iterator[Path]:
    """The agent on a socket, with the real users and groups of this machine."""
    front = Front(answering(agent.context, Callers()))
    running, listener = server(front), listen(path, 0o666)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    end = time.monotonic() + UP_S
    while not running.started:
        assert time.monotonic() < end
        time.sleep(0.01)
    yield path
    running.should_exit = True
    thread.join(UP_S)
    listener.close()
    front.close()
    assert not thread.is_alive()


def test_the_peer_is_who_the_kernel_says(serving: Path) -> None:
    client = Client(UnixTransport(str(serving)))
    groups = {grp.getgrgid(number).gr_name for number in os.getgroups()}
    try:
        if os.geteuid() == 0 or groups & set(GROUPS):
            assert client.call(STATUS).version == "1.2.3"
        else:
            with pytest.raises(ForbiddenError, match=pwd.getpwuid(os.geteuid()).pw_name):
                client.call(STATUS)
    finally:
        client.close()


def test_anyone_may_connect_and_roles_decide(serving: Path) -> None:
    assert stat.S_IMODE(serving.stat().st_mode) == 0o666


def test_one_connection_carries_many_calls(serving: Path) -> None:
    transport = UnixTransport(str(serving))
    for _ in range(3):
        assert transport.request("GET", "/v1/disks")[0] in {200, 403}
    assert len(transport._links._idle) == 1
    transport.close()


def test_a_client_that_says_nothing_or_half_a_request_holds_up_nobody(serving: Path) -> None:
    idle = [socket.socket(socket.AF_UNIX) for _ in range(40)]
    for number, plug in enumerate(idle):
        plug.connect(str(serving))
        if number % 2:
            plug.sendall(b"POST /v1/plans HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
    transport = UnixTransport(str(serving))
    begun = time.monotonic()
    status, _ = transport.request("GET", "/v1/disks")
    assert status in {200, 403}
    assert time.monotonic() - begun < 5
    transport.close()
    for plug in idle:
        plug.close()


def test_a_silent_connection_is_closed(
    agent: Agent, path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(server_module, "FIRST_REQUEST_S", 0.1)
    serving = request.getfixturevalue("serving")
    with socket.socket(socket.AF_UNIX) as plug:
        plug.settimeout(5)
        plug.connect(str(serving))
        assert plug.recv(1) == b""


def test_a_body_that_never_comes_is_answered(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(server_module, "BODY_TIMEOUT_S", 0.1)
    serving = request.getfixturevalue("serving")
    with socket.socket(socket.AF_UNIX) as plug:
        plug.settimeout(5)
        plug.connect(str(serving))
        plug.sendall(b"POST /v1/plans HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
        answer = b""
        while not answer.endswith(b"}"):  # head and body may come apart
            more = plug.recv(65536)
            assert more, answer
            answer += more
        assert b"did not arrive in time" in answer


def test_bytes_that_are_no_http_get_an_answer_and_the_agent_lives(serving: Path) -> None:
    with socket.socket(socket.AF_UNIX) as plug:
        plug.settimeout(5)
        plug.connect(str(serving))
        plug.sendall(b"\x00\xff\r\n\r\n")
        assert plug.recv(65536).startswith(b"HTTP/1.1 400")
    transport = UnixTransport(str(serving))
    status, body = transport.request("GET", "/v1/disks")
    assert status in {200, 403}
    assert json.loads(body)
    transport.close()


def test_a_second_agent_is_refused(serving: Path) -> None:
    with pytest.raises(UnavailableError, match="Another agent serves"):
        listen(serving, 0o666)


def test_a_socket_left_behind_is_replaced(path: Path) -> None:
    listen(path, 0o666).close()
    listener = listen(path, 0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    listener.close()


def test_a_restarted_agent_is_found_again_by_reads(agent: Agent, path: Path) -> None:
    transport = UnixTransport(str(path))
    for _ in range(2):
        front = Front(answering(agent.context, Callers()))
        running, listener = server(front), listen(path, 0o666)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        while not running.started:
            time.sleep(0.01)
        Client(transport).call(DISKS)
        running.should_exit = True
        thread.join(UP_S)
        listener.close()
        front.close()
    with pytest.raises(UnavailableError) as raised:
        Client(transport).call(DISKS)
    assert "systemctl start appliance-agent" in raised.value.hint
    transport.close()
