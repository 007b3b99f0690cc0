"""Fields one under another: how one goes between them, and words about the one one is in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from appliance.api.fields import Field
from tui.screens.place import Place
from tui.widgets.choice import Choice
from tui.widgets.entry import Entry


class FieldRow(Vertical):
    """A field: its label, its value, and below it what is wrong."""

    DEFAULT_CSS = "FieldRow { height: auto; }"

    def __init__(self, field: Field, text: str) -> None:
        super().__init__()
        self.field = field
        self.editor = _editor(field, text)
        self._wrong = Static(classes="wrong")

    def compose(self) -> Iterable[Widget]:
        """See Widget."""
        indent = "  " * (len(self.field.path) - 1)
        mark = "*" if self.field.needed else " "
        label = f"{indent}{mark}{self.field.path[-1].replace('_', ' ')}"
        yield Horizontal(
            Static(Text(label, no_wrap=True), classes="label"), self.editor, classes="row"
        )
        yield self._wrong

    @property
    def text(self) -> str:
        """What stands in it."""
        return self.editor.value

    def refuse(self, words: str) -> None:
        """Say what is wrong; nothing is with empty words."""
        self._wrong.update(Text(f"! {words}"))
        self._wrong.set_class(bool(words), "shown")


class Fields(Place):
    """A screen of fields."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "submit", "Preview", key_display="^s"),
        Binding("down", "next(1)", "Next field", show=False, priority=True),
        Binding("up", "next(-1)", "Field before", show=False, priority=True),
        # As early as the two above: on a slow line people type ahead, and order must hold.
        Binding("right,space", "turn(1)", "Next value", show=False, priority=True),
        Binding("left", "turn(-1)", "Value before", show=False, priority=True),
        Binding("f1", "app.help", "Help", key_display="f1"),
    ]

    def all_rows(self) -> Sequence[FieldRow]:
        """The fields, from top to bottom."""
        return ()

    def describe(self, row: FieldRow) -> None:
        """Words about the field one is in, or about the value it has now."""

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Words about the field one is in."""
        row = next((row for row in self.all_rows() if row.editor is event.widget), None)
        if row is not None:
            self.describe(row)
            row.scroll_visible(animate=False)

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.action_next(1)

    def action_next(self, by: int) -> None:
        """From field to field, round and round."""
        seen = [row for row in self.all_rows() if row.display]
        at = next((i for i, row in enumerate(seen) if row.editor is self.focused), -by)
        if seen:
            self.set_focus(seen[(at + by) % len(seen)].editor)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Values are turned where there are some; elsewhere the keys are the field's own."""
        del parameters
        return action != "turn" or isinstance(self.focused, Choice)

    def action_turn(self, by: int) -> None:
        """Another value of the choice one is at."""
        if isinstance(self.focused, Choice):
            self.focused.action_turn(by)
            self.turned()

    def turned(self) -> None:
        """A choice has another value: say so of the field one is in."""
        row = next((row for row in self.all_rows() if row.editor is self.focused), None)
        if row is not None:
            self.describe(row)

    @on(Choice.Changed)
    def _chosen(self) -> None:
        self.turned()


def _editor(field: Field, text: str) -> Entry | Choice:
    default = "yes" if field.default is True else "no" if field.default is False else ""
    if field.shape == "table":
        return Choice(("no", "yes"), text)
    if field.shape == "yes-no":
        return Choice(
            ("", "yes", "no"), text, unset=f"default: {default}" if default else "not set"
        )
    if field.choices and field.shape == "text":
        unset = f"default: {field.default}" if field.default else "not set"
        return Choice(("", *field.choices), text, unset=unset)
    shown = field.default if isinstance(field.default, str | int) else ""
    # Not selected: one who goes to a field and types means to go on, not to write over all of it.
    hint = str(shown or "").strip() or " "
    return Entry(text, placeholder=hint, compact=True, select_on_focus=False)
