"""How far a long wait is, in words: percentage, bytes, time left."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from appliance.model.base import format_size

Tell = Callable[[str], None]
"""Hears how far a step is."""

WHOLE: Final = 100.0
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86400


def nobody_listens(words: str) -> None:
    """Nobody wants to know."""
    del words


class Progress:
    """What a repeated look says of how far it is; each whole percent is news once."""

    def __init__(self, pattern: str, size: int) -> None:
        self._pattern = pattern
        self._size = size
        self._told = -1
        self._stands: tuple[str, float] = ("", 0.0)
        """The percentage as it was last written, and since when."""
        self._first: tuple[float, float] | None = None
        """Percent and seconds of the first look, from which the speed is reckoned."""

    def news(self, text: str, now_s: float) -> str:
        """Words for a look's output; empty when it tells nothing new."""
        match = re.search(self._pattern, text) if self._pattern else None
        if match is None:
            return ""
        percent = float(match[1])
        self._first = self._first or (percent, now_s)
        if int(percent) <= self._told or percent >= WHOLE:
            return ""
        self._told = int(percent)
        return f"{percent:.0f} %{self._bytes(percent)}{self._left(percent, now_s)}"

    def still_s(self, text: str, now_s: float) -> float:
        """For how many seconds the percentage has not moved; 0 where a look tells none."""
        match = re.search(self._pattern, text) if self._pattern else None
        if match is None:
            return 0
        if match[1] != self._stands[0]:
            self._stands = (match[1], now_s)
        return now_s - self._stands[1]

    def _bytes(self, percent: float) -> str:
        if not self._size:
            return ""
        done = format_size(int(self._size * percent / WHOLE))
        return f", {done} of {format_size(self._size)}"

    def _left(self, percent: float, now_s: float) -> str:
        first, began = self._first or (percent, now_s)
        if percent <= first:
            return ""
        return f", about {in_words((WHOLE - percent) * (now_s - began) / (percent - first))} left"


def in_words(seconds: float) -> str:
    """A span for people, rounded to its two largest units."""
    if seconds < _MINUTE_S:
        return f"{max(1, round(seconds))} s"
    if seconds < _HOUR_S:
        return f"{round(seconds / _MINUTE_S)} min"
    if seconds < _DAY_S:
        return f"{seconds // _HOUR_S:.0f} h {seconds % _HOUR_S // _MINUTE_S:.0f} min"
    return f"{seconds // _DAY_S:.0f} d {seconds % _DAY_S // _HOUR_S:.0f} h"
