"""Help, made from the bindings of the screen it was asked on: it cannot be out of date."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

Entry = tuple[str, str]
_SELDOM: Final = ("shift+", "super+", "ctrl+shift+", "alt+")
"""Keys of Textual's own widgets that a serial line does not send."""


class Help(ModalScreen[None]):
    """Keys and what they do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss(None)", "Close")
    ]

    def __init__(self, title: str, entries: Iterable[Entry]) -> None:
        super().__init__()
        self._title = title
        self._entries = tuple(entries)

    def compose(self) -> ComposeResult:
        """One line a key."""
        width = max((len(key) for key, _ in self._entries), default=0)
        lines = [f"Keys: {self._title}", ""]
        lines += [f"{key.ljust(width)}  {words}" for key, words in self._entries]
        lines += ["", "escape closes this"]
        with VerticalScroll(classes="box"):
            yield Static(Text("\n".join(lines)))


def entries_of(screen: Screen[int | None]) -> list[Entry]:
    """Every key that works on a screen now, the screen's own first."""
    found: dict[str, list[str]] = {}
    for active in sorted(screen.active_bindings.values(), key=lambda item: item.node is not screen):
        binding = active.binding
        seldom = binding.system or binding.key.startswith(_SELDOM)
        if binding.description and active.enabled and not seldom:
            key = screen.app.get_key_display(binding)
            found.setdefault(binding.description, []).append(key)
    return [(" ".join(dict.fromkeys(keys)), words) for words, keys in found.items()]
