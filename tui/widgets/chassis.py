"""The chassis, drawn: a cursor walks over the bays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.bays import Cell, Picture, Wall
from tui.look import TONES

Spans = list[tuple[str, str]]
_SEPARATOR: Final = "|"


class ChassisView(Widget, can_focus=True):
    """Each bay: its label, a letter for its role, a symbol for its health."""

    DEFAULT_CSS = "ChassisView { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "move(1, 0)", "Bay to the right", show=False),
        Binding("left", "move(-1, 0)", "Bay to the left", show=False),
        Binding("down,j", "move(0, 1)", "Bay below", show=False),
        Binding("up,k", "move(0, -1)", "Bay above", show=False),
        Binding("space,full_stop", "step(1)", "Next bay by number", show=False),
        Binding("comma", "step(-1)", "Bay before by number", show=False),
    ]

    class Moved(Message):
        """The cursor is on another bay."""

        def __init__(self, label: str) -> None:
            super().__init__()
            self.label = label

    def __init__(self) -> None:
        super().__init__()
        self._picture = Picture((), ())
        self._lines: list[Spans] = []
        self._top = 0
        self.label = ""

    @property
    def across(self) -> int:
        """Columns the picture needs."""
        return max((sum(len(text) for text, _ in line) for line in self._lines), default=0)

    def show(self, picture: Picture) -> None:
        """Another picture; the cursor stays on its bay."""
        if picture == self._picture:
            return
        self._picture = picture
        if self.label not in picture.order:
            self.label = picture.order[0] if picture.order else ""
            self.post_message(self.Moved(self.label))
        self._draw()

    def seek(self, label: str) -> None:
        """Put the cursor on a bay, or on a disk in no bay by its serial."""
        if label in self._picture.order and label != self.label:
            self.label = label
            self.post_message(self.Moved(label))
            self._draw()

    def action_move(self, right: int, down: int) -> None:
        """By arrow keys."""
        self.seek(self._picture.move(self.label, right, down))

    def action_step(self, by: int) -> None:
        """In bay order."""
        self.seek(self._picture.step(self.label, by))

    def on_focus(self) -> None:
        """The cursor shows."""
        self._draw()

    def on_blur(self) -> None:
        """The cursor's brackets stay."""
        self._draw()

    def on_resize(self) -> None:
        """What was in sight may not be now."""
        self._draw()

    def render_line(self, y: int) -> Strip:
        """See Widget."""
        width = self.size.width
        spans = self._lines[self._top + y] if self._top + y < len(self._lines) else []
        segments = [Segment(text, self.rich_style + TONES[tone]) for text, tone in spans]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _draw(self) -> None:
        self._lines = list(self._all_lines())
        here = next((i for i, line in enumerate(self._lines)
                     if any(tone == "cursor" or "[" in text for text, tone in line)), 0)  # fmt: skip
        height = max(1, self.size.height)
        if not self._top <= here < self._top + height:
            self._top = max(0, min(here - height // 2, len(self._lines) - height))
        self.refresh()

    def _all_lines(self) -> Iterator[Spans]:
        for wall in self._picture.walls:
            yield [(f" {wall.name}", "title")]
            yield from self._wall(wall)

    def _wall(self, wall: Wall) -> Iterator[Spans]:
        margin = " " * (1 + max(map(len, wall.heads), default=0))
        edge = f"{margin}+{'+'.join(['-' * wall.width] * wall.columns)}+"
        heads = wall.heads or ("",) * len(wall.rows)
        yield [(edge, "")]
        for head, row in zip(heads, wall.rows, strict=True):
            line: Spans = [(head.rjust(len(margin)), "")]
            before = False
            for cell in (*row, *[None] * (wall.columns - len(row))):
                here = cell is not None and cell.label == self.label
                line.append(("[" if here else "]" if before else _SEPARATOR, ""))
                line.append(self._cell(wall, cell, here=here))
                before = here
            line.append(("]" if before else _SEPARATOR, ""))
            yield line
        yield [(edge, "")]

    def _cell(self, wall: Wall, cell: Cell | None, *, here: bool) -> tuple[str, str]:
        if cell is None:
            return " " * wall.width, ""
        text = wall.text(cell).rjust(wall.width)
        return text, "cursor" if here and self.has_focus else cell.tone
