"""What a technician may carry out: the replacement of a disk, and nothing along with it."""

from __future__ import annotations

from agents.node.handlers.callers import Caller
from appliance.api.contract import Role
from appliance.errors import ForbiddenError
from appliance.model.plan import Plan
from appliance.planner.disks import NOUN
from appliance.planner.replace import REPLACE


def is_replacement(plan: Plan) -> bool:
    """Whether a plan was made for `disk replace`; the node itself wrote that down."""
    asked = plan.asked
    return asked is not None and asked.verb == REPLACE and asked.resource.partition("/")[0] == NOUN


def check_hands(caller: Caller, plan: Plan) -> None:
    """Raises ForbiddenError when a technician's plan is more than one pool's replacement.

    A plan brings the whole node to its wish: where something else differs from it, an
    administrator settles that before.
    """
    if Role.ADMIN in caller.roles:
        return
    if not is_replacement(plan):
        raise ForbiddenError(
            "A technician replaces disks; any other change needs admin.",
            hint="Replace a disk with: appliance disk replace BAY; or ask one who is admin.",
            subject=f"plan/{plan.id}",
        )
    touched = sorted({step.resource for step in plan.steps})
    pools = {item for item in touched if item.startswith("pool/")}
    if len(pools) > 1 or set(touched) - pools:
        raise ForbiddenError(
            f"The plan changes {', '.join(touched)}: more than the disks of one pool.",
            hint="Something else differs from the wish; an administrator settles it first: "
            "appliance status",
            subject=f"plan/{plan.id}",
        )
