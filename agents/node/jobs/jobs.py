"""Jobs of a node: one acts at a time; beside it others may wait for what takes days."""

from __future__ import annotations

import threading
from typing import Final

from agents.node.apply.walk import line_of
from agents.node.jobs.back import WayBack
from agents.node.jobs.bench import Bench, Told, nobody_told
from agents.node.jobs.claims import claims_of
from agents.node.jobs.crew import Crew
from agents.node.jobs.edges import Edges
from agents.node.jobs.gate import Gate
from agents.node.jobs.reach import aside_of, reach_of
from agents.node.jobs.run import Run
from agents.node.jobs.turn import Hold, Turn
from agents.node.jobs.undo import Link
from agents.node.jobs.words import some, summary
from appliance.errors import ApplianceError, BusyError, RefusedError
from appliance.kinds.load import typed_plan
from appliance.model.job import Job, JobState, StepState
from appliance.model.plan import Plan
from appliance.planner.plan import make_plan

PREPARING_S: Final = 10.0
"""A job is prepared by one look at the node, which takes moments."""


class Jobs:
    """Starts, finishes, undoes and gives up jobs. Safe to use from several threads."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._journal = bench.journal
        self._starting = threading.Lock()
        self._stop = threading.Event()
        self._edges = Edges(bench, self._stop)
        self._turn = Turn(self._stop)
        self._crew = Crew(bench.journal, bench.ended)
        self._gate = Gate(bench, self._crew, self._turn)

    def recover(self) -> tuple[Job, ...]:
        """Judge the jobs that no thread works on any more; those that are unknown now.

        Called at the agent's start, and before a job starts, since a full disk may have kept an
        earlier thread from writing its end down. Nothing is resumed by itself.
        """
        with self._alone():
            return self._crew.settle()

    def claims(self) -> dict[str, str]:
        """Serial -> pool of the disks unfinished jobs had consent to overwrite."""
        return claims_of(self._journal)

    def aside(self) -> frozenset[str]:
        """noun/name of what jobs that wait are changing: a new plan leaves it alone."""
        return aside_of(self._journal)

    def check_beside(self, plan: Plan) -> None:
        """Raises BusyError for a plan that would change what a job that waits is changing."""
        self._gate.check_beside(plan)

    def start(
        self,
        plan: Plan,
        confirm: frozenset[str],
        who: str,
        origin: str,
        accepted: Told = nobody_told,
    ) -> Job:
        """Carry a plan out in a thread; the job, waiting or further on.

        `accepted` is told of the job before anything is done; when it raises, nothing is.
        Raises BusyError, StaleError when the node is no longer as it was planned for,
        ConfirmationError with the missing tokens as `details`.
        """
        with self._alone():
            chain = () if plan.continues is None else self._journal.chain(plan.continues)
            with self._gate.turn_for() as hold:
                self._gate.check_settled(chain)
                if plan.continues is not None:
                    self._gate.unfinished(plan.continues)
                self._gate.check_beside(plan, chain)
                self._gate.check_confirmed(plan, confirm)
                self._gate.check_fresh(plan, chain)
                number = self._open(plan, confirm, who, origin)
                self._tell(number, accepted)
                self._begin(Link(number, typed_plan(self._bench.kinds, plan)), hold)
        return self._journal.job(number)

    def finish(self, number: int) -> Plan:
        """Plan what is left of an unfinished job; what was confirmed for it stays confirmed.

        Raises RefusedError for a job with nothing left, BusyError while it runs, or while one
        that waits changes the same things.
        """
        with self._alone():
            job = self._gate.unfinished(number)
        chain = self._journal.chain(number)
        self._gate.check_beside(None, chain)
        plan = self._journal.plan(job.plan_id)
        reach = reach_of(self._bench, plan, chain)
        acted = all(step.state is StepState.ENDED for step in job.steps)
        fresh = make_plan(
            self._bench.kinds,
            self._bench.observe(self.claims()),
            reach.before,
            reach.after,
            None if acted else plan.action,
            plan_id=self._bench.new_id(),
            now=self._bench.now(),
            continues=number,
            scope=reach.scope,
        )
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
            self._gate.unfinished(number)
            self._gate.check_newest(number)
            chain = self._journal.chain(number)
            with self._gate.turn_for() as hold:
                self._gate.check_beside(None, chain)
                way = WayBack(self._edges, tuple(self._link(item) for item in chain))
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
                self._crew.work(chain, way.go, hold)
        return self._journal.job(number)

    def abandon(self, number: int, accepted: Told = nobody_told) -> Job:
        """Give an unfinished job up as it stands; nothing is changed on the node.

        `accepted` is told of the job before it is given up; when it raises, it is not.
        Raises RefusedError for a job with nothing left, BusyError while it runs.
        """
        with self._alone():
            job = self._gate.unfinished(number)
            self._gate.check_newest(number)
            accepted(job)
            words = "Given up as it stood; what differs from the wish: appliance status"
            if job.state is JobState.UNKNOWN:
                self._journal.move(number, JobState.FAILED, next_step=words, unfinished=False)
            else:
                self._journal.close(number, words)
            self._crew.rests(number)
        return self._journal.job(number)

    def tell(self, told: Told) -> None:
        """Have someone told of every job that has come to rest. Called before the first one."""
        self._crew.tell(told)

    def close(self, timeout_s: float) -> bool:
        """Let the running step end, begin no other, and wait for the threads that long; whether
        all have ended. A job that waits is left at once."""
        self._stop.set()
        self._turn.wake()
        return self._crew.join(timeout_s)

    def join(self, timeout_s: float) -> bool:
        """Wait until no job is worked on; whether that came to be in time."""
        return self._crew.join(timeout_s)

    def _alone(self) -> _Alone:
        return _Alone(self._starting)

    def _open(self, plan: Plan, confirm: frozenset[str], who: str, origin: str) -> int:
        return self._journal.open_job(
            plan,
            [line_of(step) for step in plan.steps],
            who=who,
            origin=origin,
            confirmed=confirm,
            summary=summary(plan),
        )

    def _begin(self, link: Link, hold: Hold) -> None:
        self._edges.at(link.number, 0, "waiting")
        self._crew.work((link.number,), Run(self._edges, link, hold).go, hold)

    def _link(self, number: int) -> Link:
        plan = self._journal.plan(self._journal.job(number).plan_id)
        return Link(number, typed_plan(self._bench.kinds, plan))

    def _tell(self, number: int, accepted: Told) -> None:
        """What cannot be written into the audit is not done, so the job fails before it starts."""
        try:
            accepted(self._journal.job(number))
        except ApplianceError as error:
            self._crew.never_started(number, f"It could not be recorded ({error.message})")
            raise


class _Alone:
    """Lets one request at a time start a job. Who comes meanwhile waits for moments, and is then
    told of the job by its number; refused is only who would wait longer."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=PREPARING_S):
            raise BusyError(
                "Another job is being prepared.",
                hint="Look at it with: appliance job list",
                subject="job",
            )

    def __exit__(self, *_: object) -> None:
        self._lock.release()
