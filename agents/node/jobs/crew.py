"""The threads that work on jobs: one acts, the others wait; and what is left of those that died."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from agents.node.jobs.bench import Told
from agents.node.jobs.edges import Interrupted
from agents.node.jobs.turn import Hold
from agents.node.jobs.words import next_step
from appliance.errors import ApplianceError
from appliance.model.job import ENDED, Job, JobState
from appliance.state.journal import Journal

LOG: Final = logging.getLogger(__name__)

DEFECTS: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, OSError,
                  RuntimeError, TypeError, ValueError)  # fmt: skip
"""What a defect of ours or of a library raises; anything else ends the process, as it should."""


class Crew:
    """However a thread ends, its job must not look as if it still ran."""

    def __init__(self, journal: Journal, told: Told) -> None:
        self._journal = journal
        self._told: tuple[Told, ...] = (told,)
        self._threads: dict[int, threading.Thread] = {}
        """By the number of each job that is worked on."""

    def tell(self, told: Told) -> None:
        """Have someone told of every job that has come to rest."""
        self._told = (*self._told, told)

    def work(self, numbers: tuple[int, ...], work: Callable[[], None], hold: Hold) -> None:
        """Work on a job, and on those it takes along, in a thread that holds the turn."""
        thread = threading.Thread(
            target=self._guarded, args=(numbers[0], work, hold), name=f"apply-{numbers[0]}",
            daemon=True,
        )  # fmt: skip
        kept = {key: at for key, at in self._threads.items() if at.is_alive()}
        self._threads = kept | dict.fromkeys(numbers, thread)
        thread.start()
        hold.keep()

    def join(self, timeout_s: float) -> bool:
        """Wait for all threads that long; whether they have ended."""
        deadline = time.monotonic() + timeout_s
        threads = tuple(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def settle(self) -> tuple[Job, ...]:
        """Judge the jobs that no thread works on any more; those that are unknown now."""
        for job in self._journal.jobs(unfinished=True):
            if job.state in ENDED or self._works_on(job.number):
                continue
            if job.state is JobState.WAITING:
                self.never_started(job.number, "The agent ended before the job started")
            else:
                self._unknown(job.number, "The agent or the node stopped while the job ran.")
            self.rests(job.number)
        open_jobs = self._journal.jobs(unfinished=True)
        return tuple(job for job in open_jobs if job.state is JobState.UNKNOWN)

    def never_started(self, number: int, why: str) -> None:
        """Nothing of a job was done."""
        self._journal.move(
            number,
            JobState.FAILED,
            error=f"{why}; nothing was changed.",
            next_step="Apply again.",
            unfinished=False,
        )

    def rests(self, number: int) -> None:
        """A job has come to rest."""
        job = self._journal.job(number)
        for told in self._told:
            told(job)

    def _works_on(self, number: int) -> bool:
        thread = self._threads.get(number)
        return thread is not None and thread.is_alive()

    def _guarded(self, number: int, work: Callable[[], None], hold: Hold) -> None:
        """The thread's top. When not even the end can be written down (a full disk), `settle`
        does it later."""
        try:
            try:
                self._come_to_rest(number, work)
            finally:
                hold.give()
            self.rests(number)
        except ApplianceError:
            LOG.exception("the end of job %d could not be written down", number)

    def _come_to_rest(self, number: int, work: Callable[[], None]) -> None:
        try:
            work()
        except Interrupted:
            self._unknown(number, "The agent was stopped while the job ran.")
        except (ApplianceError, *DEFECTS) as error:
            LOG.exception("job %d was cut off", number)
            self._unknown(number, f"The job was cut off: {error}")

    def _unknown(self, number: int, why: str) -> None:
        for item in self._journal.chain(number):
            if self._journal.job(item).state not in ENDED:
                self._journal.move(item, JobState.UNKNOWN, error=why, next_step=next_step(number))
