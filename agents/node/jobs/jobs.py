"""Jobs of a node: one apply thread, nothing begun while something is unfinished."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from agents.node.apply.walk import line_of
from agents.node.jobs.back import WayBack
from agents.node.jobs.bench import Bench, Told, nobody_told
from agents.node.jobs.claims import claims_of
from agents.node.jobs.edges import Edges, Interrupted
from agents.node.jobs.outlived import still_running
from agents.node.jobs.run import Run
from agents.node.jobs.undo import Link
from agents.node.jobs.words import next_step, some, summary
from appliance.errors import (
    ApplianceError,
    BusyError,
    ConfirmationError,
    RefusedError,
    StaleError,
)
from appliance.kinds.load import typed, typed_plan
from appliance.model.job import ENDED, Job, JobState, StepState
from appliance.model.plan import Plan
from appliance.planner.plan import make_plan

LOG: Final = logging.getLogger(__name__)

DEFECTS: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, OSError,
                  RuntimeError, TypeError, ValueError)  # fmt: skip
"""What a defect of ours or of a library raises; anything else ends the process, as it should."""


class Jobs:
    """Starts, finishes, undoes and gives up jobs. Safe to use from several threads."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._journal = bench.journal
        self._starting = threading.Lock()
        self._stop = threading.Event()
        self._edges = Edges(bench, self._stop)
        self._thread: threading.Thread | None = None
        self._told: tuple[Told, ...] = ()

    def recover(self) -> tuple[Job, ...]:
        """Judge the jobs that no thread works on any more; those that are unknown now.

        Called at the agent's start, and before a job starts, since a full disk may have kept an
        earlier thread from writing its end down. Nothing is resumed by itself.
        """
        with self._alone():
            return self._settle()

    def claims(self) -> dict[str, str]:
        """Serial -> pool of the disks unfinished jobs had consent to overwrite."""
        return claims_of(self._journal)

    def start(
        self,
        plan: Plan,
        confirm: frozenset[str],
        who: str,
        origin: str,
        accepted: Told = nobody_told,
    ) -> Job:
        """Carry a plan out in the apply thread; the job, waiting or further on.

        `accepted` is told of the job before anything is done; when it raises, nothing is.
        Raises BusyError, StaleError when the node is no longer as it was planned for,
        ConfirmationError with the missing tokens as `details`.
        """
        with self._alone():
            self._check_free(plan.continues)
            missing = {item.token: item.why for item in plan.confirmations}
            missing = {token: why for token, why in missing.items() if token not in confirm}
            if missing:
                raise _unconfirmed(missing)
            if plan.continues is None:
                self._check_wish(plan)
            self._check_fresh(plan)
            wanted = typed_plan(self._bench.kinds, plan)
            number = self._journal.open_job(
                plan,
                [line_of(step) for step in plan.steps],
                who=who,
                origin=origin,
                confirmed=confirm,
                summary=summary(plan),
            )
            self._tell(number, accepted)
            self._edges.at(number, 0, "waiting")
            self._work(number, Run(self._edges, Link(number, wanted)).go)
        return self._journal.job(number)

    def finish(self, number: int) -> Plan:
        """Plan what is left of an unfinished job; what was confirmed for it stays confirmed.

        Raises RefusedError for a job with nothing left, BusyError while a job runs.
        """
        with self._alone():
            job = self._unfinished(number)
        plan = typed_plan(self._bench.kinds, self._journal.plan(job.plan_id))
        acted = all(step.state is StepState.ENDED for step in job.steps)
        fresh = make_plan(
            self._bench.kinds,
            self._bench.observe(self.claims()),
            plan.before,
            plan.after,
            None if acted else plan.action,
            plan_id=self._bench.new_id(),
            now=self._bench.now(),
            continues=number,
        )
        chain = self._journal.chain(number)
        given = frozenset[str]().union(*(self._journal.confirmed(item) for item in chain))
        asked = tuple(item for item in fresh.confirmations if item.token not in given)
        fresh = fresh.model_copy(update={"confirmations": asked, "asked": plan.asked})
        self._journal.save_plan(fresh)
        return fresh

    def undo(self, number: int, accepted: Told = nobody_told) -> Job:
        """Take an unfinished job back, with the jobs it continues; the job, undoing or further on.

        `accepted` is told of the job before anything is done; when it raises, nothing is.
        Raises RefusedError when a step has no way back or nothing is left to undo, BusyError.
        """
        with self._alone():
            self._unfinished(number)
            self._check_newest(number)
            chain = tuple(self._link(item) for item in self._journal.chain(number))
            way = WayBack(self._edges, chain)
            lost = way.blocked()
            if lost:
                raise RefusedError(
                    f"Job {number} cannot be taken back: {some(lost)}.",
                    hint=f"Finish it instead: appliance job finish {number}",
                    subject=f"job/{number}",
                    details=lost,
                )
            accepted(self._journal.job(number))
            way.enter()
            self._work(number, way.go)
        return self._journal.job(number)

    def abandon(self, number: int, accepted: Told = nobody_told) -> Job:
        """Give an unfinished job up as it stands; nothing is changed on the node.

        `accepted` is told of the job before it is given up; when it raises, it is not.
        Raises RefusedError for a job with nothing left, BusyError while a job runs.
        """
        with self._alone():
            job = self._unfinished(number)
            accepted(job)
            words = "Given up as it stood; what differs from the wish: appliance status"
            if job.state is JobState.UNKNOWN:
                self._journal.move(number, JobState.FAILED, next_step=words, unfinished=False)
            else:
                self._journal.close(number, words)
            self._rests(number)
        return self._journal.job(number)

    def tell(self, told: Told) -> None:
        """Have someone told of every job that has come to rest. Called before the first one."""
        self._told = (*self._told, told)

    def close(self, timeout_s: float) -> None:
        """Let the running step end, begin no other, and wait for the thread that long."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _alone(self) -> _Alone:
        return _Alone(self._starting)

    def _working(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _settle(self) -> tuple[Job, ...]:
        if self._working():
            return ()
        for job in self._journal.jobs(unfinished=True):
            if job.state is JobState.WAITING:
                self._never_started(job.number, "The agent ended before the job started")
            elif job.state not in ENDED:
                self._unknown(job.number, "The agent or the node stopped while the job ran.")
            else:
                continue
            self._rests(job.number)
        open_jobs = self._journal.jobs(unfinished=True)
        return tuple(job for job in open_jobs if job.state is JobState.UNKNOWN)

    def _check_free(self, continues: int | None) -> None:
        self._settle()
        chain = () if continues is None else self._journal.chain(continues)
        for job in self._journal.jobs(unfinished=True):
            if job.state not in ENDED:
                raise _busy(job)
            if job.state is JobState.UNKNOWN and job.number not in chain:
                raise BusyError(
                    f"Job {job.number} was cut off and must be settled first.",
                    hint=next_step(job.number),
                    subject=f"job/{job.number}",
                )
        if continues is not None:
            self._unfinished(continues)

    def _check_fresh(self, plan: Plan) -> None:
        if self._bench.observe(self.claims()).digest() != plan.digest:
            raise StaleError(
                "The node is no longer as it was when the plan was made.",
                hint="Look at the plan again, it may differ now, then apply that one.",
                subject=f"plan/{plan.id}",
            )

    def _check_wish(self, plan: Plan) -> None:
        """The wish may have changed without a change of the node: a found pool was adopted."""
        kinds = self._bench.kinds
        now = {item.id: item for item in typed(kinds, self._bench.desired.resources())}
        then = {item.id: item for item in typed(kinds, plan.before)}
        if now != then:
            raise StaleError(
                "The wish is no longer what it was when the plan was made.",
                hint="Look at the plan again, it may differ now, then apply that one.",
                subject=f"plan/{plan.id}",
            )

    def _unfinished(self, number: int) -> Job:
        self._settle()
        job = self._journal.job(number)
        if job.state not in ENDED:
            raise _busy(job)
        if all(item.number != number for item in self._journal.jobs(unfinished=True)):
            raise RefusedError(
                f"Job {number} is {job.state}; nothing of it is left to finish or undo.",
                hint="List the jobs with: appliance job list",
                subject=f"job/{number}",
            )
        self._check_quiet(job)
        return job

    def _check_quiet(self, job: Job) -> None:
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

    def _check_newest(self, number: int) -> None:
        for job in self._journal.jobs(unfinished=True):
            if number in self._journal.chain(job.number)[1:]:
                raise RefusedError(
                    f"Job {job.number} went on with job {number}, so it is to be undone first.",
                    hint=f"Take back both: appliance job undo {job.number}",
                    subject=f"job/{number}",
                )

    def _link(self, number: int) -> Link:
        plan = self._journal.plan(self._journal.job(number).plan_id)
        return Link(number, typed_plan(self._bench.kinds, plan))

    def _work(self, number: int, work: Callable[[], None]) -> None:
        self._thread = threading.Thread(
            target=self._guarded, args=(number, work), name=f"apply-{number}", daemon=True
        )
        self._thread.start()

    def _guarded(self, number: int, work: Callable[[], None]) -> None:
        """The thread's top: however the work ends, the job must not look as if it still ran.

        When not even that can be written down (a full disk), `_settle` does it later.
        """
        try:
            self._come_to_rest(number, work)
            self._rests(number)
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

    def _rests(self, number: int) -> None:
        job = self._journal.job(number)
        for told in (self._bench.ended, *self._told):
            told(job)

    def _tell(self, number: int, accepted: Told) -> None:
        """What cannot be written into the audit is not done, so the job fails before it starts."""
        try:
            accepted(self._journal.job(number))
        except ApplianceError as error:
            self._never_started(number, f"It could not be recorded ({error.message})")
            raise

    def _never_started(self, number: int, why: str) -> None:
        self._journal.move(
            number,
            JobState.FAILED,
            error=f"{why}; nothing was changed.",
            next_step="Apply again.",
            unfinished=False,
        )

    def _unknown(self, number: int, why: str) -> None:
        for item in self._journal.chain(number):
            if self._journal.job(item).state not in ENDED:
                self._journal.move(item, JobState.UNKNOWN, error=why, next_step=next_step(number))


class _Alone:
    """Refuses at once what comes while another request is starting a job."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise BusyError(
                "Another job is being prepared.",
                hint="Look at it with: appliance job list",
                subject="job",
            )

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _busy(job: Job) -> BusyError:
    return BusyError(
        f"Job {job.number} is {job.state}; one job changes a node at a time.",
        hint=f"Follow it with: appliance job show {job.number}",
        subject=f"job/{job.number}",
    )


def _unconfirmed(missing: dict[str, str]) -> ConfirmationError:
    tokens = " ".join(f"--confirm {token}" for token in missing)
    why = "; ".join(f"{token}: {why}" for token, why in missing.items())
    return ConfirmationError(
        f"The plan destroys data and was not confirmed: {why}.",
        hint=f"If that is what you want, repeat with: {tokens}",
        details=missing,
    )
