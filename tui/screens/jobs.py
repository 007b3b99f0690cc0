"""All jobs, newest first; one that was started elsewhere appears by itself."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType

from appliance.api.words import Line, Span, clock
from appliance.model.job import Job
from tui.screens.listing import Listing
from tui.screens.place import Settle, text_of
from tui.screens.preview import follow
from tui.widgets.table import Row, Table
from tui.words import JOB_TONES, UNSETTLED, job_end, job_state


class Jobs(Listing):
    """What was changed, by whom, and how it ended."""

    HEADING = "jobs"
    EMPTY = "nothing was ever changed here"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open"),
        Binding("f", "settle('finish')", "Finish"),
        Binding("u", "settle('undo')", "Undo"),
        Binding("a", "settle('abandon')", "Abandon"),
    ]

    def desk_changed(self) -> None:
        """See Place: the app keeps the list of jobs young."""
        super().desk_changed()
        if self.is_mounted:
            self.table.show(
                ("JOB", "STATE", "WHO", "BEGUN (UTC)", "WHAT"), map(_row, self.desk.jobs)
            )
            self.show_detail()
            self.refresh_bindings()

    def detail(self, key: str) -> Text:
        """How it ended and what next."""
        job = self._job(key)
        if job is None:
            return Text()
        told = f"job {job.number} {job_state(job)}: {job.summary}"
        waits = [(Span(job.waits),)] if job.waits else []
        lines: list[Line] = [(Span(told),), *waits, *job_end(job)]
        return text_of(lines)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what did not end well is to be settled."""
        del parameters
        job = self._job(self.table.key)
        return action != "settle" or (job is not None and job.state in UNSETTLED)

    @on(Table.Moved)
    def _settle_keys(self) -> None:
        self.refresh_bindings()

    @on(Table.Chosen)
    def _chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Its steps and their commands."""
        if self.table.key:
            follow(self, int(self.table.key))

    def action_settle(self, verb: str) -> None:
        """Finish, undo or abandon it."""
        job = self._job(self.table.key)
        if job is not None:
            self.post_message(Settle(self, verb, job))

    def _job(self, key: str) -> Job | None:
        return next((job for job in self.desk.jobs if str(job.number) == key), None)


def _row(job: Job) -> Row:
    begun = clock(job.created_at.isoformat())
    cells = (str(job.number), job_state(job), job.who, begun, job.summary)
    return Row(str(job.number), cells, JOB_TONES.get(job.state, ""))
