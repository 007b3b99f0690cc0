"""One job, live: its steps, the exact commands, how it ended, and what is left to settle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from appliance.api.contract import JOB_GET, NETWORK_CONFIRM, JobQuery
from appliance.api.words import Line, Span
from appliance.errors import ApplianceError
from appliance.model.job import ENDED, Job, StepRecord, StepState
from appliance.model.link import CONFIRM_TITLE, REVERT_AFTER_S, NetworkChange
from tui.desk import Desk
from tui.gateway import JOB_WAIT_S
from tui.screens.listing import Listing
from tui.screens.place import Settle, rewrite, text_of
from tui.widgets.table import Row
from tui.words import (
    JOB_TONES,
    STEP_MARKS,
    UNSETTLED,
    current,
    job_bar,
    job_end,
    job_progress,
    step_lines,
)

_STEP_TONES = {StepState.BEGUN: "warning", StepState.FAILED: "critical", StepState.PLANNED: "dim"}


class JobScreen(Listing):
    """Follows a job by long poll; the cursor goes with the running step until one moves it."""

    EMPTY = "no steps: only the record changes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "keep", "Keep the network"),
        Binding("c", "current", "Running step"),
        Binding("f", "settle('finish')", "Finish"),
        Binding("u", "settle('undo')", "Undo"),
        Binding("a", "settle('abandon')", "Abandon"),
    ]

    def __init__(self, desk: Desk, number: int) -> None:
        super().__init__(desk)
        self._number = number
        self._job: Job | None = None
        self._top = Static()
        self._following = True
        self._shown_step = ""
        self._waiting = False
        self.heading = f"job {number}"

    def body(self) -> Iterable[Widget]:
        """The summary above the steps."""
        yield self._top
        yield from super().body()

    def look(self) -> None:
        """Begin to follow, or go on after the node was away."""
        if not self._waiting and (self._job is None or self._job.state not in ENDED):
            self._poll()

    def desk_changed(self) -> None:
        """See Place; a node that is back is asked at once."""
        super().desk_changed()
        if self.is_mounted and self.desk.lost is None:
            self.look()

    def detail(self, key: str) -> Text:
        """The step's exact command and what it said."""
        step = self._step(key)
        return text_of(step_lines(step)) if step else Text()

    def show_detail(self) -> None:
        """See Listing; a row one went to oneself is not left behind."""
        super().show_detail()
        if self.table.key != self._shown_step:
            self._following = False

    def action_current(self) -> None:
        """Back to the running step."""
        self._following = True
        self._seek()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what did not end well is to be settled; only what waits for a word gets it."""
        del parameters
        if action == "keep":
            return waits_for_word(self._job)
        return action != "settle" or (self._job is not None and self._job.state in UNSETTLED)

    def action_settle(self, verb: str) -> None:
        """Finish, undo or abandon it."""
        if self._job is not None:
            self.post_message(Settle(self, verb, self._job))

    def action_keep(self) -> None:
        """Keep the new network settings, over a connection made anew."""
        gateway = self.desk.gateway
        gateway.reconnect()
        gateway.ask(self, NETWORK_CONFIRM, then=self._kept, refused=self.say_error)

    def _kept(self, change: NetworkChange) -> None:
        self.say(f"The new network settings are {change.outcome}: the node still answers.")

    def _poll(self) -> None:
        self._waiting = True
        query = JobQuery() if self._job is None else JobQuery(after=self._job.seq, wait=JOB_WAIT_S)
        self.desk.gateway.ask(
            self, JOB_GET, query, then=self._seen, refused=self._refused, number=str(self._number)
        )

    def _seen(self, job: Job) -> None:
        self._waiting = False
        self._job = job
        rewrite(self._top, text_of(self._lines(job)))
        following = self._following
        self.refresh_bindings()
        self.table.show(("STEP", "", "WHAT"), map(_row, job.steps))
        self._following = following
        self._seek()
        self.show_detail()
        if job.state not in ENDED:
            self._poll()

    def _refused(self, error: ApplianceError) -> None:
        self._waiting = False
        self.say_error(error)

    def _seek(self) -> None:
        step = current(self._job) if self._job else None
        if self._following:
            self._shown_step = str(step.number) if step else self.table.key
            self.table.seek(self._shown_step)

    def _step(self, key: str) -> StepRecord | None:
        steps = self._job.steps if self._job else ()
        return next((step for step in steps if str(step.number) == key), None)

    @staticmethod
    def _lines(job: Job) -> Iterator[Line]:
        state = Span(str(job.state).upper(), JOB_TONES.get(job.state, ""))
        yield Span(f"job {job.number} "), state, Span(f": {job.summary} (by {job.who})")
        yield (Span(job_bar(job)),)
        yield from job_progress(job)
        if waits_for_word(job):
            words = f"THE NETWORK HAS CHANGED and goes back within {REVERT_AFTER_S} s: y keeps it."
            yield (Span(words, "warning"),)
        yield from job_end(job)


def waits_for_word(job: Job | None) -> bool:
    """Whether a job waits until somebody who still reaches the node keeps its network settings."""
    now = current(job) if job else None
    return now is not None and now.state is StepState.BEGUN and now.title == CONFIRM_TITLE


def _row(step: StepRecord) -> Row:
    cells = (str(step.number), STEP_MARKS[step.state], f"[{step.resource}] {step.title}")
    return Row(str(step.number), cells, _STEP_TONES.get(step.state, ""))
