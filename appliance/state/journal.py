"""The journal: what was planned, what was begun, what has ended; it survives a power cut.

A step is committed as begun before its command starts, and as ended after. Whoever waits for a
job sleeps on a condition; nobody asks the database again and again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter
from sqlite_utils import Database

from appliance.errors import InternalError, NotFoundError
from appliance.model.job import ENDED, MOVES, Job, JobState, StepState
from appliance.model.plan import Plan
from appliance.model.resource import Resource
from appliance.model.steps import Step
from appliance.state.db import Row, Store
from appliance.state.desired import replace_desired

OUTPUT_TAIL: Final = 4096
"""Characters of a step's output that are kept."""

PREVIEW_KEPT: Final = timedelta(days=7)

_STEPS: Final = TypeAdapter[tuple[Step, ...]](tuple[Step, ...])
_STEP_FIELDS: Final = ("number", "title", "resource", "state", "line", "begun_at", "ended_at",
                       "code", "output")  # fmt: skip
_JOB_FIELDS: Final = ("number", "plan_id", "state", "who", "created_at", "ended_at", "summary",
                      "error", "next_step", "seq")  # fmt: skip


@dataclass(frozen=True)
class Executed:
    """A step that was begun, and what takes it back (None: no way back)."""

    number: int
    state: StepState
    undo: tuple[Step, ...] | None


