"""HTTP/1.1 as far as the agent speaks it, over anything that sends and receives bytes.

The standard library's http.client costs more to import than a whole `lvs` run; this one serves
the unix socket and the SSH channel alike and imports nothing.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from appliance.errors import UnavailableError

_CHUNK: Final = 262_144
_LONGEST_HEAD: Final = 65_536
LARGEST_BODY: Final = 256 << 20
"""Bytes; a snapshot of a full rack is a few MiB, so more is no answer of an agent."""
_LONGEST_NUMBER: Final = 18
_STATUS_DIGITS: Final = 3


class Stream(Protocol):
    """A connected socket or an SSH channel."""

    def sendall(self, data: bytes, /) -> None:
        """Send all of it."""

    def recv(self, size: int, /) -> bytes:
        """Some bytes, none when the other side closed."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes
    keep: bool
    """The connection may carry another request."""


class ConnectionLostError(Exception):
    """The other side closed before it answered; `begun` when part of an answer had come."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__("the connection was closed")
        self.begun = begun


def exchange(stream: Stream, method: str, path: str, body: bytes | None) -> Answer:
    """One request and its answer.

    Raises ConnectionLostError, UnavailableError for an answer that is no HTTP, and whatever
    OSError the stream raises.
    """
    request = f"{method} {path} HTTP/1.1\r\nHost: agent\r\n"
    if body is not None:
        request += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    stream.sendall(f"{request}\r\n".encode() + (body or b""))
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        chunk = stream.recv(_CHUNK)
        if not chunk:
            raise ConnectionLostError(begun=bool(data))
        data += chunk
        if len(data) > _LONGEST_HEAD and b"\r\n\r\n" not in data:
            raise _not_http(data)
    head = _parse_head(data[:end])
    body, whole = _read_body(stream, data[end + 4 :], head.length)
    return Answer(head.status, body, head.keep and whole)


class _Head(NamedTuple):
    status: int
    length: int | None
    """None: the body goes on until the other side closes."""
    keep: bool


def _parse_head(head: bytes) -> _Head:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    status = _number(rest.partition(" ")[0])
    headers = {
        key.strip().lower(): value.strip() for key, _, value in (x.partition(":") for x in lines)
    }
    written = headers.get("content-length")
    length = None if written is None else _number(written)
    strange = (
        not version.startswith("HTTP/1.")
        or status is None
        or len(str(status)) != _STATUS_DIGITS
        or (length is None) != (written is None)
        # The agent knows how long its answers are, so one in chunks is of another program.
        or "transfer-encoding" in headers
    )
    if strange or status is None:
        raise _not_http(head)
    if length is not None and length > LARGEST_BODY:
        raise _too_large()
    return _Head(status, length, headers.get("connection", "").lower() != "close")


def _number(text: str) -> int | None:
    """A number in plain digits; int() alone takes signs, blanks and digits of all scripts."""
    plain = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if plain else None


def _read_body(stream: Stream, data: bytes, length: int | None) -> tuple[bytes, bool]:
    """The body, and whether the stream is then where the next answer would begin."""
    parts, have = [data], len(data)
    while length is None or have < length:
        chunk = stream.recv(_CHUNK)
        if not chunk:
            if length is None:
                break
            raise ConnectionLostError(begun=True)
        parts.append(chunk)
        have += len(chunk)
        if have > LARGEST_BODY:
            raise _too_large()
    return b"".join(parts)[:length], have == length


def _too_large() -> UnavailableError:
    return UnavailableError(
        f"What answers sends more than {LARGEST_BODY >> 20} MiB, which no appliance agent does.",
        hint="Check the address, and on the node: systemctl status appliance-agent",
    )


def _not_http(data: bytes) -> UnavailableError:
    return UnavailableError(
        f"What answers is no appliance agent: it said {data[:60].decode('latin-1')!r}.",
        hint="Check the address, and on the node: systemctl status appliance-agent",
    )
