"""What a technician may carry out: the whole life of a disk, and nothing along with it.

RIGHTS is the one table of it. An administrator may do everything; what each call needs at all
stands in its row of `appliance/api/contract.py`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from appliance.api.contract import Role
from appliance.errors import ForbiddenError
from appliance.model.disk import DiskRole
from appliance.model.job import Job
from appliance.model.plan import Plan
from appliance.planner.disks import ADMIT, ERASE, NOUN
from appliance.planner.replace import REPLACE


class Right(NamedTuple):
    """An act on a disk that a technician may start, finish and take back."""

    verb: str
    changes: str
    """The one thing its plan may change: a pool, or the disk itself."""
    released: bool
    """Only on a disk that is blank and in no pool: what it held was given up before."""
    words: str


RIGHTS: Final = (
    Right(REPLACE, "pool", released=False, words="replaces a disk of a pool"),
    Right(ADMIT, NOUN, released=True, words="tries a new disk and admits it"),
    Right(ERASE, NOUN, released=True, words="erases a disk that has left its pool"),
)
"""A disk that holds somebody's data (another pool's, a foreign file system) is an administrator's;
so are `disk wipe`, and giving a job up half done."""
_MAY: Final = f"A technician {'; '.join(right.words for right in RIGHTS)}"
_RELEASED: Final = frozenset({DiskRole.FREE, DiskRole.QUARANTINED})


def right_of(plan: Plan) -> Right | None:
    """The right a plan was made under; the node itself wrote down what was asked for."""
    asked = plan.asked
    if asked is None or asked.resource.partition("/")[0] != NOUN:
        return None
    return next((right for right in RIGHTS if right.verb == asked.verb), None)


def is_replacement(plan: Plan) -> bool:
    """Whether a plan was made for `disk replace`."""
    right = right_of(plan)
    return right is not None and right.verb == REPLACE


def check_hands(context: Context, caller: Caller, plan: Plan) -> None:
    """Raises ForbiddenError when a technician's plan is no right of theirs, or does more.

    A plan brings the whole node to its wish: where something else differs from it, an
    administrator settles that before.
    """
    if Role.ADMIN in caller.roles:
        return
    right = right_of(plan)
    if right is None:
        raise _no_right(f"plan/{plan.id}")
    touched = sorted({step.resource for step in plan.steps})
    own = [item for item in touched if item.startswith(f"{right.changes}/")]
    if len(own) > 1 or own != touched:
        raise ForbiddenError(
            f"The plan changes {', '.join(touched)}: more than the disks of one pool.",
            hint="Something else differs from the wish; an administrator settles it first: "
            "appliance status",
            subject=f"plan/{plan.id}",
        )
    for item in own if right.released else ():
        _check_released(context, item)


def check_settling(context: Context, caller: Caller, job: Job) -> None:
    """Raises ForbiddenError when a technician would finish or take back another kind of job.

    Whoever began it: the one who comes in the morning goes on with the night's replacement.
    """
    if Role.ADMIN in caller.roles:
        return
    for number in context.journal.chain(job.number):
        if right_of(context.journal.plan(context.journal.job(number).plan_id)) is None:
            raise _no_right(f"job/{job.number}")


def _check_released(context: Context, resource: str) -> None:
    disk = context.looking.recent().disk(resource.partition("/")[2])
    if disk is None or disk.role not in _RELEASED:
        where = disk.where if disk else resource
        raise ForbiddenError(
            f"The disk with {where} holds something that was not given up.",
            hint="An administrator decides what becomes of it: appliance disk show "
            f"{resource.partition('/')[2]}",
            subject=resource,
        )


def _no_right(subject: str) -> ForbiddenError:
    return ForbiddenError(
        f"{_MAY}; any other change needs admin.",
        hint="Replace a disk with: appliance disk replace BAY; or ask one who is admin.",
        subject=subject,
    )
