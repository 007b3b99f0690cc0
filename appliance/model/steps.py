"""The typed steps a plan is made of. A new type is rare: here, and in agents/node/apply/walk.py."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from appliance.model.base import Bytes, Value
from appliance.model.command import Command


class StepBase(Value):
    """What every step tells a person."""

    title: str
    """What it does, in words, as an order: "Create the RAID 6 of tier capacity"."""
    resource: str
    """noun/name of the resource it belongs to."""
    claims: tuple[str, ...] = ()
    """Serials of the disks whose present content this step overwrites."""
    destroys: str = ""
    """The data that is gone after this step, in words; such a step has no undo."""


class RunStep(StepBase):
    """Run a command. `undo` takes it back; None for a step that needs or has no way back."""

    type: Literal["run"] = "run"
    command: Command
    undo: Command | None = None


class WriteFileStep(StepBase):
    """Put a file in place by temp, fsync, rename. Undo restores what stood there before."""

    type: Literal["write-file"] = "write-file"
    path: str
    content: str
    mode: int = 0o644


class RemoveFileStep(StepBase):
    """Remove a file. Undo restores it."""

    type: Literal["remove-file"] = "remove-file"
    path: str


class WaitStep(StepBase):
    """Look until the output matches `until` (a regular expression), or fail after the time-out."""

    type: Literal["wait"] = "wait"
    command: Command
    until: str
    timeout_s: float = 60
    poll_s: float = 0.5
    percent: str = ""
    """Finds how far it is in the output, in its first group; empty when that is not told."""
    size: Bytes = 0
    """Bytes to be worked through until then; 0 when unknown."""


class GuestAct(StrEnum):
    """What libvirt is asked to do with a domain."""

    START = "start"
    SHUTDOWN = "shutdown"
    FORCE_OFF = "force-off"
    UNDEFINE = "undefine"
    AUTOSTART_ON = "autostart-on"
    AUTOSTART_OFF = "autostart-off"


class DefineGuestStep(StepBase):
    """Define a libvirt domain from XML. Undo puts the earlier definition back, or undefines."""

    type: Literal["define-guest"] = "define-guest"
    guest: str
    xml: str


class GuestStep(StepBase):
    """Act on a defined domain."""

    type: Literal["guest"] = "guest"
    guest: str
    act: GuestAct
    timeout_s: float = 120


Step = Annotated[
    RunStep | WriteFileStep | RemoveFileStep | WaitStep | DefineGuestStep | GuestStep,
    Field(discriminator="type"),
]
