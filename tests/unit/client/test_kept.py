"""Kept links: what may go twice, what never, and what is kept."""

from __future__ import annotations

import pytest

from appliance.client.kept import KeptLinks
from appliance.client.transport import CALL_TIMEOUT_S
from appliance.errors import UnavailableError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Wire:
    """A link over written words; an error among them is raised."""

    def __init__(self, *said: bytes | Exception) -> None:
        self.said = list(said)
        self.asked = 0
        self.open = True
        self.gone = False

    def sendall(self, data: bytes, /) -> None:
        self.asked += 1

    def recv(self, size: int, /) -> bytes:
        word = self.said.pop(0) if self.said else b""
        if isinstance(word, Exception):
            raise word
        return word

    def stale(self) -> bool:
        return self.gone

    def close(self) -> None:
        self.open = False


class Exchange:
    """Hands out these links, one a dial."""

    def __init__(self, *wires: Wire) -> None:
        self.wires = list(wires)
        self.links = KeptLinks(self._dial, subject="ssh://node1")
        self._rest = list(wires)

    def _dial(self) -> Wire:
        return self._rest.pop(0)

    def ask(self, method: str = "GET") -> tuple[int, bytes]:
        return self.links.request(method, "/", None)


def test_a_link_is_kept_and_used_again() -> None:
    there = Exchange(Wire(OK, OK))
    assert there.ask() == there.ask("POST") == (200, b"ok")
    assert there.wires[0].asked == 2
    there.links.close()
    assert not there.wires[0].open


def test_a_link_that_went_stale_is_put_away_unasked() -> None:
    there = Exchange(Wire(OK, OK), Wire(OK))
    there.ask()
    there.wires[0].gone = True
    assert there.ask("POST") == (200, b"ok")
    assert [wire.asked for wire in there.wires] == [1, 1]
    assert not there.wires[0].open


@pytest.mark.parametrize("how", [b"", ConnectionResetError(), BrokenPipeError()])
def test_a_read_over_a_link_that_was_lost_goes_once_more(how: bytes | Exception) -> None:
    there = Exchange(Wire(OK, how), Wire(OK))
    there.ask()
    assert there.ask() == (200, b"ok")
    assert not there.wires[0].open


def test_a_change_over_a_link_that_was_lost_does_not() -> None:
    there = Exchange(Wire(OK, b""), Wire(OK))
    there.ask()
    with pytest.raises(UnavailableError, match=r"ssh://node1 was closed before") as raised:
        there.ask("POST")
    assert "appliance job list" in raised.value.hint
    assert there.wires[1].asked == 0


def test_a_read_goes_no_third_time() -> None:
    there = Exchange(Wire(OK, b""), Wire(b""))
    there.ask()
    with pytest.raises(UnavailableError):
        there.ask()


@pytest.mark.parametrize("said", [[b""], [b"HTTP/1.1 200"]])
def test_a_read_over_a_fresh_link_is_not_tried_again(said: list[bytes]) -> None:
    there = Exchange(Wire(*said), Wire(OK))
    with pytest.raises(UnavailableError):
        there.ask()
    assert there.wires[1].asked == 0


def test_silence_is_told_with_how_long_it_was() -> None:
    there = Exchange(Wire(TimeoutError()))
    with pytest.raises(UnavailableError, match=f"within {CALL_TIMEOUT_S:.0f} s"):
        there.ask()
    assert not there.wires[0].open
