"""appliance disk teach: label a bay that nothing in the machine tells, by the disk that is in it."""

from __future__ import annotations

import argparse
from typing import Any

from appliance.api import paths
from appliance.cli import render
from appliance.cli.parsing import Verbs, add_verb
from appliance.cli.session import Session
from appliance.errors import InvalidInputError


def add_teach(verbs: Verbs) -> None:
    """The verb, beside the others of `appliance disk`."""
    teach = add_verb(
        verbs, "teach", "say which bay a disk is in, where the chassis does not tell", _teach,
        example="appliance disk teach S3X9NX0 12; appliance disk teach",
    )  # fmt: skip
    teach.add_argument("disk", metavar="DISK", nargs="?", default="",
                       help="a serial or a WWN; without one, print what was taught")  # fmt: skip
    teach.add_argument("label", metavar="LABEL", nargs="?", default="",
                       help="what is printed beside the bay")  # fmt: skip
    teach.add_argument(
        "--forget", action="store_true", help="the bay of this disk is unknown again"
    )


def _teach(session: Session, arguments: argparse.Namespace) -> int:
    if not arguments.disk:
        return _show(session, session.fetch(paths.BAYS))
    if bool(arguments.label) == arguments.forget:
        raise InvalidInputError(
            "Teaching a bay takes the disk and a label, or the disk and --forget.",
            hint="See: appliance disk teach --help",
            subject=arguments.disk,
        )
    body = {"label": arguments.label}
    return _show(session, session.fetch(paths.DISK_BAY, "PUT", body, disk=arguments.disk))


def _show(session: Session, answer: dict[str, Any]) -> int:
    if session.as_json:
        session.print_json(answer)
    elif not answer["bays"]:
        print("no bay was taught")
    else:
        rows = (
            (item["label"], item["serial"] or render.NOTHING, item["path"])
            for item in answer["bays"]
        )
        print(render.table(("BAY", "DISK NOW", "PATH"), rows))
    return 0
