"""appliance disk list: the read that is asked for most, so it pays for no argument parser."""

from __future__ import annotations

from typing import Any, Final

from appliance.api import paths
from appliance.api.words import disk_health, disk_holds
from appliance.cli import render
from appliance.cli.session import Session

_HEADERS: Final = (
    "BAY",
    "SERIAL",
    "MODEL",
    "TYPE",
    "SIZE",
    "ROLE",
    "POOL",
    "TIER",
    "HEALTH",
    "HOLDS",
)

Json = dict[str, Any]


def show_all(session: Session) -> int:
    """All disks, missing ones included."""
    answer: Json = session.fetch(paths.DISKS)
    if session.as_json:
        session.print_json(answer)
        return 0
    print(render.table(_HEADERS, (_row(disk) for disk in answer["disks"])))
    for problem in answer["problems"]:
        print(f"{render.paint('not read:', 'warning')} {problem}")
    return 0


def _row(disk: Json) -> tuple[str, ...]:
    return (
        disk["bay"] or render.NOTHING,
        disk["serial"],
        disk["model"] or render.NOTHING,
        f"{disk['transport']} {disk['medium']}",
        render.size(disk["size"]),
        disk["role"],
        disk["pool"] or render.NOTHING,
        disk["tier"] or render.NOTHING,
        disk_health(disk),
        disk_holds(disk),
    )