class Journal:
    """Plans, jobs, steps and events. Safe to use from several threads."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._changed = threading.Condition()

    def save_plan(self, plan: Plan) -> None:
        """Keep a plan, so that it can be applied and looked at later.

        Previews that were not applied for PREVIEW_KEPT go: they would only fill the disk.
        """
        with self._store.writing() as db:
            db.execute(
                "DELETE FROM plan WHERE created_at < ? AND id NOT IN (SELECT plan_id FROM job)",
                [(self._now() - PREVIEW_KEPT).isoformat()],
            )
            db.table("plan").insert(
                {
                    "id": plan.id,
                    "created_at": plan.created_at.isoformat(),
                    "document": plan.model_dump_json(),
                }
            )

    def plan(self, plan_id: str) -> Plan:
        """A plan made before, specs as the open type. Raises NotFoundError."""
        rows = self._store.rows("SELECT document FROM plan WHERE id = ?", plan_id)
        if not rows:
            raise NotFoundError(
                f"There is no plan '{plan_id}'.",
                hint="Make one: appliance apply SPEC.toml --preview",
                subject=plan_id,
            )
        return Plan.model_validate_json(rows[0]["document"])

    def open_job(
        self,
        plan: Plan,
        lines: Sequence[str],
        *,
        who: str,
        origin: str,
        confirmed: Iterable[str],
        summary: str,
    ) -> int:
        """Write down a job that waits to run, with all its steps; its number.

        Raises FullError when there is no room for its end to be written down, come what may.
        """
        self._store.need_room()
        with self._store.writing() as db:
            row: Row = {
                "plan_id": plan.id,
                "state": JobState.WAITING.value,
                "who": who,
                "origin": origin,
                "confirmed": json.dumps(sorted(confirmed)),
                "continues": plan.continues,
                "created_at": self._stamp(),
                "summary": summary,
            }
            number = _key(db.table("job").insert(row).last_pk)
            db.table("step").insert_all(
                {
                    "job": number,
                    "number": index,
                    "title": step.title,
                    "resource": step.resource,
                    "state": StepState.PLANNED.value,
                    "line": line,
                }
                for index, (step, line) in enumerate(zip(plan.steps, lines, strict=True), start=1)
            )
            self._note(db, number, "waiting")
        self._wake()
        return number

    def move(
        self,
        number: int,
        state: JobState,
        *,
        error: str | None = None,
        next_step: str | None = None,
        unfinished: bool | None = None,
        desired: Iterable[Resource] | None = None,
    ) -> None:
        """Move a job on, and the wish with it in the same transaction.

        `unfinished` False: nothing of it is left to finish or undo. Raises InternalError for a
        move that model.job.MOVES does not allow.
        """
        with self._store.writing() as db:
            words = {"error": error, "next_step": next_step}
            change: Row = {key: value for key, value in words.items() if value is not None}
            if unfinished is not None:
                change["unfinished"] = int(unfinished)
            self._move(db, number, state, change)
            if desired is not None:
                replace_desired(db, desired)
        self._wake()

    def finished(self, number: int, outdated: Iterable[int] = ()) -> None:
        """A job is proven. So are the jobs it finishes; failed ones may be out of date by that."""
        with self._store.writing() as db:
            self._move(db, number, JobState.DONE, {"unfinished": 0, "next_step": ""})
            for older in self.chain(number)[1:]:
                words = f"Finished by job {number}."
                self._move(db, older, JobState.DONE, {"unfinished": 0, "next_step": words})
            for other in outdated:
                self._close(db, other, f"Out of date since job {number} is done.")
        self._wake()

    def close(self, number: int, why: str) -> None:
        """Nothing of an ended job is left to finish or undo; its state stays."""
        with self._store.writing() as db:
            self._close(db, number, why)
        self._wake()

    def step_begun(
        self, number: int, step: int, undo: tuple[Step, ...] | None, *, waits: bool = False
    ) -> None:
        """Commit that a step begins now; `waits`: its job lets others in until the step ends.

        Raises FullError: then the step must not begin.
        """
        text = None if undo is None else _STEPS.dump_json(undo).decode()
        change: Row = {"state": StepState.BEGUN.value, "begun_at": self._stamp(), "undo": text}
        self._change_step(number, step, change | {"waits": int(waits)})

    def step_ended(
        self, number: int, step: int, state: StepState, *, code: int | None, output: str
    ) -> None:
        """Commit how a step ended: ended or failed."""
        change: Row = {"state": state.value, "code": code, "output": output[-OUTPUT_TAIL:]}
        self._change_step(number, step, change | {"ended_at": self._stamp()})

    def step_says(self, number: int, step: int, words: str) -> None:
        """Note how far a begun step is; the words stand as its output until it ends."""
        with self._store.writing() as db:
            db.table("step").update((number, step), {"output": words})
            self._note(db, number, f"step {step}: {words}")
        self._wake()

    def step_undoing(self, number: int, step: int) -> None:
        """Commit that a step is being taken back: cut off here, its effect is uncertain again."""
        self._change_step(number, step, {"state": StepState.BEGUN.value})

    def step_stays(self, number: int, step: int) -> None:
        """Commit that a step that had ended could not be taken back."""
        self._change_step(number, step, {"state": StepState.ENDED.value})

    def step_undone(self, number: int, step: int, words: str) -> None:
        """Commit that a step was taken back; the words are added to what it said itself."""
        rows = self._store.rows(
            "SELECT output FROM step WHERE job = ? AND number = ?", number, step
        )
        output = f"{rows[0]['output']}\n{words}".strip()[-OUTPUT_TAIL:]
        self._change_step(number, step, {"state": StepState.UNDONE.value, "output": output})

    def job(self, number: int) -> Job:
        """A job with its steps. Raises NotFoundError."""
        row = self._job_row(number)
        steps = self._store.rows("SELECT * FROM step WHERE job = ? ORDER BY number", number)
        return _job(row, steps, self._waits(row))

    def jobs(self, *, unfinished: bool = False) -> tuple[Job, ...]:
        """Jobs without their steps, newest first; all, or those with something left to do."""
        where = "WHERE unfinished = 1" if unfinished else ""
        rows = self._store.rows(f"SELECT * FROM job {where} ORDER BY number DESC")  # noqa: S608
        return tuple(_job(row, (), self._waits(row)) for row in rows)

    def wait(self, number: int, after: int, timeout_s: float) -> Job:
        """The job as soon as its sequence is past `after`, or when the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._job_row(number)["seq"] > after, timeout_s)
        return self.job(number)

    def executed(self, number: int) -> tuple[Executed, ...]:
        """The steps of a job that were begun and not yet taken back, first to last."""
        rows = self._store.rows(
            "SELECT number, state, undo FROM step WHERE job = ? AND state IN (?, ?, ?) "
            "ORDER BY number",
            number,
            *(state.value for state in (StepState.BEGUN, StepState.ENDED, StepState.FAILED)),
        )
        return tuple(
            Executed(
                number=row["number"],
                state=StepState(row["state"]),
                undo=None if row["undo"] is None else _STEPS.validate_json(row["undo"]),
            )
            for row in rows
        )

    def confirmed(self, number: int) -> frozenset[str]:
        """What was typed to confirm a job."""
        return frozenset(json.loads(self._job_row(number)["confirmed"]))

    def chain(self, number: int) -> tuple[int, ...]:
        """The job, the older one it continues, the one that continued, and so on."""
        links = [number]
        while (older := self._job_row(links[-1])["continues"]) is not None:
            links.append(older)
        return tuple(links)

    def _job_row(self, number: int) -> Row:
        rows = self._store.rows("SELECT * FROM job WHERE number = ?", number)
        if not rows:
            raise NotFoundError(
                f"There is no job {number}.",
                hint="List them with: appliance job list",
                subject=f"job/{number}",
            )
        return rows[0]

    def _waits(self, row: Row) -> str:
        """What a job waits for while it lets others in. One that is undone or was cut off, in the
        same step, lets nobody in."""
        if row["state"] != JobState.RUNNING.value:
            return ""
        steps = self._store.rows(
            "SELECT title, output FROM step WHERE job = ? AND state = ? AND waits = 1",
            row["number"],
            StepState.BEGUN.value,
        )
        return ": ".join(filter(None, (steps[0]["title"], steps[0]["output"]))) if steps else ""

    def _move(self, db: Database, number: int, state: JobState, change: Row) -> None:
        now = JobState(self._job_row(number)["state"])
        if state not in MOVES[now]:
            raise InternalError(
                f"Job {number} cannot go from {now} to {state}.",
                hint=f"Report this with the output of: appliance job show {number}",
                subject=f"job/{number}",
            )
        ended = self._stamp() if state in ENDED else None
        db.table("job").update(number, {"state": state.value, "ended_at": ended, **change})
        self._note(db, number, state.value)

    def _close(self, db: Database, number: int, why: str) -> None:
        db.table("job").update(number, {"unfinished": 0, "next_step": why})
        self._note(db, number, why)

    def _change_step(self, number: int, step: int, change: Row) -> None:
        with self._store.writing() as db:
            db.table("step").update((number, step), change)
            self._note(db, number, f"step {step} {change['state']}")
        self._wake()

    def _note(self, db: Database, number: int, what: str) -> None:
        event = {"job": number, "at": self._stamp(), "what": what}
        seq = db.table("event").insert(event).last_pk
        db.table("job").update(number, {"seq": seq})

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _stamp(self) -> str:
        return self._now().isoformat()


def _key(value: object) -> int:
    """A row's number; sqlite-utils types keys as anything."""
    return int(str(value))


def _job(row: Row, steps: Iterable[Mapping[str, Any]], waits: str) -> Job:
    return Job.model_validate(
        {key: row[key] for key in _JOB_FIELDS}
        | {
            "waits": waits,
            "steps": tuple(
                {key: step[key] for key in _STEP_FIELDS} | {"has_undo": step["undo"] is not None}
                for step in steps
            ),
        }
    )
