"""Jobs: starting a plan, following it, and settling what was left unfinished."""

from __future__ import annotations

from typing import Final

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from agents.node.handlers.hands import check_hands, check_settling, is_replacement
from agents.node.handlers.replacing import leaving
from agents.node.jobs.bench import Told
from appliance.api.contract import JobQuery
from appliance.api.wire import ApplyRequest, Empty, JobList
from appliance.errors import NotFoundError, StaleError
from appliance.model.job import ENDED, Job
from appliance.model.plan import Plan

LONGEST_WAIT_S: Final = 60.0


def job_start(context: Context, caller: Caller, body: ApplyRequest) -> Job:
    """Carry out a plan. Raises StaleError when the digest is not the plan's, and what Jobs does."""
    plan = context.journal.plan(body.plan_id)
    if body.digest != plan.digest:
        raise StaleError(
            f"The digest given is not that of plan {plan.id}.",
            hint="Preview again and apply what is shown.",
            subject=f"plan/{plan.id}",
        )
    check_hands(context, caller, plan)
    confirmed = f", confirmed: {', '.join(sorted(body.confirm))}" if body.confirm else ""
    accepted = _noting(context, caller, "apply", confirmed)
    started = context.jobs.start(plan, body.confirm, caller.user, caller.origin, accepted)
    if context.care is not None and is_replacement(plan):
        seen = context.looking.recent()
        for pool, going in leaving(context.kinds, plan):
            disks = (disk for serial in sorted(going) if (disk := seen.disk(serial)))
            context.care.replacing(pool, disks, started.number)
    return started


def jobs(context: Context, caller: Caller, body: Empty) -> JobList:
    """All jobs, newest first."""
    del caller, body
    return JobList(jobs=context.journal.jobs())


def job_get(context: Context, caller: Caller, body: JobQuery, number: str) -> Job:
    """One job; with `wait`, as soon as it has moved on. Raises NotFoundError."""
    del caller
    job = context.journal.job(_number(number))
    wait_s = min(body.wait, LONGEST_WAIT_S)
    if wait_s <= 0 or job.seq > body.after or job.state in ENDED:
        return job
    return context.journal.wait(job.number, body.after, wait_s)


def job_finish(context: Context, caller: Caller, body: Empty, number: str) -> Plan:
    """Plan what is left of an unfinished job.

    Raises NotFoundError, ForbiddenError, RefusedError, BusyError.
    """
    del body
    check_settling(context, caller, context.journal.job(_number(number)))
    return context.jobs.finish(_number(number))


def job_undo(context: Context, caller: Caller, body: Empty, number: str) -> Job:
    """Undo an unfinished job. Raises NotFoundError, ForbiddenError, RefusedError, BusyError."""
    del body
    check_settling(context, caller, context.journal.job(_number(number)))
    return context.jobs.undo(_number(number), _noting(context, caller, "undo"))


def job_abandon(context: Context, caller: Caller, body: Empty, number: str) -> Job:
    """Give an unfinished job up. Raises NotFoundError, RefusedError, BusyError."""
    del body
    return context.jobs.abandon(_number(number), _noting(context, caller, "abandon"))


def _noting(context: Context, caller: Caller, what: str, confirmed: str = "") -> Told:
    """Writes the audit line of an accepted request, before anything of it is done.

    Its outcome is a line of its own when the job has come to rest.
    """

    def note(job: Job) -> None:
        outcome = f"accepted: {job.summary}{confirmed}"
        context.note(caller, what=what, subject=f"job/{job.number}", outcome=outcome)

    return note


def _number(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text[:9])
    raise NotFoundError(
        f"'{text}' is not the number of a job.",
        hint="List them with: appliance job list",
        subject=f"job/{text}",
    )
