"""Preview -> confirm -> job: the one way every change on the console goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static

from appliance.api.contract import JOB_FINISH, JOB_START, PLAN_MAKE
from appliance.api.wire import ApplyRequest
from appliance.errors import ApplianceError, StaleError
from appliance.model.job import Job
from appliance.model.plan import Plan, PlanRequest
from tui.desk import Desk
from tui.look import TONES
from tui.screens.job import JobScreen
from tui.screens.place import Place, text_of
from tui.words import plan_lines


def preview(place: Place, plan: Plan, request: PlanRequest | None, *, leave: bool = False) -> None:
    """Show a plan on top of a screen; if a job comes of it, that is followed next.

    With `leave` the screen beneath goes with it: a form whose work is done.
    """

    def after(number: int | None) -> None:
        if number is None:
            return
        if leave:
            _ = place.dismiss(number)
        else:
            follow(place, number)

    _ = place.app.push_screen(Preview(place.desk, plan, request), after)


def follow(place: Place, number: int | None) -> None:
    """Watch a job on top of a screen, then look again at what that screen shows."""
    if number is not None:
        _ = place.app.push_screen(JobScreen(place.desk, number), lambda _: place.look())


class Preview(Place):
    """What would be done and what would be lost. Nothing has happened yet."""

    HEADING = "preview, nothing is done yet"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "carry_out", "Carry it out"),
        Binding("escape", "leave", "Back, change nothing"),
    ]

    def __init__(self, desk: Desk, plan: Plan, request: PlanRequest | None) -> None:
        super().__init__(desk)
        self._plan = plan
        self._request = request
        self._text = Static()
        self._asking = False

    def body(self) -> Iterable[Widget]:
        """One text that scrolls."""
        yield VerticalScroll(self._text, classes="scroll")

    def first_focus(self) -> Widget | None:
        """So that the arrow keys scroll."""
        return self.query_one(VerticalScroll)

    def look(self) -> None:
        """A plan is shown as it was made."""
        self._text.update(text_of(plan_lines(self._plan)))

    def action_carry_out(self) -> None:
        """Ask for what must be typed, then begin."""
        if self._asking:
            return
        if self._plan.empty and self._plan.same_wish:
            self.say("There is nothing to carry out.")
            return
        _ = self.app.push_screen(Confirm(self._plan), self._confirmed)

    def _confirmed(self, tokens: frozenset[str] | None) -> None:
        if tokens is None:
            self.say("Not agreed to; nothing was done.")
            return
        self._asking = True
        request = ApplyRequest(plan_id=self._plan.id, digest=self._plan.digest, confirm=tokens)
        self.desk.gateway.ask(self, JOB_START, request, then=self._started, refused=self._refused)

    def _started(self, job: Job) -> None:
        _ = self.dismiss(job.number)

    def _refused(self, error: ApplianceError) -> None:
        self._asking = False
        if isinstance(error, StaleError):
            self._plan_again()
            return
        if error.code == "unavailable":
            self.say(f"{error.message} If the job was begun is told by: Jobs (9).", "warning")
            return
        self.say_error(error)

    def _plan_again(self) -> None:
        """The node changed between preview and apply: show what the plan is now."""
        ask, then = self.desk.gateway.ask, self._replanned
        if self._request is not None:
            ask(self, PLAN_MAKE, self._request, then=then, refused=self.say_error)
        elif self._plan.continues is not None:
            number = str(self._plan.continues)
            ask(self, JOB_FINISH, then=then, refused=self.say_error, number=number)

    def _replanned(self, plan: Plan) -> None:
        self._plan = plan
        self.look()
        self.say("The node has changed since the preview. This is the plan now.", "warning")


class Confirm(ModalScreen[frozenset[str] | None]):
    """Names and serials are typed before data is destroyed; anything else is one key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "dismiss(None)", "No"),
        Binding("y", "agree", "Yes"),
    ]

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan
        self._inputs = [(item, Input(compact=True)) for item in plan.confirmations]
        self._wrong = Static(classes="wrong")

    def compose(self) -> ComposeResult:
        """A line to type in for each thing to confirm."""
        with VerticalScroll(classes="box"):
            if not self._inputs:
                count = len(self._plan.steps)
                yield Static(f"Carry out {count} step{'' if count == 1 else 's'}?")
                yield Static("y yes   n no")
            for item, box in self._inputs:
                yield Static(Text(f"DESTROYS DATA: {item.why}", style=TONES["critical"]))
                yield Static(Text(f"Type {item.token} to confirm:"))
                yield box
            yield self._wrong

    def on_mount(self) -> None:
        """One types at once."""
        if self._inputs:
            self._inputs[0][1].focus()

    @on(Input.Submitted)
    def _next(self) -> None:
        for item, box in self._inputs:
            if box.value.strip() != item.token:
                words = f"This is not {item.token}. Type exactly what is asked for, or escape."
                self._wrong.update(words)
                self._wrong.set_class(bool(box.value), "shown")
                box.focus()
                return
        _ = self.dismiss(frozenset(item.token for item, _ in self._inputs))

    def action_agree(self) -> None:
        """Yes, where nothing need be typed."""
        if not self._inputs:
            _ = self.dismiss(frozenset())
