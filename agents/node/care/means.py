"""What the agent needs to do something by itself: the same plan, guard and journal as a person's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from agents.node.jobs.bench import Told, nobody_told
from agents.node.jobs.jobs import Jobs
from agents.node.jobs.reach import gone_on_with
from agents.node.watch.looking import Looking
from agents.node.watch.verdicts import Verdicts
from appliance.errors import RefusedError
from appliance.kinds.load import typed
from appliance.kinds.registry import AnyKind
from appliance.model.job import Job, JobState
from appliance.model.plan import Plan
from appliance.model.resource import ActionRequest, Resource
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.beside import Scope
from appliance.planner.plan import make_plan
from appliance.state.audit import Audit
from appliance.state.desired import Desired
from appliance.state.journal import Journal

ORIGIN = "agent"
"""Where the node's own requests come from, in jobs and in the audit."""


@dataclass(frozen=True)
class Means:
    """The parts of the agent that acting by itself takes."""

    kinds: Mapping[str, AnyKind]
    looking: Looking
    jobs: Jobs
    journal: Journal
    desired: Desired
    audit: Audit
    verdicts: Verdicts
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def wanted(self) -> tuple[Resource, ...]:
        """The whole wish, each spec as its kind's own type."""
        return typed(self.kinds, self.desired.resources())

    def job_runs(self, resource: str = "") -> bool:
        """Whether something is being done, or waits that changes this resource."""
        acts = any(job.acts for job in self.journal.jobs(unfinished=True))
        return acts or resource in self.jobs.aside()

    def job_in_the_way(self, resource: str = "") -> bool:
        """Whether something is being done, or waits that changes this resource, or was cut off
        and must be settled by a person first: whatever is due waits until then."""
        settled = gone_on_with(self.journal)
        cut_off = any(
            job.state is JobState.UNKNOWN and job.number not in settled
            for job in self.journal.jobs(unfinished=True)
        )
        return cut_off or self.job_runs(resource)

    def fresh(self) -> NodeSnapshot:
        """The node as it is now, to plan on. Raises what looking raises."""
        return self.looking.fresh(self.jobs.claims())

    def plan(
        self,
        seen: NodeSnapshot,
        after: tuple[Resource, ...],
        action: ActionRequest | None = None,
        asked: ActionRequest | None = None,
    ) -> Plan:
        """A plan as a person would get it. Raises what the planner and its guard refuse it with,
        and BusyError for what a job that waits is changing."""
        made = make_plan(
            self.kinds,
            seen,
            self.wanted(),
            after,
            action,
            plan_id=self.new_id(),
            now=self.now(),
            scope=Scope(aside=self.jobs.aside()),
        )
        self.jobs.check_beside(made)
        return made.model_copy(update={"asked": asked or action})

    def start(
        self,
        plan: Plan,
        who: str,
        touches: frozenset[str],
        begun: Told = nobody_told,
        *,
        gives_up: frozenset[str] = frozenset(),
    ) -> Job:
        """Carry it out as `who`, if it touches nothing but these resources.

        `gives_up` is all that nobody has to type: a replacement that was given up half done still
        is in the wish, and must not be gone on with because a scrub is due. `begun` is told before
        anything is done. Raises RefusedError for a plan that would do more, BusyError, StaleError.
        """
        more = sorted({step.resource for step in plan.steps} - touches)
        if more:
            raise RefusedError(
                f"The plan would change {', '.join(more)} as well, which nobody asked for.",
                hint="See what differs from the wish, and settle it: appliance status",
                subject=more[0],
            )
        asked = [item for item in plan.confirmations if item.token not in gives_up]
        if asked:
            raise RefusedError(
                f"The plan would also do what a person has to confirm: {asked[0].token}, "
                f"{asked[0].why}.",
                hint="See what differs from the wish, and settle it: appliance status",
                subject=next(iter(sorted(touches)), ""),
            )
        self.journal.save_plan(plan)

        def accepted(job: Job) -> None:
            self.note(who, "apply", f"job/{job.number}", f"accepted: {job.summary}")
            begun(job)

        confirmed = frozenset(item.token for item in plan.confirmations)
        return self.jobs.start(plan, confirmed, who, ORIGIN, accepted)

    def note(self, who: str, what: str, subject: str, outcome: str) -> None:
        """A line in the audit. Raises FullError."""
        self.audit.append(
            self.now(), who=who, origin=ORIGIN, what=what, subject=subject, outcome=outcome
        )
