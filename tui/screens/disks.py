"""The disks: the chassis as one sees it standing before it, or a list; the details of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Static

from appliance.api.contract import CHASSIS, DISKS
from appliance.api.wire import Chassis, DiskList, DiskView
from appliance.api.words import NOTHING, Line, Span, disk_health, disk_holds, size
from tui.bays import LEGEND, by_bay, disk_tone, picture
from tui.desk import Desk
from tui.screens.disk import DiskScreen, disk_facts, disk_head
from tui.screens.disk_acts import NO_DISK, act, replace, teach, turn_light
from tui.screens.listing import Listing
from tui.screens.place import rewrite, text_of
from tui.widgets.chassis import ChassisView
from tui.widgets.table import ASKING, Row, Table

# What one looks for first: on 80 columns the last ones need the right arrow key.
HEADERS: Final = ("BAY", "SERIAL", "HEALTH", "ROLE", "POOL", "TIER", "SIZE", "TYPE", "MODEL", "HOLDS")  # fmt: skip


class Disks(Listing):
    """The picture is shown where the profile draws one, the list elsewhere and on request."""

    HEADING = "disks"
    EMPTY = "no disk was found"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open"),
        Binding("x", "replace", "Replace"),
        Binding("l", "light", "Light"),
        Binding("v", "turn", "Picture/list"),
        Binding("w", "wipe", "Wipe"),
        Binding("b", "teach", "Name its bay"),
    ]

    def __init__(self, desk: Desk, where: str = "") -> None:
        super().__init__(desk, where)
        self.chassis_view = ChassisView()
        self._chassis: Chassis | None = None
        self._disks: tuple[DiskView, ...] = ()
        self._listed = False
        self._drawn = True
        self.details.update(ASKING)

    def list_widget(self) -> Widget:
        """The picture and the list; one of them is hidden."""
        self.table.add_class("hidden")
        return Container(self.chassis_view, self.table, id="shelf")

    def body(self) -> Iterable[Widget]:
        """See Listing; the legend below the picture."""
        yield from super().body()
        yield Static(Text("\n".join(f" {words}" for words in LEGEND), style="dim"), id="legend")

    def first_focus(self) -> Widget | None:
        """Picture or list."""
        return self.chassis_view if self._drawn else self.table

    def look(self) -> None:
        """Disks each time; the chassis once, it does not change."""
        gateway = self.desk.gateway
        if self._chassis is None:
            gateway.ask(self, CHASSIS, then=self._seen_chassis, refused=self.say_error)
        gateway.ask(self, DISKS, then=self._seen, refused=self.say_error)

    def disk(self) -> DiskView | None:
        """The disk under the cursor."""
        if self._drawn:
            label = self.chassis_view.label
            found = {disk.serial: disk for disk in self._disks} | by_bay(self._disks)
            return found.get(label)
        return next((disk for disk in self._disks if disk.serial == self.table.key), None)

    def show_detail(self) -> None:
        """See Listing."""
        if self._chassis is None or not self._listed:
            return
        disk, label = self.disk(), self.chassis_view.label
        if disk is not None:
            lines = (*disk_head(disk), *self._beside(disk), *disk_facts(disk))
            rewrite(self.details, text_of(lines))
        else:
            words = self._empty_bay(label) if self._drawn and label else ""
            rewrite(self.details, Text(words))

    def action_turn(self) -> None:
        """Picture or list; the cursor stays on its disk."""
        disk = self.disk()
        if not self._drawn and not (self._chassis and self._chassis.panels):
            self.say("No hardware profile draws this chassis: there is a list only.")
            return
        self._drawn = not self._drawn
        if disk is not None:
            self.table.seek(disk.serial)
            self.chassis_view.seek(disk.bay or disk.serial)
        self._turn()

    def action_open(self) -> None:
        """All about the disk under the cursor."""
        disk = self.disk()
        if disk is None:
            self.say(NO_DISK)
        else:
            _ = self.app.push_screen(DiskScreen(self.desk, disk), lambda _: self.look())

    def action_wipe(self) -> None:
        """Preview erasing the signatures of the disk under the cursor."""
        act(self, self.disk(), "wipe")

    def action_teach(self) -> None:
        """Say which bay it is in."""
        teach(self, self.disk())

    def action_replace(self) -> None:
        """Put another one in its place."""
        replace(self, self.disk())

    def action_light(self) -> None:
        """Light its bay, or let it be dark again."""
        turn_light(self, self.disk(), lambda _: None)

    def action_filter(self) -> None:
        """A filter is for the list."""
        if self._drawn:
            self._drawn = False
            self._turn()
        super().action_filter()

    @on(ChassisView.Moved)
    def _moved_bay(self) -> None:
        self.show_detail()

    @on(Table.Chosen)
    def _chosen(self) -> None:
        self.action_open()

    def _seen_chassis(self, chassis: Chassis) -> None:
        self._chassis = chassis
        if not chassis.panels:
            self._drawn = False
        self._show()
        self._turn()

    def _seen(self, found: DiskList) -> None:
        self._disks, self._listed = found.disks, True
        if found.problems:
            self.say(f"not read: {'; '.join(found.problems)}", "warning")
        self.table.show(HEADERS, map(_row, found.disks))
        self._show()

    def _show(self) -> None:
        if self._chassis is not None and self._chassis.panels:
            self.chassis_view.show(picture(self._chassis, self._disks))
            self._lay_out()
        self.show_detail()

    def _turn(self) -> None:
        self.chassis_view.set_class(not self._drawn, "hidden")
        self.table.set_class(self._drawn, "hidden")
        self._lay_out()
        focus = self.first_focus()
        if focus is not None:
            self.set_focus(focus)
        self.show_detail()

    def _lay_out(self) -> None:
        super()._lay_out()
        if not self._drawn:
            self.query_one("#legend").add_class("hidden")
            self.query_one("#shelf").styles.width = "1fr"
            self.query_one("#shelf").styles.height = "1fr"
            return
        split, across = self.query_one(".split"), self.chassis_view.across + 1
        beside = across <= self.size.width // 2
        split.set_class(beside, "beside")
        split.set_class(not beside, "stacked")
        shelf = self.query_one("#shelf")
        shelf.styles.width = across if beside else "1fr"
        shelf.styles.height = "1fr"
        self.query_one(".detail").set_class(not beside and self.size.height < 18, "hidden")  # noqa: PLR2004 - as in Listing
        self.query_one("#legend").set_class(self.size.height < 16 or self.size.width < 62, "hidden")  # noqa: PLR2004 - it would not fit

    def _beside(self, disk: DiskView) -> Iterator[Line]:
        """The new disk in the bay of a lost one."""
        for other in self._disks:
            if disk.bay and other.bay == disk.bay and other.serial != disk.serial:
                yield (Span(f"in its bay now: {other.serial} ({size(other.size)})", "bold"),)

    def _empty_bay(self, label: str) -> str:
        bays = self._chassis.bays if self._chassis else ()
        accepts = next((bay.accepts for bay in bays if bay.label == label), frozenset())
        return f"bay {label}: empty\ntakes {', '.join(sorted(accepts))} disks"


def _row(disk: DiskView) -> Row:
    document = disk.model_dump(mode="json")
    cells = (
        disk.bay or NOTHING,
        disk.serial,
        disk_health(document),
        str(disk.role),
        disk.pool or NOTHING,
        disk.tier or NOTHING,
        size(disk.size),
        f"{disk.transport} {disk.medium}",
        disk.model or NOTHING,
        disk_holds(document),
    )
    return Row(disk.serial, cells, disk_tone(disk))
