"""Reading foreign JSON: a path either leads to a value of the wanted type, or to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite


class Tree:
    """A place in a JSON document; a place that does not exist is one too.

    A plain class: a report takes hundreds of places, and a frozen dataclass costs twice as much.
    """

    __slots__ = ("value",)

    def __init__(self, value: object = None) -> None:
        self.value = value

    def __bool__(self) -> bool:
        return self.value is not None

    def at(self, *keys: str) -> Tree:
        """The place further down."""
        value = self.value
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return Tree(value)

    def first(self, *keys: str) -> Tree:
        """The first of these keys that is there: names change between versions."""
        return next((found for key in keys if (found := self.at(key))), Tree())

    def items(self) -> Iterator[tuple[str, Tree]]:
        """Keys and places of an object."""
        if isinstance(self.value, dict):
            for key, value in self.value.items():
                yield str(key), Tree(value)

    def rows(self) -> Iterator[Tree]:
        """Entries of an array, without its gaps."""
        if isinstance(self.value, list):
            yield from (Tree(value) for value in self.value if value is not None)

    @property
    def number(self) -> int | None:
        """A whole number; a truth value is none."""
        value = self.value
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def count(self) -> int:
        """A whole number, 0 where there is none."""
        return self.number or 0

    @property
    def decimal(self) -> float:
        """A number written as one or as text, 0 where there is none."""
        try:
            number = float(str(self.value))
        except ValueError:
            return 0.0
        return number if isfinite(number) else 0.0

    @property
    def text(self) -> str:
        """Text with single blanks, empty where there is none."""
        return " ".join(self.value.split()) if isinstance(self.value, str) else ""

    @property
    def truth(self) -> bool | None:
        """A truth value."""
        return self.value if isinstance(self.value, bool) else None
