"""Where in a TOML file a dotted key stands. A small scanner: headers, and keys at a line's start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_HEADER: Final = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY: Final = re.compile(r"^\s*([A-Za-z0-9_\-.\"']+(?:\s*\.\s*[A-Za-z0-9_\-\"']+)*)\s*=")


def key_lines(text: str) -> dict[str, int]:
    """Dotted key -> line, counted from 1. Keys inside inline tables stand with their table, and a
    table without a header of its own with the first one in it."""
    lines: dict[str, int] = {}
    header = ""
    for number, line in enumerate(text.splitlines(), 1):
        table = _HEADER.match(line)
        key = _KEY.match(line)
        if table:
            header = _plain(table[1])
            for outer in _and_around(header):
                lines.setdefault(outer, number)
        elif key:
            lines.setdefault(f"{header}.{_plain(key[1])}".lstrip("."), number)
    return lines


def line_of(lines: dict[str, int], dotted: str) -> int | None:
    """The line of a key, or of the nearest thing around it."""
    return next((lines[key] for key in _and_around(dotted) if key in lines), None)


def place(text: str, file: str, detail: str) -> str:
    """A finding `dotted.key: words` with the file and line in front."""
    dotted, found, _ = detail.partition(": ")
    line = line_of(key_lines(text), dotted) if found else None
    return f"{file}:{line}: {detail}" if line else detail


def _and_around(dotted: str) -> Iterator[str]:
    """The key, the table it stands in, and so on outwards."""
    while dotted:
        yield dotted
        dotted = dotted.rpartition(".")[0]


def _plain(dotted: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in dotted.split("."))
