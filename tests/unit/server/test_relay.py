"""The relay carries bytes both ways and ends when either side does."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.node.relay import relay
from appliance.errors import UnavailableError

WAIT_S = 10


class Wires:
    """A relay between an agent's socket and two pipes, as sshd would start it."""

    def __init__(self, folder: Path) -> None:
        path = str(folder / "agent.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        self.stdin, self.to_relay = os.pipe()
        self.from_relay, self.stdout = os.pipe()
        self.status: int | None = None
        self.thread = threading.Thread(target=self._run, args=(path,))
        self.thread.start()
        self.agent, _ = listener.accept()
        self.agent.settimeout(WAIT_S)
        listener.close()

    def _run(self, path: str) -> None:
        self.status = relay(path, stdin=self.stdin, stdout=self.stdout)

    def end(self) -> int | None:
        """The relay's exit status."""
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()
        return self.status

    def close(self) -> None:
        self.agent.close()
        self.end()
        for descriptor in (self.stdin, self.to_relay, self.from_relay, self.stdout):
            try:
                os.close(descriptor)
            except OSError:
                continue


@pytest.fixture
def wires(tmp_path: Path, allow_sockets: None) -> Iterator[Wires]:
    made = Wires(tmp_path)
    yield made
    made.close()


def test_calls_go_back_and_forth(wires: Wires) -> None:
    for number in range(3):
        os.write(wires.to_relay, b"GET /%d" % number)
        assert wires.agent.recv(100) == b"GET /%d" % number
        wires.agent.sendall(b"answer %d" % number)
        assert os.read(wires.from_relay, 100) == b"answer %d" % number


def test_much_goes_through_whole(wires: Wires) -> None:
    sent = os.urandom(3_000_000)
    writer = threading.Thread(target=wires.agent.sendall, args=(sent,))
    writer.start()
    got = bytearray()
    while len(got) < len(sent):
        got += os.read(wires.from_relay, 1 << 16)
    writer.join(WAIT_S)
    assert bytes(got) == sent


def test_the_client_is_done_and_the_answer_still_comes(wires: Wires) -> None:
    os.write(wires.to_relay, b"last")
    os.close(wires.to_relay)
    assert wires.agent.recv(100) == b"last"
    assert wires.agent.recv(100) == b""
    wires.agent.sendall(b"answer")
    wires.agent.close()
    assert wires.end() == 0
    assert os.read(wires.from_relay, 100) == b"answer"


def test_it_ends_when_the_agent_does(wires: Wires) -> None:
    wires.agent.close()
    assert wires.end() == 0


def test_it_ends_when_nobody_reads_any_more(wires: Wires) -> None:
    os.close(wires.from_relay)
    wires.agent.sendall(b"x")
    assert wires.end() == 0


@pytest.mark.usefixtures("allow_sockets")
def test_an_agent_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agent.sock"
    assert relay(str(path)) == UnavailableError.exit_status
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"error: the appliance agent does not answer on {path}: No such")
    assert told.err.endswith("next: systemctl start appliance-agent\n")
