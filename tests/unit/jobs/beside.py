"""A pool whose replacement waits, another wish beside it, and what holds a job up. For tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from appliance.errors import StepFailedError
from appliance.model.command import Command
from appliance.model.job import Job, JobState
from appliance.model.plan import Plan
from tests.unit.jobs.node import WAIT_S, Node

VOLUMES: dict[str, Any] = {"images": {"pool": "tank", "size": 5}}
SHARES: dict[str, Any] = {"images": {"volume": "images"}}


def site(*disks: str, **more: Any) -> dict[str, Any]:
    """A wish with a pool of these disks."""
    pools = {"tank": {"disks": disks, "slow": True}, **more.pop("pools", {})}
    return {"pool": pools, "volume": VOLUMES, "share": SHARES, **more}


BEFORE = site("d1", "d2")
AFTER = site("d1", "d3")
NEW: dict[str, Any] = {
    "volume": {"new": {"pool": "tank"}},
    "share": {"new": {"volume": "new", "nfs": {"clients": ["10.0.0.1"]}}},
}
DEN: dict[str, Any] = {"den": {"disks": ["d4"]}}


def replacing(node: Node, after: dict[str, Any] = AFTER, before: dict[str, Any] = BEFORE) -> int:
    """The number of a job that replaces d2 by d3, and waits."""
    node.must(before)
    number = node.begin(node.preview(after))
    waits = node.until(number, JobState.FAILED, JobState.UNDONE, waits=True)
    assert waits.waits.startswith("Wait until tank is whole"), waits
    return number


def whole(node: Node, number: int, pool: str = "tank") -> Job:
    """The job at rest, once all is rebuilt."""
    node.host.rebuilt[pool] = 100.0
    node.join()
    return node.journal.job(number)


def wanted(node: Node) -> list[str]:
    return [item.id for item in node.desired.resources()]


def disks_wanted(node: Node) -> list[str]:
    (pool,) = (item for item in node.desired.resources() if item.id == "pool/tank")
    return list(pool.spec.model_dump()["disks"])


def never(command: Command) -> None:
    """Nothing is in the way."""


def held_up(node: Node, plan: Plan) -> tuple[int, threading.Event]:
    """A job that stands in its lvcreate, and what lets it go on."""
    go_on, held = threading.Event(), threading.Event()

    def hold(command: Command) -> None:
        if command.argv[0] == "lvcreate":
            held.set()
            assert go_on.wait(WAIT_S)

    node.host.before = hold
    number = node.begin(plan)
    assert held.wait(WAIT_S)
    return number, go_on


def failing(line: str) -> Callable[[Command], None]:
    def fail(command: Command) -> None:
        if command.line() == line:
            raise StepFailedError(f"{line} broke", hint="Mend it.")

    return fail


DEN_PUT: dict[str, Any] = {"pool": DEN}
