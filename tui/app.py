"""The console: places one goes between, the node's heartbeat, help, the palette."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar, Final

from textual import events, on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from appliance.api.contract import JOB_ABANDON, JOB_FINISH, JOB_UNDO, JOBS, KINDS, STATUS
from appliance.api.wire import JobList, KindList, KindView, Status
from appliance.errors import ApplianceError
from appliance.model.job import ENDED, Job
from tui.desk import Desk
from tui.gateway import Answered, Gateway, LinkChanged
from tui.look import CSS, PLAIN_THEME, RICH, RICH_THEME
from tui.screens.alerts import Alerts
from tui.screens.ask import Ask
from tui.screens.audit import AuditLog
from tui.screens.disks import Disks
from tui.screens.first_boot import FirstBoot
from tui.screens.help import Help, entries_of
from tui.screens.home import Home
from tui.screens.jobs import Jobs
from tui.screens.palette import Command, Palette
from tui.screens.place import (
    ALERTS,
    AUDIT,
    DISKS,
    FIRST_BOOT,
    HOME,
    SECRETS,
    Place,
    Settle,
    places_of,
)
from tui.screens.place import JOBS as JOBS_PLACE
from tui.screens.preview import follow, preview
from tui.screens.resources import Resources
from tui.screens.secrets import Secrets

DIGITS: Final = "1234567890"
HEARTBEAT_S: Final = 3.0
"""How often the list of jobs is read: cheap for the node, and it says whether the node is there."""
IDLE_STATUS: Final = 124
"""Exit status when nobody was there any more, as timeout(1) has it: no shell may be left open."""
_RETRY_S: Final = (1, 2, 4, 8)
_KEYS_IN_WORDS: Final = {
    "upper_arrow": "up", "question_mark": "?", "slash": "/", "full_stop": ".", "comma": ",",
    "escape": "esc", "pagedown": "pgdn", "pageup": "pgup",
}  # fmt: skip

_FROM_PLACES: Final = frozenset({"palette", "place", "leave_console"})

FIXED: Final[dict[str, Callable[[Desk, str], Place]]] = {
    HOME: Home, DISKS: Disks, JOBS_PLACE: Jobs, ALERTS: Alerts, SECRETS: Secrets,
    AUDIT: AuditLog, FIRST_BOOT: FirstBoot,
}  # fmt: skip
"""Places that are no kinds."""


class Console(App[None]):
    """The whole of it."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "appliance"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g,colon", "palette", "Go to...", key_display="g"),
        Binding("ctrl+p", "palette", "Go to..."),  # shown where a letter is typed into a field
        *(Binding(key, f"place({key})", "Place of that number", show=False) for key in DIGITS),
        Binding("q", "leave_console", "Quit"),
        Binding("ctrl+l", "draw", "Draw the screen anew", show=False, priority=True),
        Binding("ctrl+q", "quit", "Quit at once", show=False),
    ]

    def __init__(self, gateway: Gateway, *, plain: bool, idle_s: float = 0) -> None:
        """`idle_s`: leave when nobody has pressed a key for so long; 0 stays for ever."""
        self.desk = Desk(gateway, plain=plain)
        # Said before the theme is: NO_COLOR would paint black on black otherwise.
        super().__init__(css_path=None, ansi_color=True if plain else None)
        self.stylesheet.add_source(CSS if plain else CSS + RICH, read_from=("tui", "look"))
        self._idle_s = idle_s
        self._untouched_s = 0.0
        self._retries = 0
        self._countdown = 0.0
        self._looked_for = 0.0
        self._asked_jobs = False
        self._asked_status = False

    def on_mount(self) -> None:
        """Go home, ask for the kinds, begin the heartbeat."""
        self.theme = PLAIN_THEME if self.desk.plain else RICH_THEME
        self.desk.gateway.watch(self)
        self._switch(HOME)
        self._begin()
        self.set_interval(1.0, self._second)

    async def on_event(self, event: events.Event) -> None:
        """See App: anything a person does counts as being there."""
        if isinstance(event, events.InputEvent | events.Paste):
            self._untouched_s = 0.0
        await super().on_event(event)

    def get_key_display(self, binding: Binding) -> str:
        """See App: plain words, no arrows or symbols that a console font lacks."""
        if binding.key_display:
            return binding.key_display
        modifiers, key = binding.parse_key()
        word = _KEYS_IN_WORDS.get(key, key)
        return f"^{word}" if "ctrl" in modifiers else "+".join([*modifiers, word])

    @property
    def place(self) -> Place | None:
        """The screen in front, when it is one of ours; a dialog stands on the one behind it."""
        return next((item for item in reversed(self.screen_stack) if isinstance(item, Place)), None)

    @on(Answered)
    def _answered(self, message: Answered) -> None:
        if self.is_running:  # what comes while the app ends finds no widgets any more
            message.tell()

    @on(LinkChanged)
    def _link_changed(self, message: LinkChanged) -> None:
        was_lost = self.desk.lost is not None
        self.desk.lost = message.error
        if message.error is None:
            self._retries = 0
            self.desk.retry_in_s = 0
            if was_lost and not self.desk.kinds:
                self._begin()
            elif was_lost and self.place is not None:
                self.place.look()
        else:
            self._countdown = _RETRY_S[min(self._retries, len(_RETRY_S) - 1)]
            self._retries += 1
            self.desk.retry_in_s = int(self._countdown)
        self._tell()

    @on(Settle)
    def _settle(self, message: Settle) -> None:
        place, job = message.place, message.job
        ask = partial(self.desk.gateway.ask, place, number=str(job.number))
        if message.verb == "finish":
            ask(JOB_FINISH, then=lambda plan: preview(place, plan, None), refused=place.say_error)
            return
        undo = message.verb == "undo"
        question = (
            f"Undo job {job.number}? Its steps are taken back, the last one first."
            if undo
            else f"Give job {job.number} up? What it has done stays as it stands."
        )

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - as push_screen calls it
            if yes:
                call = JOB_UNDO if undo else JOB_ABANDON
                ask(call, then=lambda job: follow(place, job.number), refused=place.say_error)

        _ = self.push_screen(Ask(question), answered)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """One leaves from a place only: a stray key must not lose what was typed into a form."""
        del parameters
        return action not in _FROM_PLACES or (
            isinstance(self.screen, Place) and bool(self.screen.where)
        )

    def action_leave_console(self) -> None:
        """Quit, from a place."""
        self.call_later(self.run_action, "quit")

    def action_draw(self) -> None:
        """All of the screen once more: others write on a serial line, or one has just come to it."""
        self.refresh(layout=True)

    def action_place(self, digit: int) -> None:
        """Go to the place with that digit."""
        where = next((where for key, where, _ in places_of(self.desk) if key == str(digit)), "")
        self.action_go(where)

    def action_go(self, where: str) -> None:
        """Go to a place."""
        if where:
            self._switch(where)

    def action_help(self) -> None:
        """The keys of the screen in front."""
        screen = self.screen
        if isinstance(screen, Place):
            title = screen.heading or "home"
            _ = self.push_screen(Help(title, entries_of(screen)))

    def action_palette(self) -> None:
        """Everything by name."""
        if isinstance(self.screen, Place):
            commands = self._commands(self.screen)
            _ = self.push_screen(Palette(commands), self._do)

    async def action_quit(self) -> None:
        """Leave at once; what the node is doing goes on."""
        self.desk.gateway.close()
        self.exit()

    def _commands(self, place: Place) -> Iterable[Command]:
        for key, where, title in places_of(self.desk):
            yield Command(f"Go to {title}", key, f"go('{where}')")
        for kind in self.desk.places:
            yield Command(f"New {kind.noun}", "", f"make('{kind.noun}')")
        for active in place.active_bindings.values():
            binding = active.binding
            if (
                binding.show
                and active.enabled
                and active.node is place
                and "." not in binding.action
            ):
                name = f"{binding.description} ({place.heading or 'home'})"
                yield Command(name, self.get_key_display(binding), f"screen.{binding.action}")

    def _do(self, action: str | None) -> None:
        if action:
            self.call_later(self.run_action, action)

    def action_make(self, noun: str) -> None:
        """A form for a new thing of a kind, on top of the kind's place."""
        self.action_go(noun)
        self.call_later(self.run_action, "screen.new")

    def _switch(self, where: str) -> None:
        place = self._make(where)
        if place is None:
            return
        show = self.switch_screen if isinstance(self.screen, Place) else self.push_screen
        _ = show(place)
        self._looked_for = 0.0

    def _make(self, where: str) -> Screen[int | None] | None:
        if where in FIXED:
            return FIXED[where](self.desk, where)
        kind = next((kind for kind in self.desk.places if kind.noun == where), None)
        return self._of_kind(kind) if kind else None

    def _of_kind(self, kind: KindView) -> Resources:
        return Resources(self.desk, kind)

    def _begin(self) -> None:
        ask = self.desk.gateway.ask
        ask(self, KINDS, then=self._kinds, refused=self._told)
        ask(self, JOBS, then=self._jobs, refused=self._told)

    def _kinds(self, found: KindList) -> None:
        self.desk.kinds = found.kinds
        self._tell()
        if self.place is not None:
            self.place.look()

    def _second(self) -> None:
        """Once a second: the heartbeat, a countdown while the node is away, a look now and then."""
        self._untouched_s += 1.0
        if self._idle_s and self._untouched_s >= self._idle_s:
            self.desk.gateway.close()
            words = f"Nobody was here for {self._idle_s / 60:.0f} min. Log in again."
            self.exit(return_code=IDLE_STATUS, message=words)
            return
        self._countdown -= 1.0
        if self.desk.lost is not None:
            self.desk.retry_in_s = max(0, int(self._countdown))
            self._tell()
        if self._countdown <= 0 and not self._asked_jobs:
            self._asked_jobs = True
            self.desk.gateway.ask(self, JOBS, then=self._jobs, refused=self._told)
        self._looked_for += 1.0
        place = self.place
        if place is not None and self._looked_for >= place.LOOK_S and self.desk.lost is None:
            self._looked_for = 0.0
            place.look()

    def _jobs(self, found: JobList) -> None:
        self._asked_jobs = False
        self._countdown = HEARTBEAT_S
        elsewhere = self.place is not None and self.place.where != HOME
        if self.desk.status is None and not self._asked_status and elsewhere:
            # One who left home before it was told what node this is wants to know as well.
            self._asked_status = True
            self.desk.gateway.ask(self, STATUS, then=self._status, refused=self._told)
        before = {job.number: job for job in self.desk.jobs}
        if found.jobs == self.desk.jobs:
            return
        first = not before and self.desk.status is None
        self.desk.jobs = found.jobs
        self._tell()
        if not first and self.place is not None and any(_moved(job, before) for job in found.jobs):
            self._looked_for = 0.0
            self.place.look()
            self.desk.gateway.ask(self, STATUS, then=self._status, refused=self._told)

    def _status(self, status: Status) -> None:
        self._asked_status = False
        self.desk.status = status
        self._tell()

    def _told(self, error: ApplianceError) -> None:
        """A refusal of what the app asked by itself; the banner tells of a node that is away."""
        self._asked_jobs = self._asked_status = False
        if error.code != "unavailable" and self.place is not None:
            self.place.say_error(error)

    def _tell(self) -> None:
        if self.place is not None:
            self.place.desk_changed()


def _moved(job: Job, before: dict[int, Job]) -> bool:
    """Whether a job is new, has begun or has come to rest since."""
    known = before.get(job.number)
    return known is None or (known.state in ENDED) != (job.state in ENDED)
