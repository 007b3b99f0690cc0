"""What was measured of a disk over time, as lines one can read at a glance. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from appliance.api.words import Line, Span, clock
from appliance.model.verdict import PastMeasures

PLAIN_LEVELS: Final = "_.:-=+*#"
RICH_LEVELS: Final = "▁▂▃▄▅▆▇█"
_WIDTH: Final = 32
"""Columns of a plot."""
_NAME: Final = 22
_CALM: Final = 6
"""Measures named in a line of those that never changed; how many more is told."""


def spark(values: Sequence[int], levels: str, width: int = _WIDTH) -> str:
    """A plot of one line: the lowest value is the first level, the highest the last.

    Where there are more values than columns, a column shows the highest of its values: a short
    peak must not vanish.
    """
    shown = _fitted(values, width)
    low, high = min(shown, default=0), max(shown, default=0)
    if high == low:
        return levels[0] * len(shown)
    top = len(levels) - 1
    return "".join(levels[round(top * (value - low) / (high - low))] for value in shown)


def trend_lines(history: Sequence[PastMeasures], *, plain: bool) -> Iterator[Line]:
    """What changed as a plot each, what never did in one line; words where it is too early."""
    yield (Span("trends", "title"),)
    if not history:
        yield (Span("  nothing was kept yet: the first look is taken within the hour"),)
        return
    first, last = history[0].at.isoformat(), history[-1].at.isoformat()
    yield (Span(f"  {len(history)} looks, {clock(first)} to {clock(last)} (UTC)", "dim"),)
    calm = []
    for measure in sorted({key for look in history for key in look.measures}):
        values = [look.measures[measure] for look in history if measure in look.measures]
        if len(set(values)) > 1:
            yield _plot(measure, values, plain=plain)
        else:
            calm.append(f"{measure.replace('-', ' ')} {values[-1]}")
    if calm:
        more = f" and {len(calm) - _CALM} more" if len(calm) > _CALM else ""
        yield (Span(f"  never changed: {', '.join(calm[:_CALM])}{more}"),)


def _plot(measure: str, values: Sequence[int], *, plain: bool) -> Line:
    drawn = spark(values, PLAIN_LEVELS if plain else RICH_LEVELS)
    name = measure.replace("-", " ")[:_NAME].ljust(_NAME)
    words = f"{min(values)} to {max(values)}, now {values[-1]}"
    rose = values[-1] > values[0]
    return Span(f"  {name} {drawn}  {words}"), Span(", rising" if rose else "", "warning")


def _fitted(values: Sequence[int], width: int) -> list[int]:
    if len(values) <= width:
        return list(values)
    edges = [len(values) * column // width for column in range(width + 1)]
    return [max(values[begin:end]) for begin, end in pairwise(edges)]
