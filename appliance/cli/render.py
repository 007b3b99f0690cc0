"""Output for people: aligned tables, words before colours, sizes in units. Imports nothing heavy."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TextIO

from appliance.api.words import NOTHING as NOTHING
from appliance.api.words import Line
from appliance.api.words import cell as cell
from appliance.api.words import size as size

_RESET: Final = "\033[0m"
_COLOURS: Final[Mapping[str, str]] = {
    "ok": "\033[32m",
    "warning": "\033[33m",
    "critical": "\033[31m",
    "dim": "\033[2m",
    "bold": "\033[1m",
}


def coloured(stream: TextIO) -> bool:
    """Colours are for terminals, and for those who want them (no-color.org)."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def paint(text: str, tone: str, stream: TextIO | None = None) -> str:
    """The text in a tone when the stream shows colours; the text itself must say it all."""
    if tone in _COLOURS and coloured(stream or sys.stdout):
        return f"{_COLOURS[tone]}{text}{_RESET}"
    return text


def plain(text: str) -> str:
    """The text with what a terminal would obey made visible: names of files and of disks come from
    anybody."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def line(spans: Line) -> str:
    """A line of spans, each in its tone."""
    return "".join(paint(plain(span.text), span.tone) for span in spans)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns aligned; a column of numbers to the right."""
    body = [tuple(map(plain, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *body, strict=True)]
    right = [bool(body) and all(_is_number(row[i]) for row in body) for i in range(len(headers))]
    lines = [_line(headers, widths, right)]
    if coloured(sys.stdout):
        lines = [paint(lines[0], "bold")]
    lines += [_line(row, widths, right) for row in body]
    return "\n".join(lines)


def pairs(values: Iterable[tuple[str, str]], indent: str = "") -> str:
    """Names and values, one pair a line, values aligned."""
    items = [(key, plain(value)) for key, value in values]
    width = max((len(key) for key, _ in items), default=0)
    return "\n".join(f"{indent}{key.ljust(width)}  {value}".rstrip() for key, value in items)


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = (
        text.rjust(width) if flush else text.ljust(width)
        for text, width, flush in zip(row, widths, right, strict=True)
    )
    return "  ".join(cells).rstrip()


def _is_number(text: str) -> bool:
    return text == NOTHING or text.split(" ", 1)[0].replace(".", "", 1).isdigit()
