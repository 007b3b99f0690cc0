"""One of a few values on one line, changed by the arrow keys: works on any terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from tui.look import TONES


class Choice(Widget, can_focus=True):
    """`< raid6 >`. The empty value reads as the words given for it."""

    DEFAULT_CSS = "Choice { height: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "turn(1)", "Next value", show=False),
        Binding("left", "turn(-1)", "Value before", show=False),
    ]

    class Changed(Message):
        """Another value."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, values: Sequence[str], value: str, *, unset: str = "") -> None:
        super().__init__()
        self._values = tuple(values)
        self._unset = unset
        self.value = value if value in self._values else self._values[0]

    def action_turn(self, by: int) -> None:
        """The next value, round and round."""
        place = (self._values.index(self.value) + by) % len(self._values)
        self.value = self._values[place]
        self.refresh()
        self.post_message(self.Changed(self))

    def render(self) -> Text:
        """See Widget."""
        words = self.value or self._unset
        style = TONES["cursor"] if self.has_focus else TONES[""]
        return Text(f"< {words} >", style=style, no_wrap=True)

    def on_focus(self) -> None:
        """Shows where one is."""
        self.refresh()

    def on_blur(self) -> None:
        """One is elsewhere."""
        self.refresh()
