"""A node played from a recording: the real application and handlers, no root, nothing written.

Found at run time by the entry point `appliance.recorded_node`, so that no face imports the agent.
A recording is a folder with the answers of a node: `snapshot.json`, `site.json` and, when there
was more to see, `jobs.json` (jobs with their steps) and `audit.json`.
"""

from __future__ import annotations

import atexit
import json
import os
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pydantic import SecretStr, ValidationError

from agents.node.apply.files import NodeFiles
from agents.node.apply.handles import Actor, NodeProbe
from agents.node.apply.network_guard import NetworkGuard
from agents.node.apply.secrets import SecretStore
from agents.node.handlers.callers import Callers
from agents.node.handlers.compose import agent_version, answering, new_id, now
from agents.node.handlers.context import Context
from agents.node.handlers.lights import Lights
from agents.node.handlers.setup_book import SetupBook
from agents.node.jobs.bench import Bench, Told, nobody_told
from agents.node.jobs.jobs import Jobs
from agents.node.server import Front, application
from agents.node.watch.looking import Looking
from agents.node.watch.verdicts import Verdicts
from appliance.api.contract import Role
from appliance.errors import InvalidInputError, NotFoundError, RefusedError
from appliance.health.judge import judge
from appliance.kinds.load import Kinds, load_snapshot
from appliance.kinds.registry import all_kinds
from appliance.model.disk import Disk
from appliance.model.erasing import EraseMeans, EraseMethod, MethodFound, Sanitization
from appliance.model.job import Job
from appliance.model.plan import Plan
from appliance.model.smart import SmartReading
from appliance.model.snapshot import NodeSnapshot
from appliance.model.verdict import Confidence, Evidence, Grade, Part, Verdict
from appliance.planner.site import parse_site
from appliance.state.alerts import Alerts
from appliance.state.audit import Audit
from appliance.state.db import Store
from appliance.state.desired import Desired, replace_desired
from appliance.state.disk_book import DiskBook
from appliance.state.disk_records import DiskRecords
from appliance.state.fills import FillBook
from appliance.state.journal import Journal
from appliance.state.outbox import Outbox
from appliance.state.taught import TaughtBays

if TYPE_CHECKING:
    from starlette.applications import Starlette

NO_MEANS: Final = EraseMeans(
    found=(MethodFound(method=EraseMethod.OVERWRITE, category=Sanitization.CLEAR),)
)
"""A recording cannot be asked; zeros can be written over any disk."""
SNAPSHOT: Final = "snapshot.json"


def recorded_node(folder: Path) -> Starlette:
    """The application of a node as it was recorded; previews work, nothing is carried out.

    Raises NotFoundError for a folder without a recording, InvalidInputError for a broken one.
    """
    kinds = all_kinds()
    snapshot = _read(folder, kinds)
    root = tempfile.TemporaryDirectory(prefix="recorded-node-")
    atexit.register(root.cleanup)
    store = Store(Path(root.name) / "state.db")
    files = NodeFiles(Path(root.name))
    secrets = SecretStore(files)
    for name in snapshot.secrets:
        secrets.put(name, SecretStr("not recorded"))
    with store.writing() as db:
        replace_desired(db, parse_site(kinds, _json(folder, "site.json")["site"]))
    looking, desired, audit = RecordedLooking(snapshot), Desired(store), Audit(store)
    journal = RecordedJournal(store, _jobs(folder))
    for line in reversed(_json(folder, "audit.json").get("lines", ())):
        facts = {key: line[key] for key in ("who", "origin", "what", "subject", "outcome")}
        audit.append(datetime.fromisoformat(line["at"]), **facts)
    actor = Actor(NoHands(), NodeFiles(Path(root.name)), NoHands())
    bench = Bench(kinds, journal, desired, actor, looking.fresh, now, new_id)
    context = Context(
        kinds, looking, RecordedJobs(bench), journal, desired, audit, secrets, now, new_id,
        f"{agent_version()}, a recording", RecordedVerdicts(DiskRecords(store), now), Alerts(store),
        Outbox(store), Lights(lambda: NodeProbe(NoHands(), files, tuple), files, NoHands()),
        NetworkGuard(files, NoHands()),
        SetupBook(files, lambda: NodeProbe(NoHands(), files, tuple)), DiskBook(store, audit, now), TaughtBays(store),
        FillBook(store), lambda _: NO_MEANS,
    )  # fmt: skip
    front = Front(answering(context, Callers(_whoever)))
    made = application(front)
    # They live as long as the application does; who made it may close them before.
    made.state.folder, made.state.store, made.state.front = root, store, front
    return made


