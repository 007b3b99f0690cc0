"""A line to type in. What is hidden is shown as stars: Textual's dots are no ASCII."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Input


class Entry(Input):
    """Textual's input, on any terminal."""

    @property
    def _value(self) -> Text:
        """See Input: the text as it is drawn."""
        if not self.password:
            return super()._value
        return Text("*" * len(self.value), no_wrap=True, overflow="ignore", end="")
