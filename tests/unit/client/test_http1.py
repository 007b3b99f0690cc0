"""HTTP as the agent speaks it; whatever else answers is told as such and never believed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.client import http1
from appliance.client.http1 import Answer, ConnectionLostError, exchange
from appliance.errors import UnavailableError


class Script:
    """A stream that says what is written here, piece by piece, and then closes."""

    def __init__(self, *said: bytes) -> None:
        self.sent = b""
        self.left = list(said)

    def sendall(self, data: bytes, /) -> None:
        self.sent += data

    def recv(self, size: int, /) -> bytes:
        return self.left.pop(0) if self.left else b""


def ask(*said: bytes) -> Answer:
    return exchange(Script(*said), "GET", "/", None)


def split(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The data in pieces, as a network may deliver it."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


def test_a_request_with_a_body() -> None:
    script = Script(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok")
    assert exchange(script, "POST", "/v1/jobs", b'{"a":1}') == (202, b"ok", True)
    head, _, body = script.sent.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /v1/jobs HTTP/1.1",
        b"Host: agent",
        b"Content-Type: application/json",
        b"Content-Length: 7",
    ]
    assert body == b'{"a":1}'


@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 10**6), max_size=8),
    header=st.sampled_from(["Content-Length", "content-length", "CONTENT-LENGTH"]),
)
def test_an_answer_is_read_however_it_is_cut(
    status: int, body: bytes, cuts: list[int], header: str
) -> None:
    said = f"HTTP/1.1 {status} Words of it\r\nServer: x\r\n{header}: {len(body)}\r\n\r\n"
    assert ask(*split(said.encode() + body, cuts)) == (status, body, True)


@given(body=st.binary(max_size=300), keep=st.integers(0, 10**6))
def test_an_answer_that_is_cut_short_is_lost(body: bytes, keep: int) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) + 1) + body
    kept = whole[: keep % (len(whole) + 1)]
    with pytest.raises(ConnectionLostError) as raised:
        ask(*([kept] if kept else []))
    assert raised.value.begun is bool(kept)


@given(said=st.lists(st.binary(min_size=1, max_size=80), max_size=5))
def test_any_bytes_are_an_answer_or_a_told_error(said: list[bytes]) -> None:
    try:
        answer = ask(*said)
    except (UnavailableError, ConnectionLostError):
        return
    assert 100 <= answer.status <= 999
    assert b"".join(said).startswith(b"HTTP/1.")


@given(head=st.text(alphabet="HTP/1. 02\u00b2\u00bd-+x:\r\n", max_size=60))
def test_nearly_a_head_is_an_answer_or_a_told_error(head: str) -> None:
    try:
        ask(f"HTTP/1.1 {head}\r\n\r\n".encode("latin-1"))
    except (UnavailableError, ConnectionLostError):
        return


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 -200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_http_is_told(said: bytes) -> None:
    with pytest.raises(UnavailableError, match="no appliance agent") as raised:
        ask(said)
    assert "systemctl status appliance-agent" in raised.value.hint
    assert len(raised.value.message) < 400


def test_chunks_are_not_taken_for_the_body() -> None:
    said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    with pytest.raises(UnavailableError, match="no appliance agent"):
        ask(said)


def test_an_announced_body_that_is_too_large_is_not_waited_for() -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (http1.LARGEST_BODY + 1)
    with pytest.raises(UnavailableError, match="more than 256 MiB"):
        ask(said)


def test_a_body_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "LARGEST_BODY", 1000)

    class Endless(Script):
        def recv(self, size: int, /) -> bytes:
            return super().recv(size) or b"x" * 100

    with pytest.raises(UnavailableError, match="more than"):
        exchange(Endless(b"HTTP/1.1 200 OK\r\n\r\n"), "GET", "/", None)


@pytest.mark.parametrize(
    ("said", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", b"ok"),
    ],
)
def test_a_stream_that_carries_no_other_request(said: bytes, body: bytes) -> None:
    assert ask(said) == (200, body, False)
