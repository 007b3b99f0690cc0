"""What all screens have: the head, the way to other places, a banner, words, hints from bindings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from appliance.api.words import Line, health_span
from appliance.errors import ApplianceError
from appliance.model.job import Job
from tui.desk import Desk, plural
from tui.gateway import Answered
from tui.look import TONES

HOME, DISKS, JOBS, ALERTS, SECRETS, AUDIT, FIRST_BOOT = (
    "home", "disks", "jobs", "alerts", "secrets", "audit", "first-boot"
)  # fmt: skip


class Settle(Message):
    """A person wants an unfinished job finished, undone or abandoned."""

    def __init__(self, place: Place, verb: str, job: Job) -> None:
        super().__init__()
        self.place = place
        self.verb = verb
        self.job = job


class Place(Screen[int | None]):
    """A screen. Its result is the number of a job that was started on it, if one was."""

    HEADING: ClassVar[str] = ""
    AUTO_FOCUS = ""
    LOOK_S: ClassVar[float] = 30.0
    """How often the node is looked at anew while nothing happens; a look costs it a second."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("question_mark,f1", "app.help", "Help", key_display="?"),
    ]

    def __init__(self, desk: Desk, where: str = "") -> None:
        super().__init__()
        self.desk = desk
        self._frame: dict[str, Text] = {}
        self.heading = self.HEADING
        self.where = where
        """Which of the places this is; empty for a screen on top of one."""

    def compose(self) -> ComposeResult:
        """The frame; `body` fills it."""
        yield Static(id="head")
        if self.where:
            yield Static(id="nav")
        yield Static(id="banner")
        with Vertical(id="body"):
            yield from self.body()
        yield Static(id="said")
        yield Static(id="hints")

    def body(self) -> Iterable[Widget]:
        """The screen's own part."""
        return ()

    def look(self) -> None:
        """Ask the node for what this screen shows."""

    def first_focus(self) -> Widget | None:
        """Where the cursor is at first."""
        return None

    def on_mount(self) -> None:
        """Fill the frame and ask."""
        self.desk_changed()
        self.bindings_updated_signal.subscribe(self, lambda _: self._hint())
        focus = self.first_focus()
        if focus is not None:
            self.set_focus(focus)
        self._hint()
        self.look()

    def on_screen_resume(self) -> None:
        """What changed while another screen was on top."""
        self.desk_changed()

    def desk_changed(self) -> None:
        """The state the screens share has changed."""
        if not (self.is_mounted and self.app.is_running):
            return
        self._put("#head", self._head())
        if self.where:
            self._put("#nav", self._nav())
        banner, lost = self.query_one("#banner", Static), self.desk.lost
        banner.set_class(lost is not None, "shown")
        if lost is not None:
            wait = f"again in {self.desk.retry_in_s} s" if self.desk.retry_in_s else "trying now"
            banner.update(
                Text(f"NO ANSWER ({wait}; what you typed is kept): {lost.message} {lost.hint}")
            )

    def say(self, words: str, tone: str = "") -> None:
        """A line for the person, until the next one."""
        said = self.query_one("#said", Static)
        said.update(Text(words, style=TONES[tone]))
        said.set_class(bool(words), "shown")

    def say_error(self, error: ApplianceError) -> None:
        """What is wrong and what next. That the node does not answer is told by the banner."""
        if error is self.desk.lost or error.code == "unavailable":
            return
        details = "".join(f" - {item}" for item in error.details if item not in error.message)
        self.say(f"error: {error.message}{details} next: {error.hint}", "critical")

    @on(Answered)
    def _answered(self, message: Answered) -> None:
        if self.app.is_running:
            message.tell()

    def on_resize(self, event: events.Resize) -> None:
        """The frame's lines depend on the width."""
        del event
        self.desk_changed()
        self._hint()

    def action_leave(self) -> None:
        """Back to what was there before; from a place of its own, home."""
        if self.where:
            self.app.call_later(self.app.run_action, f"go('{HOME}')")
        else:
            _ = self.dismiss(None)

    def _head(self) -> Text:
        status, running = self.desk.status, self.desk.running
        name = f" {status.host.hostname} ({status.host.profile})" if status else " connecting..."
        well = ""
        if self.desk.lost is not None:
            well = "NO ANSWER"
        elif status is not None:
            well = health_span(status.model_dump(mode="json")).text
        jobs = f"{len(running)} running" if running else ""
        right = "  ".join(filter(None, (jobs, well))) + " "
        title = self.heading and f": {self.heading}"
        left = f"{name}{title}"
        room = max(0, self.size.width - len(right))
        return Text(f"{left[:room].ljust(room)}{right}"[: max(1, self.size.width)], no_wrap=True)

    def _nav(self) -> Text:
        places = places_of(self.desk)
        words = [
            f"[{key} {title}]" if where == self.where else f" {key} {title} "
            for key, where, title in places
            if key
        ]
        line = "".join(words).replace("  ", " ").strip()
        if len(line) > self.size.width:
            line = "  ".join([*(word for word in words if word.startswith("[")), "g go to..."])
        return Text(line, no_wrap=True)

    def _hint(self) -> None:
        """The keys that work here now, the screen's own first."""
        if self.is_mounted:
            self._put("#hints", Text(hints(self), no_wrap=True))

    def _put(self, line: str, text: Text) -> None:
        """Write one of the frame's lines, if it says something else: a serial line is slow."""
        if self._frame.get(line) != text:
            self._frame[line] = text
            self.query_one(line, Static).update(text, layout=False)


def rewrite(static: Static, text: Text) -> None:
    """Other words in a place, if they are other words: equal ones cost no repaint."""
    if static.content != text:
        static.update(text)


def hints(screen: Screen[int | None]) -> str:
    """One line of keys and what they do, from the bindings; what finds no room is told by help."""
    shown: dict[str, str] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.show and active.enabled and binding.description not in shown.values():
            shown[screen.app.get_key_display(binding)] = binding.description
    last = [key for key in ("?", "f1", "q") if key in shown]
    words = [f"{key} {shown[key]}" for key in shown if key not in last]
    end = "  ".join(f"{key} {shown[key]}" for key in last)
    while words and len("  ".join([*words, end])) > screen.size.width:
        words.pop()
    return "  ".join([*words, end])


def places_of(desk: Desk) -> tuple[tuple[str, str, str], ...]:
    """Key, name and title of every place: home, disks, each kind, jobs, alerts, and those without a digit.

    There are ten digits: what has none is reached by `g`.
    """
    names = [(HOME, "Home"), (DISKS, "Disks")]
    names += [(kind.noun, plural(kind.noun)) for kind in desk.places]
    keys = iter("12345678")
    return (
        *((next(keys, ""), where, title) for where, title in names),
        ("9", JOBS, "Jobs"),
        ("0", ALERTS, "Alerts"),
        ("", SECRETS, "Secrets"),
        ("", AUDIT, "Audit"),
        ("", FIRST_BOOT, "First boot"),
    )


def text_of(lines: Iterable[Line]) -> Text:
    """Lines of spans as a text, each span in its tone."""
    text = Text()
    for number, line in enumerate(lines):
        if number:
            text.append("\n")
        for span in line:
            text.append(span.text, TONES[span.tone])
    return text
