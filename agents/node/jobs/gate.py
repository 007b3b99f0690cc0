"""What may begin now: whose turn it is, and whether a plan still fits the node and the wish."""

from __future__ import annotations

from typing import Final

from agents.node.jobs.bench import Bench
from agents.node.jobs.claims import claims_of
from agents.node.jobs.crew import Crew
from agents.node.jobs.fresh import no_longer_fits
from agents.node.jobs.outlived import still_running
from agents.node.jobs.reach import (
    aside_of,
    beside,
    gone_on_with,
    is_own,
    reach_of,
    touched_by,
)
from agents.node.jobs.turn import Hold, Turn
from agents.node.jobs.words import busy, held_back, next_step
from appliance.errors import BusyError, ConfirmationError, RefusedError, StaleError
from appliance.kinds.load import typed
from appliance.model.job import ENDED, Job, JobState
from appliance.model.plan import Plan
from appliance.model.resource import Resource
from appliance.planner.beside import touched

SOON_S: Final = 5.0
"""A job that is written down as ended gives the turn up within moments."""


class Gate:
    """Everything that is asked before a job begins. Raises, or lets it through."""

    def __init__(self, bench: Bench, crew: Crew, turn: Turn) -> None:
        self._bench = bench
        self._journal = bench.journal
        self._crew = crew
        self._turn = turn

    def turn_for(self) -> Hold:
        """The turn for a job that is to begin.

        Raises BusyError while another job acts.
        """
        self._crew.settle()
        acting = [job for job in self._journal.jobs(unfinished=True) if job.acts]
        hold = None if acting else self._turn.begin(SOON_S)
        if hold is None:
            waiting = [job for job in self._journal.jobs(unfinished=True) if job.waits]
            raise busy((*acting, *waiting))
        return hold

    def check_settled(self, chain: tuple[int, ...]) -> None:
        """Nothing new is begun beside a job that was cut off. One that was cut off as well is
        settled beside it, when neither changes what the other does: they ran side by side."""
        mine = touched_by(self._journal, chain)
        settled = {*chain, *gone_on_with(self._journal)}
        for job in self._journal.jobs(unfinished=True):
            theirs = touched_by(self._journal, self._journal.chain(job.number))
            cut_off = job.state is JobState.UNKNOWN and job.number not in settled
            if cut_off and (not chain or mine & theirs):
                raise BusyError(
                    f"Job {job.number} was cut off and must be settled first.",
                    hint=next_step(job.number),
                    subject=f"job/{job.number}",
                )

    def check_beside(self, plan: Plan | None, chain: tuple[int, ...] = ()) -> None:
        """Raises BusyError for what a job that waits is changing."""
        mine = touched_by(self._journal, chain) | (touched(plan) if plan else frozenset())
        for job in beside(self._journal, chain):
            common = mine & touched_by(self._journal, self._journal.chain(job.number))
            if common:
                raise held_back(job, common)

    def check_confirmed(self, plan: Plan, confirm: frozenset[str]) -> None:
        """Raises ConfirmationError with the missing tokens as `details`."""
        missing = {item.token: item.why for item in plan.confirmations if item.token not in confirm}
        if missing:
            tokens = " ".join(f"--confirm {token}" for token in missing)
            why = "; ".join(f"{token}: {why}" for token, why in missing.items())
            raise ConfirmationError(
                f"The plan destroys data and was not confirmed: {why}.",
                hint=f"If that is what you want, repeat with: {tokens}",
                details=missing,
            )

    def check_fresh(self, plan: Plan, chain: tuple[int, ...]) -> None:
        """Raises StaleError when node, wish or what is to be left alone are not as planned for."""
        now = typed(self._bench.kinds, self._wanted_before(chain))
        if _by_id(now) != _by_id(typed(self._bench.kinds, plan.before)):
            raise _stale(plan, "The wish is no longer what it was when the plan was made.")
        aside = aside_of(self._journal, chain)
        if not (chain and is_own(self._journal, chain)) and not aside <= frozenset(plan.aside):
            raise _stale(plan, "A job has begun to wait since the plan was made.")
        seen = self._bench.observe(claims_of(self._journal))
        if why := no_longer_fits(self._bench, plan, chain, seen):
            raise _stale(plan, f"The node is no longer as it was when the plan was made. {why}")

    def unfinished(self, number: int) -> Job:
        """A job that can be settled.

        Raises RefusedError for one with nothing left, BusyError for one that runs, and while a
        command that outlived the agent does.
        """
        self._crew.settle()
        job = self._journal.job(number)
        if job.state not in ENDED:
            raise busy((job,))
        unfinished = self._journal.jobs(unfinished=True)
        if all(item.number != number for item in unfinished):
            raise RefusedError(
                f"Job {number} is {job.state}; nothing of it is left to finish or undo.",
                hint="List the jobs with: appliance job list",
                subject=f"job/{number}",
            )
        cut_off = (item for item in unfinished if item.state is JobState.UNKNOWN)
        for item in (job, *(item for item in cut_off if item.number != number)):
            self._check_quiet(item)
        return job

    def check_newest(self, number: int) -> None:
        """Raises RefusedError for a job that another one went on with."""
        for job in self._journal.jobs(unfinished=True):
            if number in self._journal.chain(job.number)[1:]:
                raise RefusedError(
                    f"Job {job.number} went on with job {number}, so it is to be undone first.",
                    hint=f"Take back both: appliance job undo {job.number}",
                    subject=f"job/{number}",
                )

    def _wanted_before(self, chain: tuple[int, ...]) -> tuple[Resource, ...]:
        """The wish a plan must stand on: the present one; for one that goes on with a job, what
        that job stood on, with what others changed since."""
        if not chain:
            return self._bench.desired.resources()
        older = self._journal.plan(self._journal.job(chain[0]).plan_id)
        return reach_of(self._bench, older, chain).before

    def _check_quiet(self, job: Job) -> None:
        """A command outlives an agent that was killed."""
        plan = self._journal.plan(job.plan_id)
        executed = self._journal.executed(job.number)
        outlived = still_running(plan, executed, self._bench.actor.files)
        if outlived is not None:
            raise BusyError(
                f"Step {outlived.step} of job {job.number} ({outlived.title}) still runs, as "
                f"process {outlived.pid}; it outlived the agent.",
                hint=f"Wait until it has ended, then: appliance job finish {job.number}; "
                f"to look at it: ps -o etime,args -p {outlived.pid}",
                subject=f"job/{job.number}",
            )


def _by_id(resources: tuple[Resource, ...]) -> dict[str, Resource]:
    return {item.id: item for item in resources}


def _stale(plan: Plan, what: str) -> StaleError:
    return StaleError(
        what,
        hint="Look at the plan again, it may differ now, then apply that one.",
        subject=f"plan/{plan.id}",
    )
