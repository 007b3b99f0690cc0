"""HTTP/1.1 as far as the agent speaks it, over anything that sends and receives bytes.

The standard library's http.client costs more to import than a whole `lvs` run; this one serves
the unix socket and the SSH channel alike and imports nothing.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from appliance.errors import UnavailableError

_CHUNK: Final = 262_144
_LONGEST_HEAD: Final = 65_536


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
    head = f"{method} {path} HTTP/1.1\r\nHost: agent\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    stream.sendall(f"{head}\r\n".encode() + (body or b""))
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        chunk = stream.recv(_CHUNK)
        if not chunk:
            raise ConnectionLostError(begun=bool(data))
        data += chunk
        if len(data) > _LONGEST_HEAD and b"\r\n\r\n" not in data:
            raise _not_http(data)
    status, length, keep = _parse_head(data[:end])
    return Answer(status, _read_body(stream, data[end + 4 :], length), keep)


def _parse_head(head: bytes) -> tuple[int, int | None, bool]:
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if not words[0].startswith("HTTP/1.") or len(words) < 2 or not words[1].isdigit():  # noqa: PLR2004
        raise _not_http(head)
    headers = {
        key.strip().lower(): value.strip() for key, _, value in (x.partition(":") for x in lines)
    }
    length = headers.get("content-length", "")
    keep = headers.get("connection", "").lower() != "close"
    return int(words[1]), int(length) if length.isdigit() else None, keep and length.isdigit()


def _read_body(stream: Stream, data: bytes, length: int | None) -> bytes:
    """The body; without a length it goes on until the other side closes."""
    parts, have = [data], len(data)
    while length is None or have < length:
        chunk = stream.recv(_CHUNK)
        if not chunk:
            if length is None:
                break
            raise ConnectionLostError(begun=True)
        parts.append(chunk)
        have += len(chunk)
    return b"".join(parts)


def _not_http(data: bytes) -> UnavailableError:
    return UnavailableError(
        f"What answers is no appliance agent: it said {data[:60]!r}.",
        hint="Check the address, and on the node: systemctl status appliance-agent",
    )
