"""The command palette: every place and every action by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.widgets.table import Row, Table


class Command(NamedTuple):
    """Something to do by name."""

    name: str
    key: str
    action: str
    """As Textual's run_action takes it."""


class Palette(ModalScreen[str]):
    """Type part of a name, enter does it. Its result is the action, empty for none."""

    CSS = "Palette Table { height: 14; } Palette .box { width: 60; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss('')", "Close"),
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
    ]

    def __init__(self, commands: Iterable[Command]) -> None:
        super().__init__()
        self._commands = {command.name: command for command in commands}
        self._table = Table(empty="nothing of that name")

    def compose(self) -> ComposeResult:
        """The line to type in, the commands below."""
        with Vertical(classes="box"):
            yield Input(placeholder="where to, or what to do", compact=True)
            yield self._table

    def on_mount(self) -> None:
        """All commands at first."""
        rows = (Row(item.name, (item.name, item.key)) for item in self._commands.values())
        self._table.can_focus = False
        self._table.show(("COMMAND", "KEY"), rows)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._table.filter(event.value)

    @on(Input.Submitted)
    def _do(self) -> None:
        command = self._commands.get(self._table.key)
        _ = self.dismiss(command.action if command else "")

    def action_move(self, by: int) -> None:
        """The cursor in the commands, while one types."""
        self._table.action_move(by)
