"""appliance disk: what is in which bay, and the acts on a disk itself."""

from __future__ import annotations

import argparse
from typing import Any

from appliance.api import paths
from appliance.api.care_words import care_line
from appliance.api.words import (
    clock,
    disk_pairs,
    disk_verdict_lines,
    standing_lines,
)
from appliance.cli import render
from appliance.cli.parsing import Parser, add_verb, parser_for, verbs_of
from appliance.cli.session import Session
from appliance.cli.verbs.disk_list import show_all
from appliance.errors import NotFoundError, UnavailableError

Json = dict[str, Any]


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for("disk", "Disks and bays.", "appliance disk list")
    verbs = verbs_of(top)
    add_verb(
        verbs, "list", "all disks, missing ones included", _list, example="appliance disk list"
    )
    show = add_verb(verbs, "show", "all about one disk", _show, example="appliance disk show bay:3")
    show.add_argument("disk", metavar="DISK", help="bay:LABEL, a serial or a WWN")
    locate = add_verb(
        verbs,
        "locate",
        "light the bay of a disk, or say why it cannot be lit",
        _locate,
        example="appliance disk locate bay:3",
    )
    locate.add_argument("disk", metavar="DISK", help="bay:LABEL, a serial or a WWN")
    locate.add_argument(
        "--fault", action="store_true", help="the fault light, not the locate light"
    )
    locate.add_argument("--off", action="store_true", help="let it be dark again")
    wipe = add_verb(
        verbs,
        "wipe",
        "take a disk's signatures off, so that it reads as blank; its data stays until erased",
        _wipe,
        example="appliance disk wipe bay:3 --confirm S3X9NX0",
    )
    wipe.add_argument("disk", metavar="DISK", help="bay:LABEL, a serial or a WWN")
    from appliance.cli.options import add_change_options
    from appliance.cli.verbs.disk_quarantine import add_quarantine
    from appliance.cli.verbs.disk_replace import add_replace
    from appliance.cli.verbs.disk_teach import add_teach
    from appliance.cli.verbs.disk_verdict import add_verdict

    add_change_options(wipe)
    add_quarantine(verbs)
    add_replace(verbs)
    add_teach(verbs)
    add_verdict(verbs)
    return top


def _list(session: Session, arguments: argparse.Namespace) -> int:
    del arguments
    return show_all(session)


def _show(session: Session, arguments: argparse.Namespace) -> int:
    detail: Json = session.fetch(paths.DISK, disk=arguments.disk)
    if session.as_json:
        session.print_json(detail)
        return 0
    print(render.pairs(disk_pairs(detail["disk"])))
    for spans in disk_verdict_lines(detail["disk"]):
        print(render.line(spans))
    for spans in standing_lines(detail):
        print(render.line(spans))
    for item in detail["care"]:
        print(care_line(item))
    fault: Json = session.fetch(f"{paths.DISK_LIGHT}?lamp=fault", disk=arguments.disk)
    print(f"fault light: {_light_words(fault)}")
    if detail["acknowledged"]:
        print("acknowledged until they rise:")
        for item in detail["acknowledged"]:
            print(f"  {item['measure']} at {item['value']}, {clock(item['at'])} by {item['who']}")
    for item in detail["kernel"]:
        print(f"kernel, {item['count']} x, last {clock(item['last_at'])}: {item['line']}")
    return 0


def _light_words(light: Json) -> str:
    if light["available"]:
        return "lit" if light["on"] else "dark"
    return f"not available here: {'; '.join(light['reasons'])}"


def _locate(session: Session, arguments: argparse.Namespace) -> int:
    body = {"on": not arguments.off, "lamp": "fault" if arguments.fault else "locate"}
    light: Json = session.fetch(paths.DISK_LIGHT, "PUT", body, disk=arguments.disk)
    if session.as_json:
        session.print_json(light)
    if not light["available"]:
        raise UnavailableError(
            f"The bay of {arguments.disk} cannot be lit here.",
            hint="Find it by its label: appliance disk list",
            subject=arguments.disk,
            details=light["reasons"],
        )
    if not session.as_json:
        state = "lit" if light["on"] else "dark"
        print(f"the {light['lamp']} light of the bay of {arguments.disk} is {state}")
    return 0


def find_disk(session: Session, reference: str) -> Json:
    """The disk a person means. Raises NotFoundError."""
    disks: list[Json] = session.fetch(paths.DISKS)["disks"]
    for disk in disks:
        if reference in {disk["serial"], disk["wwn"]} - {""} or reference == f"bay:{disk['bay']}":
            return disk
    bays = ", ".join(f"bay:{disk['bay']}" for disk in disks if disk["bay"])
    raise NotFoundError(
        f"There is no disk '{reference}'.",
        hint=f"Name it by bay, serial or WWN. Bays with a disk: {bays or 'none known'}.",
        subject=reference,
    )


def _wipe(session: Session, arguments: argparse.Namespace) -> int:
    from appliance.cli.changes import carry_out
    from appliance.model.plan import PlanRequest
    from appliance.model.resource import ActionRequest

    serial = find_disk(session, arguments.disk)["serial"]
    action = ActionRequest(resource=f"disk/{serial}", verb="wipe")
    return carry_out(session, PlanRequest(action=action), arguments)
