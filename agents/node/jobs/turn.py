"""Whose turn it is: exactly one job changes the node at any moment."""

from __future__ import annotations

import threading
from types import TracebackType

from agents.node.jobs.edges import Interrupted


class Turn:
    """Held by the job that acts. One that waits gives it away, and takes it again to go on."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._changed = threading.Condition()
        self._held = False
        self._wanted = 0
        """Jobs whose wait is over: they come before any new one."""

    def begin(self, timeout_s: float) -> Hold | None:
        """The turn for a new job; None when another one has it, or is to go on first.

        A job that is written down as ended gives it up within a moment, hence the time.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or not self._held, timeout_s)
            if self._held or self._wanted:
                return None
            self._held = True
        return Hold(self)

    def wake(self) -> None:
        """Let those that wait for their turn see that the agent stops."""
        with self._changed:
            self._changed.notify_all()

    def take_again(self) -> None:
        """Wait for the turn. Raises Interrupted when the agent stops."""
        with self._changed:
            self._wanted += 1
            try:
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._stop.is_set() or not self._held)
                if self._stop.is_set():
                    raise Interrupted
                self._held = True
            finally:
                self._wanted -= 1

    def give(self) -> None:
        """The next one may act."""
        with self._changed:
            self._held = False
            self._changed.notify_all()


class Hold:
    """One job's hold on the turn. As a context it is given up unless a thread took it over."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._own = True
        self._kept = False

    def give(self) -> None:
        """Let others act, if it is held."""
        if self._own:
            self._own = False
            self._turn.give()

    def take(self) -> None:
        """Wait until nobody else acts. Raises Interrupted when the agent stops."""
        self._turn.take_again()
        self._own = True

    def keep(self) -> None:
        """A thread has it now, and gives it up itself."""
        self._kept = True

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if not self._kept:
            self.give()
