"""appliance disk replace: one disk of a pool in another's place, the pool in use all the while."""

from __future__ import annotations

import argparse

from appliance.cli.parsing import Verbs, add_verb
from appliance.cli.session import Session


def add_replace(verbs: Verbs) -> None:
    """The verb, beside the others of `appliance disk`."""
    from appliance.cli.options import add_change_options

    verb = add_verb(
        verbs,
        "replace",
        "put a disk in another's place: what it holds is rebuilt from the others",
        _replace,
        example="appliance disk replace 3 --with 11 --confirm S3X9NX0",
    )
    verb.add_argument("disk", metavar="DISK", help="the disk that goes: its bay, serial or WWN")
    verb.add_argument(
        "--with", dest="new", default="", metavar="DISK",
        help="the disk that comes; else the blank one in the same bay, or the one that fits best",
    )  # fmt: skip
    add_change_options(verb)


def _replace(session: Session, arguments: argparse.Namespace) -> int:
    from appliance.cli.changes import carry_out
    from appliance.model.plan import PlanRequest
    from appliance.model.resource import ActionRequest

    given = {"with": arguments.new} if arguments.new else {}
    action = ActionRequest(resource=f"disk/{arguments.disk}", verb="replace", arguments=given)
    return carry_out(session, PlanRequest(action=action), arguments)
