"""Replace a disk: what there is to know, which disk comes, light on, the bay read off, then the job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from appliance.api.contract import DISK_LIGHT_SET, DISKS, PLAN_MAKE
from appliance.api.wire import DiskList, DiskView, LightSwitch
from appliance.api.words import NOTHING, Line, Span, size
from appliance.errors import ApplianceError
from appliance.model.light import Light
from appliance.model.plan import Plan, PlanRequest
from appliance.model.resource import ActionRequest
from tui.bays import BLANK
from tui.desk import Desk
from tui.screens.ask import Write
from tui.screens.place import Place, rewrite, text_of
from tui.screens.preview import preview
from tui.widgets.table import Row, Table

_ANY: Final = "*"
"""Key of the row that leaves the choice to the node."""
HEADERS: Final = ("BAY", "SERIAL", "SIZE", "TYPE", "MODEL")


class Replace(Place):
    """The disk that goes above, those that can come below.

    The plan is made as soon as a disk is chosen, so that its words are read before anybody goes
    to the rack; it is made anew once the bay was read off, and shown as every plan is.
    """

    CSS = "Replace .words { height: 1fr; } Replace Table { height: 8; border-top: ascii $foreground; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Choose this disk"),
        Binding("ctrl+s,f2", "go", "Go to the bay", key_display="^s"),
    ]

    def __init__(self, desk: Desk, disk: DiskView) -> None:
        super().__init__(desk)
        self.heading = f"replace {disk.where}"
        self._old = disk
        self._text = Static("Asking the node...")
        self._table = Table(empty="no disk is free")
        self._new = _ANY
        self._plan: Plan | None = None
        self._light: Light | None = None
        self._refusal: ApplianceError | None = None

    def body(self) -> Iterable[Widget]:
        """What there is to know, and the free disks."""
        yield VerticalScroll(self._text, classes="words")
        yield self._table

    def first_focus(self) -> Widget | None:
        """The free disks."""
        return self._table

    def look(self) -> None:
        """The free disks, and the plan with the one that was chosen."""
        self.desk.gateway.ask(self, DISKS, then=self._seen, refused=self.say_error)
        if self._plan is None:
            self._ask_plan()

    @on(Table.Chosen)
    def _chosen(self) -> None:
        self.action_choose()

    def action_choose(self) -> None:
        """Plan with the disk under the cursor."""
        self._new = self._table.key or _ANY
        self._ask_plan()

    def action_go(self) -> None:
        """Light the bay and have its label read off it: people pull the neighbour."""
        if self._plan is None:
            self.say("There is no plan yet: choose a disk with enter.")
            return
        self._switch(on=True)
        old = self._old
        what, label = ("bay label", old.bay) if old.bay else ("serial number", old.serial)
        lit = " It is lit." if self._light and self._light.on else ""
        words = f"Go to the disk that leaves, {old.where}.{lit}\nType the {what} you read there:"

        def typed(answer: str | None) -> None:
            if answer is None:
                self._switch(on=False)
            elif answer.removeprefix("bay:") != label:
                self._switch(on=False)
                self.say(f"You are at '{answer}', the disk is in {label}: nothing done.", "warning")
            else:
                self._read_again()

        _ = self.app.push_screen(Write(words), typed)

    def action_leave(self) -> None:
        """The light goes out with the screen."""
        self._switch(on=False)
        super().action_leave()

    def _read_again(self) -> None:
        """What is in that bay now may be another disk than when the screen was opened."""
        self.say("Reading the serial number in that bay again...")
        self.desk.gateway.ask(self, DISKS, then=self._compare, refused=self.say_error)

    def _compare(self, found: DiskList) -> None:
        old = self._old
        here = [disk for disk in found.disks if disk.serial == old.serial or disk.bay == old.bay]
        same = next((disk for disk in here if disk.serial == old.serial), None)
        if same is None or same.bay != old.bay or same.missing != old.missing:
            there = ", ".join(disk.serial for disk in here if not disk.missing) or "nothing"
            self.say(f"In {old.where} there is {there} now. Leave and look again.", "critical")
            return
        request = self._request()
        self.desk.gateway.ask(
            self,
            PLAN_MAKE,
            request,
            then=lambda plan: preview(self, plan, request, leave=True),
            refused=self._refused,
        )

    def _request(self) -> PlanRequest:
        given = {} if self._new == _ANY else {"with": self._new}
        resource = f"disk/{self._old.serial}"
        return PlanRequest(
            action=ActionRequest(resource=resource, verb="replace", arguments=dict(given))
        )

    def _ask_plan(self) -> None:
        self.say("Planning...")
        self.desk.gateway.ask(
            self, PLAN_MAKE, self._request(), then=self._planned, refused=self._refused
        )

    def _planned(self, plan: Plan) -> None:
        self._plan, self._refusal = plan, None
        self.say("")
        self._show()

    def _refused(self, error: ApplianceError) -> None:
        self._plan, self._refusal = None, error
        self.say("")
        self._show()

    def _switch(self, *, on: bool) -> None:
        """A light that cannot be switched keeps nobody from going on."""
        if not on and not (self._light and self._light.on):
            return
        self.desk.gateway.ask(
            self, DISK_LIGHT_SET, LightSwitch(on=on), then=self._lit, refused=lambda _: None,
            disk=self._old.serial,
        )  # fmt: skip

    def _lit(self, light: Light) -> None:
        self._light = light
        self._show()

    def _seen(self, found: DiskList) -> None:
        free = [
            Row(disk.serial, (disk.bay or NOTHING, disk.serial, size(disk.size),
                              f"{disk.transport} {disk.medium}", disk.model or NOTHING))
            for disk in found.disks
            if disk.role in BLANK and disk.size and not disk.missing
        ]  # fmt: skip
        self._table.show(HEADERS, [Row(_ANY, (_ANY, "what fits best", "", "", "")), *free])
        self._show()

    def _show(self) -> None:
        rewrite(self._text, text_of(self._lines()))

    def _lines(self) -> Iterator[Line]:
        old = self._old
        yield (Span(f"leaves: {old.where}, pool {old.pool}, tier {old.tier or NOTHING}", "bold"),)
        if old.missing:
            yield (Span("It does not answer; what it held is made from the other disks."),)
        else:
            yield (Span(f"verdict: {old.verdict.verdict}. {old.verdict.next_step}"),)
        if self._light is not None:
            state = "LIT" if self._light.on else "dark"
            words = state if self._light.available else "this bay cannot be lit"
            yield (Span(f"locate light: {words}"),)
        if self._refusal is not None:
            yield (Span(f"refused: {self._refusal.message}", "critical"),)
            yield (Span(f"next: {self._refusal.hint}"),)
        if self._plan is not None:
            comes = [claim for claim in self._plan.claims if claim.serial != old.serial]
            for claim in comes:
                where = f"bay {claim.bay}" if claim.bay else "no bay"
                yield (Span(f"comes: {where} (serial {claim.serial}), {size(claim.size)}", "bold"),)
            yield from (
                (Span("warning: ", "warning"), Span(words)) for words in self._plan.warnings
            )
            yield from ((Span(f"- {words}"),) for words in self._plan.notes)
            yield (
                Span(
                    f"{len(self._plan.steps)} steps; enter chooses another disk, ^s goes on to the bay"
                ),
            )
