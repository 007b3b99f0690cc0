"""The only door from the console to the client: calls run in threads and come back as messages.

A call blocks its own thread, never the screen. The thread touches no widget: it posts a message to
whoever asked, and the message's handler runs in the screen's own turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from pydantic import BaseModel
from textual.message import Message
from textual.message_pump import MessagePump

from appliance.api.contract import Endpoint
from appliance.client.client import Client
from appliance.client.dial import open_transport
from appliance.client.transport import parse_address
from appliance.errors import ApplianceError, InternalError, UnavailableError

Q = TypeVar("Q", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)
Refused = Callable[[ApplianceError], None]
Open = Callable[[], Client]
"""Makes the client; called in a thread, because that alone can take a second."""

JOB_WAIT_S: Final = 20.0
"""How long a long poll waits; below every time-out on the way."""


class Answered(Message, bubble=False):
    """A call has come back; `tell` says it to whoever asked."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self.tell = tell


class LinkChanged(Message, bubble=False):
    """The node answers again (`error` None), or it does not and this is why."""

    def __init__(self, error: UnavailableError | None) -> None:
        super().__init__()
        self.error = error


def opener(address: str, identity: str) -> Open:
    """How to reach the node at an address. Raises InvalidInputError for one that is none."""
    parsed = parse_address(address)
    return lambda: Client(open_transport(parsed, identity=identity))


class Gateway:
    """One node's client, kept warm, and the threads that wait for its answers."""

    def __init__(self, open_client: Open) -> None:
        self._open = open_client
        self._opening = threading.Lock()
        self._client: Client | None = None
        self._earlier: list[Client] = []
        self._guard = threading.Lock()
        self._lost = False
        self._asked = 0
        self._watcher: MessagePump | None = None

    @property
    def busy(self) -> bool:
        """Whether a call is still under way."""
        with self._guard:
            return self._asked > 0

    def watch(self, watcher: MessagePump) -> None:
        """Who is told with LinkChanged when the node stops answering, and when it is back."""
        self._watcher = watcher

    def ask(
        self,
        asker: MessagePump,
        endpoint: Endpoint[Q, R],
        body: Q | None = None,
        *,
        then: Callable[[R], None],
        refused: Refused,
        **parts: str,
    ) -> None:
        """Call in a thread of its own; `then` or `refused` is called in the asker's turn.

        The thread is a daemon: a node that hangs must not keep a person from leaving.
        """
        with self._guard:
            self._asked += 1
        call = partial(self._call, endpoint, body, parts)
        name = f"ask-{endpoint.name}"
        threading.Thread(
            target=self._work, args=(asker, call, then, refused), name=name, daemon=True
        ).start()

    def reconnect(self) -> None:
        """Make the next call over a connection made anew: that one can be made is the proof that
        the node is still reached. What others wait for goes on over the one before."""
        with self._opening:
            if self._client is not None:
                self._earlier.append(self._client)
            self._client = None

    def close(self) -> None:
        """Let the connection go."""
        for client in (*self._earlier, self._client):
            if client is not None:
                client.close()

    def _call(self, endpoint: Endpoint[Q, R], body: Q | None, parts: dict[str, str]) -> R:
        with self._opening:
            if self._client is None:
                self._client = self._open()
            client = self._client
        return client.call(endpoint, body, **parts)

    def _work(
        self,
        asker: MessagePump,
        call: Callable[[], R],
        then: Callable[[R], None],
        refused: Refused,
    ) -> None:
        # What a defect leaves behind; anything else replaces it.
        tell: Callable[[], None] = partial(refused, _defect())
        try:
            tell = partial(then, call())
            self._link(None)
        except UnavailableError as error:
            tell = partial(refused, error)
            self._link(error)
        except ApplianceError as error:
            tell = partial(refused, error)
            self._link(None)
        finally:
            asker.post_message(Answered(tell))
            with self._guard:
                self._asked -= 1

    def _link(self, error: UnavailableError | None) -> None:
        with self._guard:
            changed, self._lost = self._lost or error is not None, error is not None
        if changed and self._watcher is not None:
            self._watcher.post_message(LinkChanged(error))


def _defect() -> InternalError:
    return InternalError(
        "The console failed while it asked the node.",
        hint="Please report it, with what you did; the node itself is not affected.",
    )
