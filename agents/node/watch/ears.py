"""Waits for what the kernel tells: disks that come and go, errors, device-mapper's events."""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeVar

from agents.node.observe.kernel import KernelLog, KernelSaid, MapperEvents, said_of
from agents.node.observe.udev import Action, DeviceEvent, DeviceMonitor
from appliance.errors import UnavailableError

T = TypeVar("T")

LOG: Final = logging.getLogger(__name__)
SETTLE_S: Final = 0.2
"""A backplane that loses power tells of each disk singly, and errors come in bursts."""
_COUNTS: Final = frozenset({Action.ADD, Action.REMOVE})


class Heard(NamedTuple):
    """What was told while listening."""

    devices: tuple[DeviceEvent, ...] = ()
    said: tuple[KernelSaid, ...] = ()
    mapper: bool = False
    lost: bool = False
    """Events were lost: everything must be looked at anew."""
    changed: bool = False
    """A disk was written to or changed its size; what was seen of it may be old."""


class Listens(Protocol):
    """What waits; tests have their own."""

    def listen(self, timeout_s: float) -> Heard:
        """What was told within that time; returns at once when something is."""

    def wake(self) -> None:
        """Let who listens return. Safe from any thread."""


class Ears:
    """The node's own. What cannot be opened is told in the log, and the clock serves instead."""

    def __init__(self) -> None:
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._monitor = _opened("udev", DeviceMonitor)
        self._kernel = _opened("the kernel's device events", partial(DeviceMonitor, "kernel"))
        self._log = _opened("the kernel's log", KernelLog)
        self._mapper = _opened("device-mapper", MapperEvents)
        self._poll = select.poll()
        self._poll.register(self._wake_read, select.POLLIN)
        for source in (self._monitor, self._kernel, self._log, self._mapper):
            if source is not None:
                self._poll.register(source.fileno(), select.POLLIN)

    def listen(self, timeout_s: float) -> Heard:
        """See Listens. After the first word it gathers what follows at once."""
        ready = {number for number, _ in self._poll.poll(timeout_s * 1000)}
        if not ready:
            return Heard()
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        devices, lost = _events(self._monitor, ready)
        removals, _ = _events(self._kernel, ready)
        gone = tuple(event for event in removals if event.action is Action.REMOVE)
        return Heard(
            devices=(*gone, *(event for event in devices if event.action in _COUNTS)),
            said=self._said(ready),
            mapper=self._mapped(ready),
            lost=lost,
            changed=bool(devices or gone),
        )

    def wake(self) -> None:
        """See Listens."""
        os.write(self._wake_write, b"w")

    def close(self) -> None:
        """Listen no more."""
        for source in (self._log, self._mapper):
            if source is not None:
                source.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _said(self, ready: set[int]) -> tuple[KernelSaid, ...]:
        if self._log is None or self._log.fileno() not in ready:
            return ()
        return said_of(self._log.lines())

    def _mapped(self, ready: set[int]) -> bool:
        if self._mapper is None or self._mapper.fileno() not in ready:
            return False
        self._mapper.arm()
        return True


def _events(monitor: DeviceMonitor | None, ready: set[int]) -> tuple[tuple[DeviceEvent, ...], bool]:
    """What a monitor tells, and whether some of it was lost."""
    if monitor is None or monitor.fileno() not in ready:
        return (), False
    try:
        return monitor.burst(0, SETTLE_S), False
    except UnavailableError as error:
        LOG.warning("%s", error.message)
        return (), True


def _opened(what: str, make: Callable[[], T]) -> T | None:
    try:
        return make()
    except (OSError, ImportError) as error:
        LOG.warning("%s cannot be listened to (%s); the clock has to do.", what, error)
        return None
