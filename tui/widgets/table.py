"""A table that renders only the lines one sees: a thousand rows cost what twenty cost.

Textual's own DataTable repaints as a whole at each change (50 ms for a thousand rows, perf-facts).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import ClassVar, Final, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.look import TONES

ASKING: Final = "asking the node..."
_GAP: Final = 2
_MARK: Final = "> "
_NO_MARK: Final = "  "
_FEW: Final = 4
"""Up to one row in so many is repainted by itself; more are a new table."""
_WIDEST: Final = 60
"""A column is never wider: what stands behind it should be seen as well."""


class Row(NamedTuple):
    """A row; the key is what it stands for."""

    key: str
    cells: tuple[str, ...]
    tone: str = ""


class Table(Widget, can_focus=True):
    """Rows under headings, a cursor kept on its key, a filter."""

    DEFAULT_CSS = "Table { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("home", "edge(0)", "First", show=False),
        Binding("end", "edge(1)", "Last", show=False),
        Binding("right", "shift(1)", "Columns to the right", show=False),
        Binding("left", "shift(-1)", "Columns to the left", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]

    class Moved(Message):
        """The cursor stands on another row; the key is empty when there is none."""

        def __init__(self, table: Table, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

    class Chosen(Message):
        """Enter was pressed on a row."""

        def __init__(self, table: Table, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

    def __init__(self, headers: Sequence[str] = (), *, empty: str = "") -> None:
        super().__init__()
        self._headers = tuple(headers)
        self._empty = empty
        self._all: tuple[Row, ...] = ()
        self._rows: tuple[Row, ...] = ()
        self._widths: tuple[int, ...] = ()
        self._right: tuple[bool, ...] = ()
        self._told = False
        self._filter = ""
        self._at = 0
        self._top = 0
        self._first_column = 0

    @property
    def key(self) -> str:
        """The key under the cursor; empty when there is no row."""
        return self._rows[self._at].key if self._rows else ""

    @property
    def counted(self) -> str:
        """Where one is: 3 of 12, and how many the filter hides."""
        hidden = len(self._all) - len(self._rows)
        place = f"{min(self._at + 1, len(self._rows))} of {len(self._rows)}"
        return f"{place} ({hidden} hidden by /{self._filter})" if hidden else place

    def show(self, headers: Sequence[str], rows: Iterable[Row]) -> None:
        """Other rows; the cursor stays on its key. Equal rows repaint nothing."""
        fresh, before = tuple(rows), self._all
        if not self._told:
            self._told = True
            self.refresh()
        same = tuple(headers) == self._headers and len(fresh) == len(before)
        changed = list(islice(_changed(before, fresh), 1 + len(fresh) // _FEW)) if same else []
        if same and not changed:
            return
        self._headers, self._all = tuple(headers), fresh
        if (
            same
            and len(changed) * _FEW <= len(fresh)
            and not self._filter
            and self._fits(before, changed)
        ):
            self._rows = fresh
            for number in changed:
                self._refresh_row(number)
            return
        self._measure()
        self._apply()

    def filter(self, text: str) -> None:
        """Show only rows that hold the text, in any case."""
        self._filter = text
        self._apply()

    def seek(self, key: str) -> None:
        """Put the cursor on a key, if it is there."""
        for number, row in enumerate(self._rows):
            if row.key == key:
                self._go(number)
                return

    def action_move(self, by: int) -> None:
        """Rows up or down."""
        self._go(self._at + by)

    def action_page(self, by: int) -> None:
        """Pages up or down."""
        self._go(self._at + by * max(1, self.size.height - 2))

    def action_edge(self, end: int) -> None:
        """First or last row."""
        self._go(len(self._rows) * end)

    def action_shift(self, by: int) -> None:
        """Columns that do not fit; the first one always stays."""
        most = max(0, len(self._headers) - 2)
        self._first_column = min(max(0, self._first_column + by), most)
        self.refresh()

    def action_choose(self) -> None:
        """Open the row."""
        if self._rows:
            self.post_message(self.Chosen(self, self.key))

    def on_click(self, event: events.Click) -> None:
        """A click chooses the row the second time."""
        number = self._top + event.y - 1
        if event.y < 1 or number >= len(self._rows):
            return
        if number == self._at:
            self.action_choose()
        self._go(number)

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self._go(self._at)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """See Widget: line 0 is the heading."""
        width = self.size.width
        if y == 0:
            return self._strip(_NO_MARK + self._line(self._headers), TONES["title"], width)
        number = self._top + y - 1
        if number < len(self._rows):
            row, here = self._rows[number], number == self._at
            style = TONES[row.tone] + (TONES["cursor"] if here and self.has_focus else Style())
            return self._strip((_MARK if here else _NO_MARK) + self._line(row.cells), style, width)
        if y == 1 and not self._rows:
            words = f"nothing holds '{self._filter}'" if self._all else self._empty
            words = words if self._told else ASKING
            return self._strip(_NO_MARK + words, TONES["dim"], width)
        return self._strip("", Style(), width)

    def on_focus(self) -> None:
        """The cursor shows."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor's mark stays."""
        self.refresh()

    def _strip(self, text: str, style: Style, width: int) -> Strip:
        cut = text if len(text) <= width else text[: max(0, width - 1)] + ">"
        return Strip([Segment(cut.ljust(width), self.rich_style + style)], width)

    def _line(self, cells: Sequence[str]) -> str:
        shown = [0, *range(1 + self._first_column, len(self._headers))] if self._headers else []
        words = (
            cells[i][: self._widths[i]].rjust(self._widths[i])
            if self._right[i]
            else cells[i][: self._widths[i]].ljust(self._widths[i])
            for i in shown
        )
        return (" " * _GAP).join(words).rstrip()

    def _fits(self, before: tuple[Row, ...], changed: Sequence[int]) -> bool:
        """Whether the changed rows keep their keys and find room in the columns as they are."""
        return all(
            before[number].key == self._all[number].key
            and all(
                len(cell) <= width and (not right or _is_number(cell))
                for cell, width, right in zip(
                    self._all[number].cells, self._widths, self._right, strict=True
                )
            )
            for number in changed
        )

    def _refresh_row(self, number: int) -> None:
        line = number - self._top + 1
        if 1 <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def _measure(self) -> None:
        columns = list(zip(self._headers, *(row.cells for row in self._all), strict=True))
        self._widths = tuple(min(_WIDEST, max(map(len, column))) for column in columns)
        if self._widths:
            self._widths = (*self._widths[:-1], max(map(len, columns[-1])))
        self._right = tuple(
            len(column) > 1 and all(map(_is_number, column[1:])) for column in columns
        )

    def _apply(self) -> None:
        key, wanted = self.key, self._filter.lower()
        self._rows = self._all
        if wanted:
            self._rows = tuple(row for row in self._all if wanted in " ".join(row.cells).lower())
        at = next((i for i, row in enumerate(self._rows) if row.key == key), None)
        self._at = min(self._at, max(0, len(self._rows) - 1)) if at is None else at
        self._keep_in_sight()
        self.refresh()
        self.post_message(self.Moved(self, self.key))

    def _go(self, number: int) -> None:
        old, top = self._at, self._top
        self._at = min(max(0, number), max(0, len(self._rows) - 1))
        self._keep_in_sight()
        if top != self._top:
            self.refresh()
        elif old != self._at:
            self._refresh_row(old)
            self._refresh_row(self._at)
        if old != self._at:
            self.post_message(self.Moved(self, self.key))

    def _keep_in_sight(self) -> None:
        height = max(1, self.size.height - 1)
        self._top = min(max(self._top, self._at - height + 1), self._at)
        self._top = max(0, min(self._top, len(self._rows) - height))


def _changed(before: Iterable[Row], after: Iterable[Row]) -> Iterator[int]:
    """Numbers of the rows that are others now."""
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        if old is not new and old != new:
            yield number


def _is_number(text: str) -> bool:
    return text == "-" or text.split(" ", 1)[0].replace(".", "", 1).isdigit()