class RecordedLooking(Looking):
    """Always sees what was recorded."""

    def __init__(self, snapshot: NodeSnapshot) -> None:
        self._snapshot = snapshot

    def fresh(self, claims: Mapping[str, str]) -> NodeSnapshot:
        """See Looking."""
        del claims
        return self._snapshot

    def recent(self) -> NodeSnapshot:
        """See Looking."""
        return self._snapshot

    def forget(self) -> None:
        """See Looking; there is nothing else to see."""


class RecordedJournal(Journal):
    """The jobs that were recorded; it still keeps previews."""

    def __init__(self, store: Store, jobs: tuple[Job, ...]) -> None:
        super().__init__(store, now)
        self._recorded = jobs

    def job(self, number: int) -> Job:
        """See Journal."""
        for job in self._recorded:
            if job.number == number:
                return job
        return super().job(number)

    def jobs(self, *, unfinished: bool = False) -> tuple[Job, ...]:
        """See Journal."""
        if unfinished:
            return ()
        return tuple(job.model_copy(update={"steps": ()}) for job in self._recorded)


class RecordedVerdicts(Verdicts):
    """What the drives said of themselves: a recording holds no counters to judge by."""

    def verdict(self, disk: Disk) -> Verdict:
        """See Verdicts."""
        passed = disk.smart.passed if disk.smart is not None else None
        if passed is None:
            return super().verdict(disk)
        if not passed:
            return judge(SmartReading(model=disk.model, passed=False))
        word = Evidence(
            rule="self-assessment",
            grade=Grade.HEALTHY,
            part=Part.NONE,
            words="the drive's own verdict: passed; the recording holds no counters",
        )
        return Verdict(
            verdict=Grade.HEALTHY,
            part=Part.NONE,
            confidence=Confidence.LOW,
            evidence=(word,),
            next_step="Nothing to do.",
        )


class RecordedJobs(Jobs):
    """Refuses to begin anything."""

    def start(
        self,
        plan: Plan,
        confirm: frozenset[str],
        who: str,
        origin: str,
        accepted: Told = nobody_told,
    ) -> Job:
        """See Jobs. Raises RefusedError."""
        del confirm, who, origin, accepted
        raise RefusedError(
            "This is a recording of a node: changes are previewed, never carried out.",
            hint="Rehearse on a virtual node: appliance-lab up",
            subject=f"plan/{plan.id}",
        )


class NoHands:
    """No executor and no hypervisor: nothing of a recording reaches them."""

    def run(self, *_: object) -> NoReturn:
        """Raises RefusedError."""
        raise RefusedError("A recording has no hands.", hint="Use a real or virtual node.")

    define = definition = act = run


def _whoever(uid: int, gid: int) -> tuple[str, frozenset[str]]:
    """Who plays a recording may see and preview everything."""
    del gid
    return os.environ.get("USER") or f"uid {uid}", frozenset({f"appliance-{Role.ADMIN}"})


def _read(folder: Path, kinds: Kinds) -> NodeSnapshot:
    if not (folder / SNAPSHOT).is_file():
        raise NotFoundError(
            f"There is no recording of a node in {folder}: it has no {SNAPSHOT}.",
            hint="For example: hardware-profiles/lab-12bay/captures",
            subject=str(folder),
        )
    try:
        return load_snapshot(kinds, _json(folder, SNAPSHOT))
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInputError(
            f"{folder / SNAPSHOT}: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            hint="Record it anew with an agent of this version.",
            subject=str(folder),
        ) from error


def _jobs(folder: Path) -> tuple[Job, ...]:
    return tuple(Job.model_validate(item) for item in _json(folder, "jobs.json").get("jobs", ()))


def _json(folder: Path, name: str) -> dict[str, Any]:
    """A file of the recording; an absent one says that there was nothing."""
    path = folder / name
    if not path.is_file():
        return {"site": {}}
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
