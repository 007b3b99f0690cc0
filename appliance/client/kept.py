"""Kept-alive streams to one agent: a call takes an idle one or opens another, so a long poll in
one thread never holds up a call in the next."""

from __future__ import annotations

from threading import Lock
from typing import Protocol

from appliance.client.http1 import Answer, ConnectionLostError, Stream, exchange
from appliance.client.transport import CALL_TIMEOUT_S
from appliance.errors import UnavailableError


class Link(Stream, Protocol):
    """A stream that can be kept."""

    def stale(self) -> bool:
        """Whether the other side has closed it meanwhile."""

    def close(self) -> None:
        """Close it."""


class Dial(Protocol):
    """Opens a link. Raises UnavailableError or ForbiddenError with what to do."""

    def __call__(self) -> Link:
        """A fresh link."""


class KeptLinks:
    """The idle links to one agent."""

    def __init__(self, dial: Dial, *, subject: str) -> None:
        self._dial = dial
        self._subject = subject
        self._idle: list[Link] = []
        self._guard = Lock()

    def request(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """One exchange; a read that met a link gone stale meanwhile is sent once more."""
        link, fresh = self._take()
        try:
            answer = self._exchange(link, method, path, body)
        except ConnectionLostError as lost:
            if fresh or lost.begun or method != "GET":
                raise self._lost() from lost
            answer = self._last_try(method, path, body)
        return answer.status, answer.body

    def close(self) -> None:
        """Close all idle links."""
        with self._guard:
            links, self._idle = self._idle, []
        for link in links:
            link.close()

    def _take(self) -> tuple[Link, bool]:
        while True:
            with self._guard:
                link = self._idle.pop() if self._idle else None
            if link is None:
                return self._dial(), True
            if not link.stale():
                return link, False
            link.close()

    def _last_try(self, method: str, path: str, body: bytes | None) -> Answer:
        try:
            return self._exchange(self._dial(), method, path, body)
        except ConnectionLostError as lost:
            raise self._lost() from lost

    def _exchange(self, link: Link, method: str, path: str, body: bytes | None) -> Answer:
        keep = False
        try:
            answer = exchange(link, method, path, body)
            keep = answer.keep
        except TimeoutError as error:
            raise UnavailableError(
                f"The agent did not answer within {CALL_TIMEOUT_S:.0f} s.",
                hint="Look at what it is doing: journalctl -u appliance-agent -e",
                subject=self._subject,
            ) from error
        except OSError as error:
            raise ConnectionLostError(begun=False) from error
        finally:
            if not keep:
                link.close()
        with self._guard:
            self._idle.append(link)
        return answer

    def _lost(self) -> UnavailableError:
        return UnavailableError(
            f"The connection to {self._subject} was closed before the answer came.",
            hint="The agent or the node may have been restarted, or the network was cut. See: "
            "appliance status; what became of a change: appliance job list",
            subject=self._subject,
        )
