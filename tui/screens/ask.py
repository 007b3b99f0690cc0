"""A question with two answers, and a choice among a few."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from appliance.errors import InvalidInputError
from tui.widgets.entry import Entry
from tui.widgets.table import Row, Table


class Ask(ModalScreen[bool]):
    """Yes or no; escape is no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes"),
        Binding("escape,n", "dismiss(False)", "No"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question, and the keys."""
        with Vertical(classes="box"):
            yield Static(Text(self._question))
            yield Static("y yes   n no")


class Write(ModalScreen[str | None]):
    """A line of text; escape takes the question back."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, question: str, *, hidden: bool = False) -> None:
        super().__init__()
        self._question = question
        self._hidden = hidden

    def compose(self) -> ComposeResult:
        """The question and the line."""
        with Vertical(classes="box"):
            yield Static(Text(self._question))
            yield Entry(compact=True, password=self._hidden)
            yield Static("enter goes on   esc back")

    @on(Input.Submitted)
    def _written(self, event: Input.Submitted) -> None:
        _ = self.dismiss(event.value.strip())


def given(typed: str) -> dict[str, str]:
    """The arguments of an act as they were typed. Raises InvalidInputError."""
    words = typed.split()
    for word in words:
        if "=" not in word:
            raise InvalidInputError(
                f"'{word}' is not KEY=VALUE.", hint="Write for example name=before-upgrade."
            )
    return dict(word.split("=", 1) for word in words)


class Act(ModalScreen[tuple[str, str]]):
    """One of a thing's own acts with its arguments; the result is (verb, arguments as typed)."""

    CSS = "Act Table { height: 8; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(('', ''))", "Back"),
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
    ]

    def __init__(self, subject: str, verbs: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        self._subject = subject
        self._table = Table()
        self._table.can_focus = False
        self._rows = [Row(verb, (verb, words)) for verb, words in verbs]

    def compose(self) -> ComposeResult:
        """The acts, and a line for arguments."""
        with Vertical(classes="box"):
            yield Static(Text(f"What shall be done with {self._subject}?"))
            yield self._table
            yield Input(placeholder="KEY=VALUE ... if the act takes any, then enter", compact=True)

    def on_mount(self) -> None:
        """The first act is chosen at first."""
        self._table.show(("ACT", "WHAT IT DOES"), self._rows)

    @on(Input.Submitted)
    def _chosen(self, event: Input.Submitted) -> None:
        _ = self.dismiss((self._table.key, event.value.strip()))

    def action_move(self, by: int) -> None:
        """The cursor in the acts, while one types."""
        self._table.action_move(by)
