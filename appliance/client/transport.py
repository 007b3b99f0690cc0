"""The way to a node: one method. Which way it is, the address decides."""

from __future__ import annotations

import os
from typing import Final, NamedTuple, Protocol

from appliance.api.paths import SOCKET
from appliance.errors import InvalidInputError

CALL_TIMEOUT_S: Final = 180.0
"""A node that looks at 84 disks through a slow bus takes a while; longer means it hangs."""


class Transport(Protocol):
    """A way to one node's agent."""

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """The status and body of the answer. Raises UnavailableError when there is none."""

    def close(self) -> None:
        """Let the connection go."""


class Address(NamedTuple):
    """Where a node is: `unix:///path`, `ssh://[user@]host[:port]` or `recorded://folder`."""

    scheme: str
    user: str
    host: str
    port: int
    path: str

    @property
    def text(self) -> str:
        """As a person writes it."""
        if self.scheme in {"unix", "recorded"}:
            return f"{self.scheme}://{self.path}"
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port != SSH_PORT else ""
        return f"ssh://{user}{host}{port}"


SSH_PORT: Final = 22
_LAST_PORT: Final = 65_535
LOCAL: Final = Address("unix", "", "", 0, SOCKET)


def parse_address(text: str) -> Address:
    """The address a person wrote. Raises InvalidInputError."""
    if not text:
        return LOCAL
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = "ssh", text
    if scheme == "unix" and rest.startswith("/"):
        return Address("unix", "", "", 0, rest)
    if scheme == "recorded" and rest:
        return Address(scheme, "", "", 0, rest)
    user, _, place = rest.rstrip("/").rpartition("@")
    host, port = _split_port(place)
    if scheme != "ssh" or not _may_be_host(host) or not 1 <= port <= _LAST_PORT:
        raise InvalidInputError(
            f"'{text}' is not the address of a node.",
            hint="Write ssh://USER@HOST or ssh://USER@HOST:PORT; for this machine leave it out.",
            subject=text,
        )
    return Address("ssh", user, host, port, "")


def _split_port(place: str) -> tuple[str, int]:
    """Host and port, 0 when it is none; an IPv6 address stands in brackets."""
    if place.startswith("["):
        host, closed, rest = place[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        if not closed or colon not in {"", ":"}:
            return "", 0
    else:
        host, colon, port = place.partition(":")
    if not port:
        return host, SSH_PORT
    return host, int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0  # noqa: PLR2004


def _may_be_host(text: str) -> bool:
    """Whether it may be looked up: a name that looks like an option is no host."""
    plain = text.isprintable() and not set(text) & set(" /@[]")
    return bool(text) and plain and not text.startswith("-")


def this_user() -> str:
    """The login name to use when an address has none."""
    return os.environ.get("USER") or os.environ.get("LOGNAME") or "root"
