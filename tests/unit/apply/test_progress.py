"""How far a wait is: percent, bytes and time left, each whole percent once."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.node.apply.handles import Actor, Clock
from agents.node.apply.progress import Progress, in_words
from agents.node.apply.walk import perform
from appliance.errors import StepFailedError
from appliance.model.command import Command, Output, read
from appliance.model.steps import WaitStep
from tests.unit.fakehost import FakeGuests, FakeHost

PATTERN = r"(\d+\.\d+)"


def test_each_percent_is_told_once_with_bytes_and_time() -> None:
    progress = Progress(PATTERN, 2**30)
    assert progress.news("  10.00 recover", 100.0) == "10 %, 102.4 MiB of 1 GiB"
    assert progress.news("  10.40 recover", 101.0) == ""
    assert progress.news("  20.00 recover", 160.0) == "20 %, 204.8 MiB of 1 GiB, about 8 min left"
    assert progress.news("  19.00 recover", 161.0) == "", "LVM may report a step back"
    assert progress.news(" 100.00 idle", 700.0) == "", "the end is told by the step's end"


def test_nothing_is_told_without_a_pattern_a_match_or_a_size() -> None:
    assert Progress("", 10).news("50.00", 1.0) == ""
    assert Progress(PATTERN, 10).news("idle", 1.0) == ""
    assert Progress(PATTERN, 0).news("50.00", 1.0) == "50 %"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59, "59 s"), (600, "10 min"), (7500, "2 h 5 min"), (200_000, "2 d 7 h")],
)
def test_spans(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


class Rebuild:
    """A rebuild that is a fifth further at each look."""

    def __init__(self) -> None:
        self.percent = 0.0

    def run(self, command: Command) -> Output:
        del command
        self.percent += 20
        return Output(code=0, stdout=f"  {self.percent:.2f} recover\n")


def test_a_waiting_step_tells_how_far_it_is(tmp_path: Path) -> None:
    host, now, heard = FakeHost(tmp_path), [0.0], list[str]()
    clock = Clock(lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))
    actor = Actor(Rebuild(), host.files, FakeGuests(), clock)
    step = WaitStep(
        title="Wait", resource="pool/p", command=read("lvs"), until=r"100\.00", timeout_s=100,
        poll_s=5, percent=PATTERN, size=100 * 2**20,
    )  # fmt: skip
    perform(step, actor, heard.append)
    assert heard == [
        "20 %, 20 MiB of 100 MiB",
        "40 %, 40 MiB of 100 MiB, about 15 s left",
        "60 %, 60 MiB of 100 MiB, about 10 s left",
        "80 %, 80 MiB of 100 MiB, about 5 s left",
    ]


class Stuck:
    """A rebuild that goes on for a while, and then gives up."""

    def __init__(self) -> None:
        self.looks = 0

    def run(self, command: Command) -> Output:
        del command
        self.looks += 1
        return Output(code=0, stdout=f"  {min(self.looks, 5):.2f} idle\n")


@pytest.mark.parametrize(
    ("size", "words", "hours"),
    [(0, "6 h 0 min", 7), (2**30, "30 min", 2), (20 * 10**12, "1 h 40 min", 3)],
    ids=["unknown", "small", "20 TB"],
)
def test_a_wait_that_has_stopped_moving_is_given_up_long_before_its_time(
    tmp_path: Path, size: int, words: str, hours: int
) -> None:
    host, now = FakeHost(tmp_path), [0.0]
    clock = Clock(lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))
    step = WaitStep(
        title="Wait until it is whole", resource="pool/p", command=read("lvs"),
        until=r"100\.00", timeout_s=14 * 86400, poll_s=600, percent=PATTERN, size=size,
    )  # fmt: skip
    with pytest.raises(StepFailedError, match=rf"has not moved for {words}.*5\.00 idle"):
        perform(step, Actor(Stuck(), host.files, FakeGuests(), clock))
    assert now[0] < hours * 3600
