"""A text to read, on top of a screen."""

from __future__ import annotations

from collections.abc import Iterable

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from appliance.api.words import Line
from tui.desk import Desk
from tui.screens.place import Place, text_of


class Page(Place):
    """One text that scrolls."""

    def __init__(self, desk: Desk, heading: str, lines: Iterable[Line]) -> None:
        super().__init__(desk)
        self.heading = heading
        self._page = text_of(lines)

    def body(self) -> Iterable[Widget]:
        """The text."""
        yield VerticalScroll(Static(self._page), classes="scroll")

    def first_focus(self) -> Widget | None:
        """So that the arrow keys scroll."""
        return self.query_one(VerticalScroll)
