"""The typed steps a plan is made of. A new type is rare: here, and in agents/node/apply/walk.py."""

from __future__ import annotations

import shlex
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from appliance.model.admission import DiskEntry
from appliance.model.base import Bytes, Value
from appliance.model.command import Command
from appliance.model.erasing import Certificate


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
    lets_others: bool = False
    """It may take days, and nothing but time is needed: other jobs are let in meanwhile, if they
    leave alone what this step's job changes."""


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


class SurfaceAct(StrEnum):
    """What is done to every block of a disk, or to places spread over it."""

    SAMPLE = "sample"
    """Read places spread over the whole disk."""
    READ = "read"
    """Read every block."""
    PATTERN = "pattern"
    """Write every block with what tells its place, then read all back."""
    ZERO = "zero"
    """Write zeros over every block."""
    BLANK = "blank"
    """Read places spread over the whole disk: in each, all bytes must be the same."""


class SurfaceStep(StepBase):
    """Go over the surface of a disk. How far it is is told all the while."""

    type: Literal["surface"] = "surface"
    act: SurfaceAct
    device: str
    size: Bytes

    def line(self) -> str:
        """What comes nearest to it as text for a shell."""
        device = shlex.quote(self.device)
        match self.act:
            case SurfaceAct.SAMPLE | SurfaceAct.BLANK:
                steps, last = _spread(self.size)
                look = "| tr -s '\\000\\377'" if self.act is SurfaceAct.BLANK else "> /dev/null"
                return (
                    f"for n in $(seq 0 {steps}); do dd if={device} bs={SAMPLE_SIZE} count=1 "
                    f"skip=$((n * {last} / {max(steps, 1)})) iflag=direct status=none {look}; done"
                )
            case SurfaceAct.READ:
                return f"dd if={device} of=/dev/null bs={SAMPLE_SIZE} iflag=direct"
            case SurfaceAct.PATTERN:
                return f"badblocks -b 4096 -w {device}"
            case SurfaceAct.ZERO:
                return f"blkdiscard --force --zeroout {device}"


SAMPLE_SIZE: Final = 2**20
"""Bytes of a place that is looked at."""
SAMPLES: Final = 64
"""How many places are looked at; the first and the last of the disk are among them."""


def _spread(size: int) -> tuple[int, int]:
    """Steps from the first place to the last, and which of all places the last one is."""
    last = max(size // SAMPLE_SIZE - 1, 0)
    return min(SAMPLES - 1, last), last


def sample_places(size: int) -> tuple[int, ...]:
    """Offsets of the places, in bytes: spread evenly from the first to the last of the disk."""
    steps, last = _spread(size)
    return tuple(n * last // max(steps, 1) * SAMPLE_SIZE for n in range(steps + 1))


class BookStep(StepBase):
    """Write down how disks stand with this node. Undo puts back what was written before."""

    type: Literal["book"] = "book"
    entries: tuple[DiskEntry, ...] = ()
    forget: tuple[str, ...] = ()
    """Serials of disks nothing shall be known of: the way back for a disk that was new."""
    certificate: Certificate | None = None


Step = Annotated[
    RunStep
    | WriteFileStep
    | RemoveFileStep
    | WaitStep
    | DefineGuestStep
    | GuestStep
    | SurfaceStep
    | BookStep,
    Field(discriminator="type"),
]
