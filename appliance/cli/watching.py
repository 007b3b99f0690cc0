"""Following a job: a bar on a terminal, a line a step elsewhere; ctrl-C lets the job go on."""

from __future__ import annotations

import sys
from typing import Final

from appliance.api.contract import JOB_GET, JobQuery
from appliance.cli import render
from appliance.cli.network_keep import keep_network, waits_for_word
from appliance.cli.session import Session
from appliance.errors import StepFailedError
from appliance.model.job import ENDED, Job, JobState, StepRecord, StepState

_WAIT_S: Final = 30
_BAR: Final = 20
_OVER: Final = frozenset({StepState.ENDED, StepState.FAILED, StepState.UNDONE})


def watch(session: Session, job: Job, *, yes: bool = False) -> Job:
    """Follow a job to its end; a change of the network is kept on the way if that is agreed to.

    Raises KeyboardInterrupt with how to come back; the job goes on.
    """
    view, asked = _View(session), False
    try:
        view.show(job)
        while job.state not in ENDED:
            if not asked and waits_for_word(job):
                asked = True
                keep_network(session, yes=yes)
            query = JobQuery(after=job.seq, wait=_WAIT_S)
            job = session.client().call(JOB_GET, query, number=str(job.number))
            view.show(job)
    except KeyboardInterrupt:
        words = f"The job goes on without you: appliance job watch {job.number}"
        raise KeyboardInterrupt(words) from None
    finally:
        view.clear()
    return job


def report(session: Session, job: Job) -> int:
    """Say how a job ended. Raises StepFailedError unless it ended well: one that was taken back
    because it failed has an error, one that was taken back on request has none."""
    if session.as_json:
        print(job.model_dump_json(indent=2))
    if job.state is JobState.DONE or (job.state is JobState.UNDONE and not job.error):
        if not session.as_json:
            print(f"job {job.number} {render.paint(job.state, 'ok')}: {job.summary}")
        return 0
    raise StepFailedError(
        f"Job {job.number} is {job.state}: {job.error or job.summary}",
        hint=job.next_step or f"See what ran: appliance job show {job.number}",
        subject=f"job/{job.number}",
    )


class _View:
    """What has been shown of a job so far."""

    def __init__(self, session: Session) -> None:
        self._stream = sys.stderr
        self._bar = self._stream.isatty() and not session.as_json
        self._told: set[tuple[int, StepState]] = set()
        self._tenths: set[tuple[int, int]] = set()
        self._quiet = session.as_json

    def show(self, job: Job) -> None:
        """Bring the view up to date."""
        if self._quiet:
            return
        if self._bar:
            self._stream.write(f"\r\033[K{_bar_line(job)}")
            self._stream.flush()
            return
        for step in job.steps:
            self._show_progress(step, len(job.steps))
            mark = (step.number, step.state)
            if step.state in _OVER and mark not in self._told:
                self._told.add(mark)
                self._stream.write(f"{step.number}/{len(job.steps)} {step.state}: {step.title}\n")

    def _show_progress(self, step: StepRecord, total: int) -> None:
        """How far a long step is, a line each tenth of it."""
        percent = _percent(step)
        if percent is None or (step.number, percent // 10) in self._tenths:
            return
        self._tenths.add((step.number, percent // 10))
        self._stream.write(f"{step.number}/{total} {step.title}: {step.output}\n")

    def clear(self) -> None:
        """Leave a clean line behind."""
        if self._bar:
            self._stream.write("\r\033[K")
            self._stream.flush()


def _bar_line(job: Job) -> str:
    total = len(job.steps)
    over = sum(step.state in _OVER for step in job.steps)
    filled = _BAR * over // total if total else 0
    now = _current(job.steps)
    title = now.title if now else str(job.state)
    far = f": {now.output}" if now and _percent(now) is not None else ""
    return f"[{'#' * filled}{'.' * (_BAR - filled)}] {over}/{total} {title[:48]}{far}"


def _current(steps: tuple[StepRecord, ...]) -> StepRecord | None:
    return next((step for step in steps if step.state is StepState.BEGUN), None)


def _percent(step: StepRecord) -> int | None:
    """Whole percent a step says it is at while it runs; None when it says nothing of the kind."""
    first = step.output.partition(" %")[0]
    return int(first) if step.state is StepState.BEGUN and first.isdigit() else None
