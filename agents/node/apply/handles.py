"""The two handles on a node: a probe that can only look, and an actor given to a running step."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from agents.node.apply.files import NodeFiles
from appliance.errors import ApplianceError, InternalError
from appliance.model.admission import DiskEntry
from appliance.model.command import Command, Effect, Output
from appliance.model.guest import GuestRecord
from appliance.model.steps import BookStep, GuestAct


class Runs(Protocol):
    """What carries a command out: the executor, or a fake node in tests."""

    def run(self, command: Command) -> Output:
        """Run a command. Raises StepFailedError on an exit code that is not accepted."""


class GuestActs(Protocol):
    """What a step may do to libvirt's domains (guests.py)."""

    def define(self, xml: str) -> None:
        """Define a domain, or replace its definition. Raises StepFailedError."""

    def definition(self, name: str) -> str | None:
        """The persistent definition, None when there is no such domain."""

    def act(self, name: str, act: GuestAct, timeout_s: float) -> None:
        """Do it and wait until it is done. Raises StepFailedError."""


class Book(Protocol):
    """Where a step writes down how disks stand (state/disk_book.py)."""

    def entry(self, serial: str) -> DiskEntry | None:
        """What is written of a disk; None for one that is new."""

    def write(self, step: BookStep, *, who: str, job: int | None) -> None:
        """Write down what a step says. Raises FullError."""


class NoBook:
    """Where nothing of disks is kept: in tests of other things."""

    def entry(self, serial: str) -> DiskEntry | None:
        """See Book."""
        del serial
        return None

    def write(self, step: BookStep, *, who: str, job: int | None) -> None:
        """See Book."""
        del who, job
        raise InternalError(
            f"'{step.title}' has nowhere to be written down.", hint="Report this.",
            subject=step.resource,
        )  # fmt: skip


class NodeProbe:
    """The reading handle (kinds.base.Probe): what would change the node is refused.

    One probe serves one observation: it runs each command once and remembers what came of it,
    a failure as well, so that a hanging tool costs its time-out once.
    """

    def __init__(
        self, executor: Runs, files: NodeFiles, guests: Callable[[], tuple[GuestRecord, ...]]
    ) -> None:
        self._executor = executor
        self._files = files
        self._guests = guests
        self._lock = threading.Lock()
        self._memory: dict[Command, Output | ApplianceError] = {}

    def run(self, command: Command) -> Output:
        """Run a read command. Raises InternalError for any other, StepFailedError as it may."""
        if command.effect is not Effect.READ:
            raise InternalError(
                f"A command that changes the node was refused while only looking: {command.line()}",
                hint="Report this: a kind tried to change the node before anything was applied.",
                subject=command.argv[0],
            )
        with self._lock:
            known = self._memory.get(command)
        if known is None:
            known = self._try(command)
            with self._lock:
                self._memory[command] = known
        if isinstance(known, ApplianceError):
            raise known
        return known

    def read_text(self, path: str) -> str | None:
        """The text of a file, None when there is none. Raises StepFailedError."""
        return self._files.read(path)

    def list_dir(self, path: str) -> tuple[str, ...]:
        """Sorted entry names of a folder, empty when there is none. Raises StepFailedError."""
        return self._files.list_dir(path)

    def guests(self) -> tuple[GuestRecord, ...]:
        """Libvirt's domains; empty when no hypervisor runs here."""
        return self._guests()

    def _try(self, command: Command) -> Output | ApplianceError:
        try:
            return self._executor.run(command)
        except ApplianceError as error:
            return error


@dataclass(frozen=True)
class Clock:
    """Time as a running step sees it; a fake in tests."""

    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


REAL_CLOCK: Final = Clock()


@dataclass(frozen=True)
class Actor:
    """The acting handle. Only a job makes one, and gives it to nothing but a running step."""

    executor: Runs
    files: NodeFiles
    guests: GuestActs
    clock: Clock = field(default=REAL_CLOCK)
    book: Book = field(default_factory=NoBook)
    who: str = "agent"
    """Whose job the step belongs to."""
    job: int | None = None
