"""Runs on a node: SIGKILL for the agent's real unit in the middle of a step of each kind.

usage: killed_units.py SITE.json DATABASE

Applies the site through the socket, everything confirmed. Noun after noun, in the plan's order:
waits until a step of the noun has begun, kills the unit's main process, waits until systemd has
started it again, and has the job finished. Prints one JSON object.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from appliance.api.contract import JOB_FINISH, JOB_GET, JOB_START, PLAN_MAKE, JobQuery
from appliance.api.wire import ApplyRequest
from appliance.client.client import Client
from appliance.client.unix import UnixTransport
from appliance.errors import BusyError, UnavailableError
from appliance.model.job import ENDED, Job, JobState
from appliance.model.plan import Plan, PlanRequest

UNIT: Final = "appliance-agent.service"
PATIENCE_S: Final = 180
T = TypeVar("T")


class Watched:
    """A job in the agent's database, looked at more often than the agent could be asked."""

    def __init__(self, database: str) -> None:
        self._db = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)

    def begun(self, number: int, noun: str) -> str:
        """Title of the step of the noun that is running now, empty when none is."""
        rows = self._db.execute(
            "SELECT title FROM step WHERE job = ? AND state = 'begun' AND resource LIKE ?",
            (number, f"{noun}/%"),
        ).fetchall()
        return str(rows[0][0]) if rows else ""

    def over(self, number: int) -> bool:
        """Whether nothing happens in the job any more."""
        (state,) = self._db.execute("SELECT state FROM job WHERE number = ?", (number,)).fetchone()
        return JobState(state) in ENDED


def kill(watched: Watched, number: int, noun: str) -> str:
    """Kill the agent while a step of the noun runs; the step's title, empty when it came to none."""
    while not (title := watched.begun(number, noun)):
        if watched.over(number):
            return ""
        time.sleep(0.02)
    subprocess.run(
        ["systemctl", "kill", "--kill-whom=main", "--signal=SIGKILL", UNIT], check=True
    )  # fmt: skip
    return title


def patiently(call: Callable[[], T]) -> T:
    """The answer, as soon as the agent is there again and a command that outlived it has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except (UnavailableError, BusyError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def look(client: Client, number: int) -> Job:
    """The job as the agent tells it."""
    return patiently(lambda: client.call(JOB_GET, number=str(number)))


def start(client: Client, plan: Plan, confirm: frozenset[str]) -> int:
    """Carry a plan out; the job's number."""
    request = ApplyRequest(plan_id=plan.id, digest=plan.digest, confirm=confirm)
    return patiently(lambda: client.call(JOB_START, request)).number


def finish(client: Client, number: int) -> int:
    """Go on with a job that was cut off, as `appliance job finish` does; the new job's number.

    Nothing is confirmed: what was typed for the first job holds for all that go on with it.
    """
    plan = patiently(lambda: client.call(JOB_FINISH, number=str(number)))
    return start(client, plan, frozenset())


def end_of(client: Client, job: Job) -> Job:
    """The job when it has come to rest."""
    while job.state not in ENDED:
        job = client.call(JOB_GET, JobQuery(after=job.seq, wait=30), number=str(job.number))
    return job


def main(site: dict[str, Any], database: str) -> int:
    """0 when every noun had its kill and the last job is done."""
    client, watched, killed = Client(UnixTransport()), Watched(database), {}
    wrong: list[str] = []
    plan = client.call(PLAN_MAKE, PlanRequest(site=site))
    nouns = tuple(dict.fromkeys(step.resource.partition("/")[0] for step in plan.steps))
    number = start(client, plan, frozenset(item.token for item in plan.confirmations))
    for noun in nouns:
        title = kill(watched, number, noun)
        if not title:
            wrong.append(f"no step of {noun} in job {number}")
            break
        killed[noun] = title
        job = look(client, number)
        if job.state is not JobState.UNKNOWN or f"job finish {number}" not in job.next_step:
            wrong.append(f"{noun}: job {number} is {job.state}: {job.next_step}")
        number = finish(client, number)
    job = end_of(client, look(client, number))
    if job.state is not JobState.DONE:
        wrong.append(f"job {job.number} is {job.state}: {job.error}")
    print(json.dumps({"killed": killed, "wrong": wrong}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2]))
