"""The real program on real terminals: Linux console, vt220, xterm; without colours; resized."""

from __future__ import annotations

import re
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.tui.conftest import CLINIC
from tests.tui.terminal import Terminal, terminal

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "tui.main", "--recorded", str(CLINIC))
SIXTEEN = re.compile(r"(3|4|9|10)[0-79]")
"""The terminal's own colours, and its default."""


def console(term: str, *options: str, **environ: str) -> AbstractContextManager[Terminal]:
    fixed = {"TERM": term, "PYTHONPATH": str(ROOT), "COLORTERM": "", **environ}
    return terminal([*PROGRAM, *options], fixed)


def to_the_disks(window: Terminal) -> str:
    window.until("all is well")
    window.until("14 %")
    window.keys("2")
    window.until("verdict:")
    window.keys(*["Space"] * 6)
    return window.until("bay 7 (serial ZSSD0000): ok")


@pytest.mark.parametrize("term", ["linux", "vt220"])
def test_plain_terminals_get_ascii_and_sixteen_colours(term: str) -> None:
    with console(term) as window:
        screen = to_the_disks(window)
        assert screen.isascii()
        assert "[ 7 P+]" in screen
        odd = {code for code in window.colours if not SIXTEEN.fullmatch(code)}
        assert not odd
        window.keys("Right")
        window.until("bay 8 (serial ZSSD0001)")
        window.keys("q")
        assert "ended with 0" in window.until("ended with")


def test_without_colours_all_is_said_by_words_and_symbols() -> None:
    with console("xterm-256color", NO_COLOR="1") as window:
        screen = to_the_disks(window)
        assert not {code for code in window.colours if code not in {"39", "49"}}
        assert "[ 7 P+]" in screen
        assert "bay 7 (serial ZSSD0000): ok" in screen


def test_colours_that_everybody_can_tell_apart_are_neither_red_nor_green() -> None:
    with console("linux", "--colours", "blind") as window:
        to_the_disks(window)
        assert window.colours & {"34", "36", "94", "96"}
        assert not window.colours & {"31", "32", "91", "92", "41", "42"}


def test_a_window_made_tiny_and_large_again_shows_what_it_showed() -> None:
    with console("xterm-256color") as window:
        before = to_the_disks(window)
        window.resize(40, 12)
        window.until("[ 7 P+]")
        assert all(len(line) <= 40 for line in window.screen.splitlines())
        window.resize(80, 24)
        window.until(before)
