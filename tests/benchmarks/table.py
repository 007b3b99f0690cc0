"""How benchmarks tell what they measured: one table each, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def show(title: str, head: Sequence[str], *rows: Sequence[object]) -> None:
    """Prints a table; numbers with three digits that count."""
    print(f"\n{title}\n| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(map(_cell, row))} |")


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
