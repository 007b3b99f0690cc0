"""The picture of a chassis as text: which bay is where, and what is in it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple

from appliance.api.wire import Chassis, DiskView
from appliance.api.words import disk_health
from appliance.model.disk import DiskRole, bay_order
from appliance.model.profile import Panel

ROLE_LETTERS: Final[Mapping[DiskRole, str]] = MappingProxyType(
    {
        DiskRole.FREE: "-",
        DiskRole.QUARANTINED: "Q",
        DiskRole.PV: "P",
        DiskRole.SPARE: "S",
        DiskRole.CACHE: "C",
        DiskRole.OSD: "O",
        DiskRole.BOOT: "B",
        DiskRole.FOREIGN: "F",
    }
)
BLANK: Final = frozenset({DiskRole.FREE, DiskRole.QUARANTINED})
"""What a plan may take: one in quarantine is admitted by that plan, or refused there."""
MARKS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "ok": ("+", "ok"),
        "unknown": ("?", ""),
        "no capacity": ("0", "warning"),
        "watch": ("~", "warning"),
        "PREFAIL": ("!", "warning"),
        "FAILING": ("!", "critical"),
        "MISSING": ("x", "critical"),
    }
)
"""Health in one word (api/words.py) -> its symbol and tone."""
LEGEND: Final = (
    "P pool  C cache  S spare  - free  Q quarantined  B boot  F foreign  . empty",
    "+ ok  ~ watch  ! replace it  x missing  ? health unknown  0 no capacity",
)
ELSEWHERE: Final = "in no bay"
_ROOMY: Final = 12
"""Bays in a row up to which there is room for a space in each."""


class Cell(NamedTuple):
    """A bay in the picture."""

    label: str
    """As the node names it; the serial of a disk that is in no bay."""
    name: str
    """What of the label must be said here."""
    state: str
    tone: str


@dataclass(frozen=True)
class Wall:
    """A face of the chassis: its name and its rows; None is a gap."""

    name: str
    rows: tuple[tuple[Cell | None, ...], ...]
    heads: tuple[str, ...] = ()
    """What all labels of a row begin with, said once beside the row."""

    def text(self, cell: Cell) -> str:
        """A bay's text; close together where there are many in a row."""
        return f"{cell.name}{'' if self.columns > _ROOMY else ' '}{cell.state}"

    @cached_property
    def columns(self) -> int:
        """Bays in the longest row."""
        return max((len(row) for row in self.rows), default=0)

    @cached_property
    def width(self) -> int:
        """Characters of the widest bay."""
        return max((len(self.text(cell)) for row in self.rows for cell in row if cell), default=0)


@dataclass(frozen=True)
class Picture:
    """Everything that is drawn, and the order of the bays."""

    walls: tuple[Wall, ...]
    order: tuple[str, ...]
    """Labels in bay order, then serials of disks that are in no bay."""

    def move(self, label: str, right: int, down: int) -> str:
        """The bay one gets to from a bay by arrow keys; the same one at the edge."""
        places = {
            cell.label: (row, column)
            for row, cells in enumerate(self._grid())
            for column, cell in enumerate(cells)
            if cell is not None
        }
        if label not in places:
            return self.order[0] if self.order else ""
        row, column = places[label]
        grid = list(self._grid())
        if right:
            line = [cell.label for cell in grid[row] if cell is not None]
            at = line.index(label) + right
            return line[at] if 0 <= at < len(line) else label
        for next_row in range(row + down, len(grid) if down > 0 else -1, down):
            near = [(abs(i - column), cell.label) for i, cell in enumerate(grid[next_row]) if cell]
            if near:
                return min(near, key=lambda item: item[0])[1]
        return label

    def step(self, label: str, by: int) -> str:
        """The next bay in bay order, round and round."""
        if label not in self.order:
            return self.order[0] if self.order else ""
        return self.order[(self.order.index(label) + by) % len(self.order)]

    def _grid(self) -> Iterator[tuple[Cell | None, ...]]:
        for wall in self.walls:
            yield from wall.rows


def picture(chassis: Chassis, disks: Sequence[DiskView]) -> Picture:
    """The chassis with these disks in it."""
    held = by_bay(disks)
    walls = [_panel(panel, held) for panel in chassis.panels]
    drawn = {label for panel in chassis.panels for row in panel.rows for label in row if label}
    loose = [disk for disk in disks if disk.bay not in drawn]
    if loose:
        walls.append(
            Wall(ELSEWHERE, tuple(_rows([_cell(disk.serial, disk.serial, disk) for disk in loose])))
        )
    order = [bay.label for bay in chassis.bays if bay.label in drawn]
    order += sorted(drawn - set(order), key=bay_order)
    return Picture(tuple(walls), (*order, *(disk.serial for disk in loose)))


def by_bay(disks: Iterable[DiskView]) -> dict[str, DiskView]:
    """Bay -> the disk that matters there: a lost one, though its bay has a new disk already, since
    it is the lost one that is to be replaced."""
    return {disk.bay: disk for disk in sorted(disks, key=lambda disk: disk.missing) if disk.bay}


def disk_tone(disk: DiskView) -> str:
    """The tone of a disk's state."""
    return _mark(disk)[1]


def _panel(panel: Panel, held: Mapping[str, DiskView]) -> Wall:
    """A panel, without what its name says already: front.5 on the front is 5."""
    rows, heads = [], []
    for row in panel.rows:
        names = [label.removeprefix(f"{panel.name}.") for label in row]
        head = _head([name for name in names if name])
        heads.append(head)
        rows.append(
            tuple(
                _cell(label, name.removeprefix(head), held.get(label)) if label else None
                for label, name in zip(row, names, strict=True)
            )
        )
    return Wall(panel.name, tuple(rows), tuple(heads))


def _head(names: Sequence[str]) -> str:
    """ "1-" of 1-1, 1-2, 1-3."""
    heads = {name[: name.rfind("-") + 1] for name in names}
    return heads.pop() if len(heads) == 1 else ""


def _mark(disk: DiskView) -> tuple[str, str]:
    """Symbol and tone of a disk's health; in brackets behind the word stands the part accused."""
    word = disk_health(disk.model_dump(mode="json")).partition(" (")[0]
    return MARKS.get(word, MARKS["unknown"])


def _cell(label: str, name: str, disk: DiskView | None) -> Cell:
    if disk is None:
        return Cell(label, name, ". ", "dim")
    mark, tone = _mark(disk)
    return Cell(label, name, f"{ROLE_LETTERS[disk.role]}{mark}", tone)


def _rows(cells: list[Cell], across: int = 2) -> Iterator[tuple[Cell | None, ...]]:
    for start in range(0, len(cells), across):
        yield tuple(cells[start : start + across])
