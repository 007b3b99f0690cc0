"""Going over a surface, on files: what is read, written, compared, told; and what is found out."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from agents.node.apply.handles import Actor, NoBook
from agents.node.apply.surface import CHUNK, go_over
from agents.node.apply.walk import line_of, perform, undo_of
from appliance.errors import InternalError, StepFailedError
from appliance.model.admission import DiskEntry, Standing
from appliance.model.command import Output
from appliance.model.erasing import Certificate, EraseMethod, Sanitization
from appliance.model.steps import (
    SAMPLE_SIZE,
    SAMPLES,
    BookStep,
    SurfaceAct,
    SurfaceStep,
    sample_places,
)
from tests.unit.apply.test_walk import an_actor
from tests.unit.fakehost import NOW

SIZE = 2 * CHUNK + 65536
DEVICE = "/dev/sdx"


def disk(folder: Path, content: bytes = b"") -> Path:
    path = folder / DEVICE.lstrip("/")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.ljust(SIZE, b"\0"))
    return path


def over(folder: Path, act: SurfaceAct, size: int = SIZE) -> tuple[Output, list[str]]:
    told: list[str] = []
    step = SurfaceStep(title="-", resource="disk/S1", act=act, device=DEVICE, size=size)
    return perform(step, an_actor(folder), told.append), told


def test_zeros_are_written_over_every_block(tmp_path: Path) -> None:
    path = disk(tmp_path, os.urandom(SIZE))
    ended, told = over(tmp_path, SurfaceAct.ZERO)
    assert path.read_bytes() == bytes(SIZE)
    assert ended.stdout.startswith("zero: 8.1 MiB in ")
    assert told[0].startswith("50 %, 4")
    assert "of 8.1 MiB" in told[0]


def test_a_pattern_tells_its_place_and_is_read_back(tmp_path: Path) -> None:
    path = disk(tmp_path)
    _, told = over(tmp_path, SurfaceAct.PATTERN)
    content = path.read_bytes()
    assert [int.from_bytes(content[at : at + 8], "little") for at in (0, 512, CHUNK)] == [
        0, 512, CHUNK,
    ]  # fmt: skip
    assert [words.split(" ")[0] for words in told] == ["25", "50", "50", "75", "100"]


def test_a_disk_that_loses_data_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = disk(tmp_path)
    synced = os.fsync

    def lose(handle: int) -> None:
        synced(handle)
        with path.open("r+b") as file:
            file.seek(CHUNK + 512)
            file.write(b"lost")

    monkeypatch.setattr(os, "fsync", lose)
    with pytest.raises(StepFailedError, match=f"what was written at byte {CHUNK}") as raised:
        over(tmp_path, SurfaceAct.PATTERN)
    assert "send it back" in raised.value.hint


def test_reading_writes_nothing(tmp_path: Path) -> None:
    content = os.urandom(SIZE)
    path = disk(tmp_path, content)
    for act in (SurfaceAct.READ, SurfaceAct.SAMPLE):
        over(tmp_path, act)
    assert path.read_bytes() == content


@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
def test_blank_is_one_byte_all_over(tmp_path: Path, fill: bytes) -> None:
    path = disk(tmp_path, fill * SIZE)
    over(tmp_path, SurfaceAct.BLANK)
    with path.open("r+b") as file:
        file.seek(SAMPLE_SIZE + 77)
        file.write(b"x")
    with pytest.raises(StepFailedError, match=f"not blank at byte {SAMPLE_SIZE}") as raised:
        over(tmp_path, SurfaceAct.BLANK)
    assert "appliance disk erase S1 --method overwrite" in raised.value.hint


def test_a_false_capacity_is_found_out(tmp_path: Path) -> None:
    disk(tmp_path)
    for act in (SurfaceAct.READ, SurfaceAct.SAMPLE):
        with pytest.raises(StepFailedError, match="ends before its own size"):
            over(tmp_path, act, size=2 * SIZE)


@pytest.mark.parametrize(("call", "act"), [("preadv", "READ"), ("pwritev", "ZERO")])
def test_a_bad_block_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, act: str
) -> None:
    disk(tmp_path)

    def bad(handle: int, buffers: Any, at: int) -> int:
        if at:
            raise OSError(errno.EIO, "-")
        return len(buffers[0])

    monkeypatch.setattr(os, call, bad)
    with pytest.raises(StepFailedError, match=rf"Input/output error\) at byte {CHUNK}"):
        over(tmp_path, SurfaceAct[act])


def test_a_write_that_is_cut_short_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(tmp_path)
    monkeypatch.setattr(os, "pwritev", lambda *_: 512)
    with pytest.raises(StepFailedError, match="ends before its own size at byte 512"):
        over(tmp_path, SurfaceAct.ZERO)


def test_a_disk_something_stands_on_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StepFailedError, match="No such file"):
        over(tmp_path, SurfaceAct.ZERO)
    modes: list[int] = []

    def busy(path: Path, mode: int) -> int:
        modes.append(mode)
        raise OSError(errno.EBUSY, "-")

    monkeypatch.setattr(os, "open", busy)
    with pytest.raises(StepFailedError, match="something stands on it"):
        over(tmp_path, SurfaceAct.ZERO)
    assert modes[0] & os.O_EXCL


def test_a_file_system_without_direct_access(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, opened = disk(tmp_path, b"x" * SIZE), os.open

    def picky(name: Path, mode: int) -> int:
        if mode & os.O_DIRECT:
            raise OSError(errno.EINVAL, "-")
        return opened(name, mode)

    monkeypatch.setattr(os, "open", picky)
    over(tmp_path, SurfaceAct.ZERO)
    assert path.read_bytes() == bytes(SIZE)


def test_the_places_are_spread_from_the_first_to_the_last() -> None:
    places = sample_places(12 * 10**12)
    assert len(set(places)) == SAMPLES
    assert places[0] == 0
    assert places[-1] == (12 * 10**12 // SAMPLE_SIZE - 1) * SAMPLE_SIZE
    assert sample_places(3 * SAMPLE_SIZE) == (0, SAMPLE_SIZE, 2 * SAMPLE_SIZE)
    assert sample_places(512) == (0,)


@pytest.mark.parametrize("act", SurfaceAct)
def test_every_act_has_a_line_and_nothing_to_take_back(tmp_path: Path, act: SurfaceAct) -> None:
    step = SurfaceStep(title="-", resource="disk/S1", act=act, device=DEVICE, size=SIZE)
    assert DEVICE in line_of(step)
    assert undo_of(step, an_actor(tmp_path)) == ()
    gone = step.model_copy(update={"destroys": "all"})
    assert undo_of(gone, an_actor(tmp_path)) is None


class Notes:
    """A book in memory."""

    def __init__(self, *entries: DiskEntry) -> None:
        self.known = {entry.serial: entry for entry in entries}
        self.wrote: list[tuple[BookStep, str, int | None]] = []

    def entry(self, serial: str) -> DiskEntry | None:
        return self.known.get(serial)

    def write(self, step: BookStep, *, who: str, job: int | None) -> None:
        self.wrote.append((step, who, job))


def entry(serial: str, standing: Standing) -> DiskEntry:
    return DiskEntry(serial=serial, standing=standing, at=NOW)


def test_what_is_written_down_is_taken_back_to_what_stood_there(tmp_path: Path) -> None:
    book = Notes(entry("S1", Standing.LEFT))
    base = an_actor(tmp_path)
    actor = Actor(base.executor, base.files, base.guests, book=book, who="ada", job=7)
    new = (entry("S1", Standing.ADMITTED), entry("S2", Standing.ADMITTED))
    step = BookStep(title="Admit", resource="disk/S1", entries=new)
    assert line_of(step) == "# in the node's database: S1 admitted, S2 admitted"
    (back,) = undo_of(step, actor) or ()
    assert isinstance(back, BookStep)
    assert (back.entries, back.forget) == ((entry("S1", Standing.LEFT),), ("S2",))
    assert line_of(back) == "# in the node's database: S1 left, S2 unknown"
    perform(step, actor)
    assert book.wrote == [(step, "ada", 7)]


def test_a_certificate_stays(tmp_path: Path) -> None:
    paper = Certificate(
        serial="S1", size=1, method=EraseMethod.OVERWRITE, category=Sanitization.CLEAR,
        commands=(), verified="-",
    )  # fmt: skip
    step = BookStep(title="-", resource="disk/S1", certificate=paper)
    assert undo_of(step, an_actor(tmp_path)) == ()
    assert "certificate of erasure for S1" in line_of(step)


def test_without_a_book_nothing_is_written() -> None:
    assert NoBook().entry("S1") is None
    with pytest.raises(InternalError, match="nowhere"):
        NoBook().write(BookStep(title="-", resource="disk/S1"), who="", job=None)


def test_the_step_is_gone_over_by_one_function(tmp_path: Path) -> None:
    path = disk(tmp_path)
    step = SurfaceStep(title="-", resource="disk/S1", act=SurfaceAct.READ, device=DEVICE, size=SIZE)
    said = go_over(step, path, an_actor(tmp_path).clock, lambda _: None)
    assert said.code == 0
