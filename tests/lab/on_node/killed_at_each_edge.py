"""Runs on a node: carries a site out while SIGKILL ends the agent's process at its step boundaries.

usage: killed_at_each_edge.py SITE.json DATABASE WHICH

    each    every step that a round comes to, when it is begun, performed, and written down as ended
    turns   every boundary between two steps once, in turn at one of these three edges of it

Each round is a child process with the agent's own parts (no other code path): it recovers, plans
what is left, starts the job, and is killed at the first edge that was not hit in an earlier round.
The parent starts the next round until one comes to its end. Prints one JSON object: the edges that
were hit, and what each round planned.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NoReturn

from agents.node.handlers.compose import compose, new_id, now, this_machine
from agents.node.handlers.context import Context
from appliance.errors import ApplianceError, StaleError
from appliance.model.job import ENDED, Job, JobState
from appliance.model.plan import Plan
from appliance.planner.plan import make_plan
from appliance.planner.site import parse_site

ROUNDS_AT_MOST: Final = 400
PLANS_AT_MOST: Final = 3
EDGES: Final = ("begun", "performed", "ended")
START: Final = "the start"
END: Final = "the end"


class Killer:
    """Kills its own process at the first edge that is due and not in the file yet."""

    def __init__(self, seen: Path, which: str) -> None:
        self.seen, self.which = seen, which
        self.planned = seen.with_suffix(".plans")
        self.titles: tuple[str, ...] = ()

    def plans(self, titles: tuple[str, ...]) -> None:
        """What this round is about to do; kept, for the kill is the end of it."""
        self.titles = titles
        with self.planned.open("a") as sink:
            sink.write(f"{json.dumps(titles)}\n")

    def plans_anew(self) -> None:
        """The last plan was refused before anything of it was done."""
        kept = self.planned.read_text().splitlines(keepends=True)[:-1]
        self.planned.write_text("".join(kept))

    def __call__(self, number: int, step: int, edge: str) -> None:
        del number
        killed = self.seen.read_text().splitlines()
        place = self._step(step, edge) if self.which == "each" else self._turn(step, edge, killed)
        if not place or f"{edge}: {place}" in killed:
            return
        with self.seen.open("a") as sink:
            sink.write(f"{edge}: {place}\n")
            sink.flush()
            os.fsync(sink.fileno())
        os.kill(os.getpid(), signal.SIGKILL)

    def _step(self, step: int, edge: str) -> str:
        return self.titles[step - 1] if step and edge in EDGES else ""

    def _turn(self, step: int, edge: str, killed: list[str]) -> str:
        """The boundary an edge lies at, called by the steps around it; empty when it is not due."""
        if (edge if edge != "proving" else "begun") != EDGES[len(killed) % len(EDGES)]:
            return ""
        places = [line.partition(": ")[2] for line in killed]
        after = (step or len(self.titles) + 1) - (1 if edge in ("begun", "proving") else 0)
        if not after and places:
            return ""  # The round before this one was killed just here.
        around = (START, *self.titles, END)[after : after + 2]
        place = " / ".join(around)
        return "" if place in places else place


def child(site: Path, database: Path, killer: Killer) -> NoReturn:
    """One round: 0 when the site stands and planning again is empty, 1 with words otherwise."""
    context = compose(this_machine(), database, boundary=killer)
    try:
        job = ended(context, begun(context, site, killer))
    except ApplianceError as error:
        print(f"{error.code}: {error.message} {error.hint} {error.details}", flush=True)
        os._exit(1)
    if job.state is not JobState.DONE:
        print(f"job {job.number} is {job.state}: {job.error}", flush=True)
        os._exit(1)
    os._exit(0)


def begun(context: Context, site: Path, killer: Killer) -> Job:
    """The job of a round; the first one is confirmed for all that go on with it.

    A kill leaves udev behind: its news may come between plan and start, and then the plan is
    refused as stale and a person plans again.
    """
    cut_off = context.jobs.recover()
    tried = 0
    while True:
        plan = context.jobs.finish(cut_off[0].number) if cut_off else first_plan(context, site)
        killer.plans(tuple(step.title for step in plan.steps))
        try:
            tokens = () if cut_off else (item.token for item in plan.confirmations)
            return context.jobs.start(plan, frozenset(tokens), "root", "local")
        except StaleError:
            killer.plans_anew()
            tried += 1
            if tried == PLANS_AT_MOST:
                raise


def first_plan(context: Context, site: Path) -> Plan:
    """The plan of the whole site against what the database wants already."""
    plan = make_plan(
        context.kinds,
        context.looking.fresh(context.jobs.claims()),
        context.wanted(),
        parse_site(context.kinds, json.loads(site.read_text())),
        plan_id=new_id(),
        now=now(),
    )
    context.journal.save_plan(plan)
    return plan


def ended(context: Context, job: Job) -> Job:
    """Wait for the job's end."""
    while job.state not in ENDED:
        job = context.journal.wait(job.number, job.seq, 30)
    return job


def main(site: Path, database: Path, which: str) -> int:
    """Rounds until one ends by itself. The exit status is that round's."""
    seen = site.with_suffix(".edges")
    seen.write_text("")
    seen.with_suffix(".plans").write_text("")
    # Children that find everything imported already are started sooner.
    with TemporaryDirectory() as scratch:
        compose(this_machine(), Path(scratch) / "state.db")
    killer, kills, began = Killer(seen, which), 0, time.monotonic()
    for _ in range(ROUNDS_AT_MOST):
        pid = os.fork()
        if not pid:
            child(site, database, killer)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status != -signal.SIGKILL:
            break
        kills += 1
    else:
        status = 1
    told = {"status": status, "kills": kills, "seconds": round(time.monotonic() - began)}
    plans = [json.loads(line) for line in killer.planned.read_text().splitlines()]
    print(json.dumps(told | {"edges": seen.read_text().splitlines(), "plans": plans}))
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
