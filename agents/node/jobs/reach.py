"""What a job answers for beside others, and the wish it is to be judged by as that is now.

The wish of a plan is whole, and as old as the plan. Where jobs ran side by side it is out of date:
of what another job changes, the present wish counts and never the one a plan remembers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.node.jobs.bench import Bench
from appliance.kinds.load import typed, typed_plan
from appliance.model.job import ENDED, Job, JobState
from appliance.model.plan import Plan
from appliance.model.resource import Resource
from appliance.planner.beside import Scope, lets_others, moved, own_of, touched
from appliance.state.journal import Journal


@dataclass(frozen=True)
class Reach:
    """What is planned again to finish, prove or take back a job."""

    scope: Scope
    before: tuple[Resource, ...]
    after: tuple[Resource, ...]


def reach_of(bench: Bench, plan: Plan, chain: tuple[int, ...]) -> Reach:
    """The reach of the newest job of a chain, whose plan this is.

    A job that lets others in answers for its own things alone; any other one for all but what
    those beside it change.
    """
    plan, journal = typed_plan(bench.kinds, plan), bench.journal
    if is_own(journal, chain):
        own = frozenset[str]().union(*(touched(item) for item in _plans(journal, chain)))
        now, ids = typed(bench.kinds, bench.desired.resources()), moved(plan)
        return Reach(Scope(only=own), own_of(plan.before, ids, now), own_of(plan.after, ids, now))
    aside = aside_of(journal, chain)
    aside = aside.union(*(item.aside for item in _plans(journal, chain)))
    if not aside:
        return Reach(Scope(), plan.before, plan.after)
    now = typed(bench.kinds, bench.desired.resources())
    sides = (own_of(now, aside, side) for side in (plan.before, plan.after))
    return Reach(Scope(aside=aside), *sides)


def is_own(journal: Journal, chain: tuple[int, ...]) -> bool:
    """Whether a job, or one that it goes on with, lets others in."""
    return any(map(lets_others, _plans(journal, chain)))


def touched_by(journal: Journal, chain: tuple[int, ...]) -> frozenset[str]:
    """noun/name of all a chain of jobs changes, which nobody else may while these are open."""
    return frozenset[str]().union(*map(touched, _plans(journal, chain)))


def beside(journal: Journal, chain: tuple[int, ...] = ()) -> Iterator[Job]:
    """Jobs that are open beside a chain: those that wait, and those that were cut off with it.

    Without a chain only those that wait: nothing new is begun beside one that was cut off.
    """
    for job in journal.jobs(unfinished=True):
        cut_off = bool(chain) and job.state is JobState.UNKNOWN
        if job.number not in chain and (job.waits or cut_off):
            yield job


def gone_on_with(journal: Journal) -> frozenset[int]:
    """Jobs that one which has not ended goes on with: that one settles them, and holds all that
    is theirs."""
    at_work = (job for job in journal.jobs(unfinished=True) if job.state not in ENDED)
    return frozenset(older for job in at_work for older in journal.chain(job.number)[1:])


def aside_of(journal: Journal, chain: tuple[int, ...] = ()) -> frozenset[str]:
    """noun/name of what the jobs beside a chain hold."""
    others = (touched_by(journal, journal.chain(job.number)) for job in beside(journal, chain))
    return frozenset[str]().union(*others)


def outdated_by(journal: Journal, number: int) -> Iterator[int]:
    """Failed jobs that are out of date once this one is done: all was planned whole after them.

    Not what was set aside then, and for a job that answers for its own things alone nothing that
    was tried since its first plan, which was whole.
    """
    chain = journal.chain(number)
    own = is_own(journal, chain)
    first = journal.job(chain[-1] if own else number)
    aside = frozenset[str]().union(*(plan.aside for plan in _plans(journal, chain)))
    for job in journal.jobs(unfinished=True):
        if job.state is not JobState.FAILED or job.number >= number or job.number in chain:
            continue
        since = job.ended_at is not None and job.ended_at > first.created_at
        if not (own and since) and not aside & touched(journal.plan(job.plan_id)):
            yield job.number


def _plans(journal: Journal, chain: tuple[int, ...]) -> Iterator[Plan]:
    for number in chain:
        yield journal.plan(journal.job(number).plan_id)
