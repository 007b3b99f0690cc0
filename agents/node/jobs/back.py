"""The way back: executed steps are undone last first, then all must be as before."""

from __future__ import annotations

from agents.node.apply.walk import line_of, perform
from agents.node.jobs.claims import claims_of
from agents.node.jobs.edges import Edges
from agents.node.jobs.proof import left_to_undo
from agents.node.jobs.reach import reach_of
from agents.node.jobs.undo import Link, in_undo_order, no_way_back
from agents.node.jobs.words import next_step, some
from appliance.errors import ApplianceError
from appliance.model.job import JobState, StepState
from appliance.state.journal import Executed, Journal


class WayBack:
    """Takes back a job, and the jobs it continues: the newest first."""

    def __init__(self, edges: Edges, chain: tuple[Link, ...]) -> None:
        self._edges = edges
        self._bench = edges.bench
        self._journal: Journal = edges.bench.journal
        self._chain = chain
        self._doubts: list[str] = []
        """What could not be taken back of steps that failed or were cut off."""

    def blocked(self) -> tuple[str, ...]:
        """Titles of executed steps that cannot be taken back."""
        return tuple(
            title
            for link in self._chain
            for title in no_way_back(link.plan, self._journal.executed(link.number))
        )

    def enter(self, cause: str = "") -> None:
        """All jobs of the chain are being undone from now on."""
        for link in self._chain:
            self._journal.move(link.number, JobState.UNDOING, error=cause or None)
        self._edges.at(self._chain[0].number, 0, "undoing")

    def go(self, cause: str = "") -> None:
        """Undo, then prove. The job comes to rest as undone, or failed with what stays."""
        executed = ((link, self._journal.executed(link.number)) for link in self._chain)
        for link, item in in_undo_order(executed):
            error = self._undo(link, item)
            if error is not None:
                title = link.plan.steps[item.number - 1].title
                self._fail(f"{cause} Step {item.number} ({title}) stays: {error.message}")
                return
        self._edges.at(self._chain[0].number, 0, "proving-undo")
        left = self._left()
        if left:
            self._fail(f"{cause} Taken back, but not all is as before: {left}.")
            return
        if self._doubts and not self._same_node():
            self._fail(f"{cause} Perhaps not all is as before: {some(tuple(self._doubts))}.")
            return
        for link in self._chain:
            # Not the wish as it was then: others may have changed theirs beside this job.
            chain = self._journal.chain(link.number)
            before = reach_of(self._bench, link.plan, chain).before
            self._journal.move(
                link.number,
                JobState.UNDONE,
                error=cause,
                next_step="Everything is as before; remove the cause, then apply again."
                if cause
                else "Everything is as before.",
                unfinished=False,
                desired=before,
            )

    def _undo(self, link: Link, item: Executed) -> ApplianceError | None:
        """Take one step back; the error when that failed and matters."""
        self._edges.before_step()
        self._journal.step_undoing(link.number, item.number)
        self._edges.at(link.number, item.number, "undoing")
        done = []
        for step in item.undo or ():
            try:
                perform(step, self._bench.actor)
            except ApplianceError as error:
                if item.state is StepState.ENDED:
                    self._journal.step_stays(link.number, item.number)
                    return error
                # It failed or was cut off, so perhaps there is nothing to take back.
                done.append(f"tried to take back: {line_of(step)}: {error.message}")
                self._doubts.append(f"{line_of(step)}: {error.message}")
            else:
                done.append(f"taken back: {line_of(step)}")
        self._journal.step_undone(link.number, item.number, "\n".join(done))
        self._edges.at(link.number, item.number, "undone")
        return None

    def _left(self) -> str:
        """What is left, in words. Not being able to look counts as left."""
        newest, oldest = self._chain[0].plan, self._chain[-1].plan
        try:
            whole = newest.model_copy(update={"before": oldest.before})
            chain = self._journal.chain(self._chain[0].number)
            return some(left_to_undo(self._bench, whole, chain))
        except ApplianceError as error:
            return f"{error.message} {error.hint}"

    def _same_node(self) -> bool:
        """Whether the node is exactly as it was when the first job of the chain was planned.

        Asked only in doubt, since it also notices what has nothing to do with the job.
        """
        own = {item for link in self._chain for step in link.plan.steps for item in step.claims}
        claims = claims_of(self._journal)
        try:
            now = self._bench.observe({key: claims[key] for key in claims.keys() - own})
        except ApplianceError:
            return False
        return now.digest() == self._chain[-1].plan.digest

    def _fail(self, error: str) -> None:
        for link in self._chain:
            self._journal.move(
                link.number,
                JobState.FAILED,
                error=error.strip(),
                next_step=next_step(self._chain[0].number),
            )
