"""The apply thread's work: the steps, then the proof."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial

from agents.node.apply.walk import perform, reached, undo_of
from agents.node.jobs.back import WayBack
from agents.node.jobs.edges import Edges
from agents.node.jobs.proof import left_to_do
from agents.node.jobs.reach import outdated_by
from agents.node.jobs.turn import Hold
from agents.node.jobs.undo import Link
from agents.node.jobs.words import next_step, some, spoken
from appliance.errors import ApplianceError, FullError, StepFailedError
from appliance.model.command import Output
from appliance.model.job import JobState, StepState
from appliance.model.steps import DefineGuestStep, GuestAct, GuestStep, Step, WaitStep
from appliance.planner.beside import lets_others


class Run:
    """One job being carried out, in one thread. It begins with the turn, and ends with it."""

    def __init__(self, edges: Edges, link: Link, hold: Hold) -> None:
        self._edges = edges
        self._bench = edges.bench
        self._journal = edges.bench.journal
        self._number = link.number
        who = self._journal.job(link.number).who
        self._actor = replace(edges.bench.actor, who=who, job=link.number)
        self._plan = link.plan
        self._hold = hold
        self._lets_others = lets_others(link.plan)
        self._fresh_guests: frozenset[str] = frozenset()

    def go(self) -> None:
        """All steps, then the proof. A failure is taken back when every step can be.

        Raises Interrupted, and FullError when not even the failure could be written down.
        """
        self._journal.move(self._number, JobState.RUNNING, desired=self._plan.after)
        self._edges.at(self._number, 0, "running")
        try:
            for index, step in enumerate(self._plan.steps, start=1):
                self._step(index, step)
        except ApplianceError as error:
            self._failed(error)
        else:
            self._prove()

    def _step(self, index: int, step: Step) -> None:
        self._edges.before_step()
        undo = undo_of(step, self._actor, self._fresh_guests)
        self._note_guest(step, undo)
        aside = isinstance(step, WaitStep) and step.lets_others and self._lets_others
        self._journal.step_begun(self._number, index, undo, waits=aside)
        self._edges.at(self._number, index, "begun")
        act = self._wait_aside if aside else self._perform
        try:
            output = act(index, step)
        except ApplianceError as error:
            self._journal.step_ended(
                self._number,
                index,
                StepState.FAILED,
                code=error.exit_code if isinstance(error, StepFailedError) else None,
                output="\n".join((error.message, *error.details)),
            )
            raise
        self._edges.at(self._number, index, "performed")
        self._journal.step_ended(
            self._number, index, StepState.ENDED, code=output.code, output=spoken(output)
        )
        self._edges.at(self._number, index, "ended")

    def _perform(self, index: int, step: Step) -> Output:
        return perform(step, self._actor, partial(self._progress, index))

    def _wait_aside(self, index: int, step: Step) -> Output:
        """Others may act meanwhile. What was reached may have changed again by the time it is
        this job's turn, so it is looked at once more then, while nobody else acts."""
        clock = replace(self._actor.clock, sleep=self._sleep)
        actor = replace(self._actor, clock=clock)
        while True:
            self._hold.give()
            self._edges.at(self._number, index, "aside")
            try:
                perform(step, actor, partial(self._progress, index))
            except ApplianceError:
                self._hold.take()
                raise
            self._edges.at(self._number, index, "reached")
            self._hold.take()
            self._edges.at(self._number, index, "turn")
            if isinstance(step, WaitStep) and (seen := reached(step, self._actor)) is not None:
                return seen

    def _sleep(self, seconds: float) -> None:
        """A stopping agent does not wait for a rebuild."""
        self._edges.before_step()
        self._actor.clock.sleep(seconds)
        self._edges.before_step()

    def _progress(self, index: int, words: str) -> None:
        """How far a step is. When it cannot be written down, the step goes on all the same."""
        with suppress(FullError):
            self._journal.step_says(self._number, index, words)

    def _prove(self) -> None:
        self._journal.move(self._number, JobState.PROVING)
        self._edges.at(self._number, 0, "proving")
        left = self._left()
        if left:
            self._rest(f"All steps ran, but the node is not as wanted: {left}.")
        else:
            outdated = tuple(outdated_by(self._journal, self._number))
            self._journal.finished(self._number, outdated)

    def _failed(self, error: ApplianceError) -> None:
        cause = f"{error.message} {error.hint}"
        way = WayBack(self._edges, (Link(self._number, self._plan),))
        lost = way.blocked()
        if lost:
            self._rest(f"{cause} It cannot be taken back: {some(lost)}.")
        elif self._plan.continues is not None:
            # Taking back this job alone would leave the half-built state of the one before.
            self._rest(cause)
        else:
            way.enter(cause)
            way.go(cause)

    def _left(self) -> str:
        """What is left, in words; empty when nothing is. Not being able to look counts as left."""
        try:
            chain = self._journal.chain(self._number)
            return some(left_to_do(self._bench, self._plan, chain))
        except ApplianceError as error:
            return f"{error.message} {error.hint}"

    def _rest(self, error: str) -> None:
        self._journal.move(
            self._number, JobState.FAILED, error=error, next_step=next_step(self._number)
        )

    def _note_guest(self, step: Step, undo: tuple[Step, ...] | None) -> None:
        if isinstance(step, DefineGuestStep) and any(
            isinstance(item, GuestStep) and item.act is GuestAct.UNDEFINE for item in undo or ()
        ):
            self._fresh_guests |= {step.guest}
