"""Puts the agent together: the one place that knows every part."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from secrets import token_hex
from typing import Final

from agents.node.apply.executor import Executor
from agents.node.apply.files import NodeFiles
from agents.node.apply.guests import LibvirtGuests
from agents.node.apply.handles import Actor, GuestActs, NodeProbe, Runs
from agents.node.apply.network_guard import NetworkGuard
from agents.node.apply.secrets import SecretStore
from agents.node.care.care import attend
from agents.node.care.means import Means
from agents.node.handlers import (
    alerts,
    audits,
    bays,
    disks,
    jobs,
    metrics,
    network,
    plans,
    resources,
    secrets,
    setup,
    status,
)
from agents.node.handlers.answering import Answering
from agents.node.handlers.binding import bind
from agents.node.handlers.callers import Callers
from agents.node.handlers.context import Context
from agents.node.handlers.lights import Lights
from agents.node.handlers.setup_book import SetupBook
from agents.node.jobs.bench import Bench, Boundary, no_boundary
from agents.node.jobs.claims import claims_of
from agents.node.jobs.jobs import Jobs
from agents.node.observe.devices import DeviceScan
from agents.node.observe.erasing import observe_means
from agents.node.observe.guests import read_guests
from agents.node.observe.host import observe_dmi
from agents.node.observe.smart import SmartCache, SmartReader
from agents.node.observe.udev import scan_devices
from agents.node.profiles import best_profile
from agents.node.watch.looking import Looking, Sources
from agents.node.watch.taught import TaughtProfile
from agents.node.watch.verdicts import Verdicts
from appliance.errors import FullError
from appliance.kinds.registry import all_kinds
from appliance.model.guest import GuestRecord
from appliance.model.job import Job
from appliance.state.alerts import Alerts
from appliance.state.audit import Audit
from appliance.state.care import CareBook
from appliance.state.db import Store
from appliance.state.desired import Desired
from appliance.state.disk_book import DiskBook
from appliance.state.disk_records import DiskRecords
from appliance.state.disks import DiskMemory
from appliance.state.fills import FillBook
from appliance.state.journal import Journal
from appliance.state.outbox import Outbox
from appliance.state.taught import TaughtBays

LOG: Final = logging.getLogger(__name__)
HANDLERS: Final = (
    alerts, audits, bays, disks, jobs, metrics, network, plans, resources, secrets, setup, status,
)  # fmt: skip


@dataclass(frozen=True)
class Outside:
    """Everything the agent touches outside of its own database; a fake node in tests."""

    files: NodeFiles
    executor: Runs
    secrets: SecretStore
    scan: Callable[[], DeviceScan]
    guests_seen: Callable[[], tuple[GuestRecord, ...]]
    guests: GuestActs
    smart: SmartCache

    def probe(self) -> NodeProbe:
        """The probe of one observation."""
        return NodeProbe(self.executor, self.files, self.guests_seen)


def this_machine() -> Outside:
    """The machine the agent runs on."""
    files = NodeFiles()
    store = SecretStore(files)
    executor = Executor(store)
    return Outside(
        files=files,
        executor=executor,
        secrets=store,
        scan=scan_devices,
        guests_seen=read_guests,
        guests=LibvirtGuests(),
        smart=SmartCache(SmartReader(executor.run), time.monotonic),
    )


def compose(outside: Outside, database: Path, boundary: Boundary = no_boundary) -> Context:
    """The agent's parts; tests watch the edges of its jobs through `boundary`.

    Raises UnavailableError or FullError when the database cannot be opened.
    """
    store, kinds = Store(database), all_kinds()
    journal, audit, desired = Journal(store, now), Audit(store), Desired(store)
    book, taught = DiskBook(store, audit, now), TaughtBays(store)
    verdicts = Verdicts(DiskRecords(store), now)
    sources = Sources(
        probe=outside.probe,
        scan=outside.scan,
        kinds=kinds,
        profile=TaughtProfile(best_profile(observe_dmi(outside.probe())), taught.labels),
        disks=DiskMemory(store),
        secrets=outside.secrets.names,
        smart=outside.smart.shorts,
        now=now,
        book=book,
        verdict=verdicts.verdict,
    )
    looking = Looking(sources, lambda: claims_of(journal))
    bench = Bench(
        kinds=kinds,
        journal=journal,
        desired=desired,
        actor=Actor(outside.executor, outside.files, outside.guests, book=book),
        observe=looking.fresh,
        now=now,
        new_id=new_id,
        boundary=boundary,
        ended=Ended(looking, audit),
    )
    outside.smart.tell(verdicts.take)
    jobs_ = Jobs(bench)
    means = Means(kinds, looking, jobs_, journal, desired, audit, verdicts, now, new_id)
    return Context(
        kinds=kinds,
        looking=looking,
        jobs=jobs_,
        journal=journal,
        desired=desired,
        audit=audit,
        secrets=outside.secrets,
        now=now,
        new_id=new_id,
        version=agent_version(),
        verdicts=verdicts,
        alerts=Alerts(store),
        outbox=Outbox(store),
        lights=Lights(outside.probe, outside.files, outside.executor),
        care=attend(means, CareBook(store), outside),
        network=NetworkGuard(outside.files, outside.executor),
        setup=SetupBook(outside.files, outside.probe),
        book=book,
        taught=taught,
        fills=FillBook(store),
        erase_means=lambda disk: observe_means(outside.probe(), disk),
    )


def answering(context: Context, callers: Callers | None = None) -> Answering:
    """What answers requests. Raises InternalError when an endpoint has no fitting handler."""
    return Answering(context, bind(HANDLERS), callers or Callers())


@dataclass(frozen=True)
class Ended:
    """What happens when a job has come to rest."""

    looking: Looking
    audit: Audit

    def __call__(self, job: Job) -> None:
        """Write its outcome down, and let the next reader look anew."""
        self.looking.forget()
        try:
            self.audit.append(
                now(),
                who=job.who,
                origin="agent",
                what="job",
                subject=f"job/{job.number}",
                outcome=f"{job.state}: {job.error}" if job.error else str(job.state),
            )
        except FullError as error:
            LOG.error("the outcome of job %d is not in the audit: %s", job.number, error.message)  # noqa: TRY400 - the message says it all


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """An id no one can guess."""
    return token_hex(8)


def agent_version() -> str:
    """The version that is installed, or that this is a source tree."""
    try:
        return version("appliance-suite")
    except PackageNotFoundError:
        return "source tree"
