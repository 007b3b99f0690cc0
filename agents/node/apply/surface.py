"""Going over a disk's surface: reads, writes and comparisons past the page cache, with progress."""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agents.node.apply.handles import Clock
from agents.node.apply.progress import Progress, Tell
from appliance.errors import StepFailedError
from appliance.model.base import format_size
from appliance.model.command import Output
from appliance.model.steps import SAMPLE_SIZE, SurfaceAct, SurfaceStep, sample_places

CHUNK: Final = 4 * 2**20
"""Bytes at once: large enough for a disk to stream, small enough to tell how far it is."""
_PIECE: Final = 512
"""A pattern tells its place in every piece, so that a block written elsewhere is noticed."""
_WHOLE: Final = 100.0
_ChunkAct = Callable[[int, int], None]


def go_over(step: SurfaceStep, device: Path, clock: Clock, tell: Tell) -> Output:
    """Do what the step says to the device. Raises StepFailedError with the first bad place."""
    began = clock.now_s()
    with _opened(step, device) as surface:
        walk = _Walk(step, surface, Progress(r"(.+)", step.size), clock, tell)
        amount = walk.through()
        if step.act is SurfaceAct.ZERO:
            os.fsync(surface.handle)
    took = max(clock.now_s() - began, 0.001)
    words = f"{step.act}: {format_size(amount)} in {took:.0f} s, {amount / took / 1e6:.0f} MB/s"
    return Output(code=0, stdout=words)


@dataclass
class _Surface:
    """An open device and a buffer its driver can read into and write from (open(2), O_DIRECT)."""

    step: SurfaceStep
    handle: int
    buffer: mmap.mmap

    def read(self, at: int, size: int) -> memoryview:
        """`size` bytes at an offset. Raises StepFailedError."""
        view = memoryview(self.buffer)[:size]
        try:
            got = os.preadv(self.handle, [view], at)
        except OSError as error:
            raise self._failed("read", at, error) from error
        if got != size:
            raise self._short(at, got)
        return view

    def write(self, at: int, size: int) -> None:
        """The first `size` bytes of the buffer at an offset. Raises StepFailedError."""
        try:
            put = os.pwritev(self.handle, [memoryview(self.buffer)[:size]], at)
        except OSError as error:
            raise self._failed("written", at, error) from error
        if put != size:
            raise self._short(at, put)

    def wrong(self, at: int, what: str, hint: str) -> StepFailedError:
        """The surface is not as it should be."""
        return StepFailedError(
            f"{self.step.device} {what} at byte {at}.", hint=hint, subject=self.step.resource
        )

    def _failed(self, verb: str, at: int, error: OSError) -> StepFailedError:
        return self.wrong(
            at, f"cannot be {verb} ({os.strerror(error.errno or 0)})",
            "The disk is not fit for use; the kernel's words: journalctl -k",
        )  # fmt: skip

    def _short(self, at: int, got: int) -> StepFailedError:
        return self.wrong(
            at + got, "ends before its own size",
            "It tells a false capacity, or is another disk by now: appliance disk list",
        )  # fmt: skip


@contextmanager
def _opened(step: SurfaceStep, device: Path) -> Iterator[_Surface]:
    """The device, for nobody else while it is written: O_EXCL fails where anything stands on it."""
    writes = step.act in {SurfaceAct.ZERO, SurfaceAct.PATTERN}
    mode = os.O_CLOEXEC | (os.O_RDWR | os.O_EXCL if writes else os.O_RDONLY)
    try:
        handle = _open_direct(device, mode)
    except OSError as error:
        why = "something stands on it" if error.errno == errno.EBUSY else ""
        raise StepFailedError(
            f"{step.device} cannot be opened: {why or os.strerror(error.errno or 0)}.",
            hint="Look at what uses it: lsblk; appliance disk list",
            subject=step.resource,
        ) from error
    buffer = mmap.mmap(-1, CHUNK)
    try:
        yield _Surface(step, handle, buffer)
    finally:
        os.close(handle)


def _open_direct(device: Path, mode: int) -> int:
    try:
        return os.open(device, mode | os.O_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return os.open(device, mode)  # a file system without direct I/O, in tests


class _Walk:
    """One or two passes over a surface."""

    def __init__(
        self, step: SurfaceStep, surface: _Surface, progress: Progress, clock: Clock, tell: Tell
    ) -> None:
        self._step = step
        self._surface = surface
        self._progress = progress
        self._clock = clock
        self._tell = tell

    def through(self) -> int:
        """What the step asks for; how many bytes were read or written."""
        match self._step.act:
            case SurfaceAct.SAMPLE | SurfaceAct.BLANK:
                return self.sample(blank=self._step.act is SurfaceAct.BLANK)
            case SurfaceAct.READ:
                return self.over(self.read_chunk, 0, 1)
            case SurfaceAct.ZERO:
                return self.over(self.zero_chunk, 0, 1)
            case SurfaceAct.PATTERN:
                written = self.over(self.write_pattern, 0, 2)
                os.fsync(self._surface.handle)
                return written + self.over(self.compare_pattern, 1, 2)

    def over(self, act: _ChunkAct, turn: int, turns: int) -> int:
        """Each chunk in its order, and how far that is; how many bytes that were."""
        size = self._step.size
        for at in range(0, size, CHUNK):
            act(at, min(CHUNK, size - at))
            percent = (turn + min(at + CHUNK, size) / size) * _WHOLE / turns
            if words := self._progress.news(f"{percent:.3f}", self._clock.now_s()):
                self._tell(words)
        return size

    def sample(self, *, blank: bool) -> int:
        """The places spread over the disk; `blank`: all bytes of a place must be the same."""
        places = sample_places(self._step.size)
        for at in places:
            data = self._surface.read(at, min(SAMPLE_SIZE, self._step.size - at)).tobytes()
            if blank and data.count(data[:1]) != len(data):
                raise self._surface.wrong(
                    at, "is not blank",
                    "It was not erased. Write zeros over it: appliance disk erase "
                    f"{self._step.resource.partition('/')[2]} --method overwrite",
                )  # fmt: skip
        return len(places) * SAMPLE_SIZE

    def read_chunk(self, at: int, size: int) -> None:
        """Read, to see whether it can be read."""
        self._surface.read(at, size)

    def zero_chunk(self, at: int, size: int) -> None:
        """The buffer holds zeros from the start."""
        self._surface.write(at, size)

    def write_pattern(self, at: int, size: int) -> None:
        """What tells its place."""
        self._surface.buffer[:size] = _pattern(at, size)
        self._surface.write(at, size)

    def compare_pattern(self, at: int, size: int) -> None:
        """Raises StepFailedError for the first chunk that is not as it was written."""
        if self._surface.read(at, size) != _pattern(at, size):
            raise self._surface.wrong(
                at, "does not return what was written",
                "The disk loses data without a word: send it back.",
            )  # fmt: skip


def _pattern(at: int, size: int) -> bytes:
    words = _PIECE // 8
    return b"".join((at + n).to_bytes(8, "little") * words for n in range(0, size, _PIECE))
