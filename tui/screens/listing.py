"""A screen with a table, a filter and a pane of details: what lists have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from rich.text import Text
from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.desk import Desk
from tui.screens.place import Place, rewrite
from tui.widgets.table import Table

BESIDE_FROM: Final = 120
"""Columns from which the details stand beside the table instead of below."""
_LOW: Final = 18
"""Lines below which the details go, so that the table has room."""


class Listing(Place):
    """Subclasses fill the table and say what the details of a key are."""

    EMPTY: ClassVar[str] = "none"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("r", "look", "Look again", show=False),
    ]

    def __init__(self, desk: Desk, where: str = "", *, empty: str = "") -> None:
        super().__init__(desk, where)
        self.table = Table(empty=empty or self.EMPTY)
        self.details = Static()

    def body(self) -> Iterable[Widget]:
        """The table, its details, the filter."""
        yield Vertical(
            self.list_widget(), VerticalScroll(self.details, classes="detail"), classes="split"
        )
        yield Input(id="filter", placeholder="filter: type, then enter", compact=True)

    def list_widget(self) -> Widget:
        """What stands where the table stands."""
        return self.table

    def first_focus(self) -> Widget | None:
        """The table."""
        return self.table

    def detail(self, key: str) -> Text:
        """All about the row with this key."""
        del key
        return Text()

    def show_detail(self) -> None:
        """Bring the details up to date."""
        rewrite(self.details, self.detail(self.table.key))

    def on_mount(self) -> None:
        """A filter of before is there again. Textual calls Place's own handler by itself."""
        kept = self.desk.kept.get(self.where, "")
        if kept:
            self.table.filter(kept)
        self._lay_out()

    @on(Table.Moved)
    def _moved(self) -> None:
        self.show_detail()

    def on_resize(self, event: events.Resize) -> None:
        """See Place, whose own handler Textual calls as well."""
        del event
        self._lay_out()

    def _lay_out(self) -> None:
        split, size = self.query_one(".split"), self.size
        split.set_class(size.width >= BESIDE_FROM, "beside")
        split.set_class(size.width < BESIDE_FROM, "stacked")
        low = size.width < BESIDE_FROM and size.height < _LOW
        self.query_one(".detail").set_class(low, "hidden")

    def action_look(self) -> None:
        """Look at the node again."""
        self.look()

    def action_filter(self) -> None:
        """Type what the rows shall hold."""
        box = self.query_one("#filter", Input)
        box.add_class("shown")
        box.value = self.desk.kept.get(self.where, "")
        box.focus()

    @on(Input.Changed, "#filter")
    def _filtering(self, event: Input.Changed) -> None:
        self.desk.kept[self.where] = event.value
        self.table.filter(event.value)

    @on(Input.Submitted, "#filter")
    def _filtered(self) -> None:
        self.query_one("#filter", Input).remove_class("shown")
        self.set_focus(self.first_focus())

    def action_leave(self) -> None:
        """First the filter goes, then the screen."""
        box = self.query_one("#filter", Input)
        if box.has_class("shown") or self.desk.kept.get(self.where):
            box.value = ""
            self.desk.kept[self.where] = ""
            self.table.filter("")
            self._filtered()
        else:
            super().action_leave()
