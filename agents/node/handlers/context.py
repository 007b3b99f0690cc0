"""What handlers work with: the node's parts, put together once by compose.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agents.node.apply.network_guard import NetworkGuard
from agents.node.apply.secrets import SecretStore
from agents.node.care.care import Care
from agents.node.handlers.callers import Caller
from agents.node.handlers.lights import Lights
from agents.node.handlers.setup_book import SetupBook
from agents.node.jobs.jobs import Jobs
from agents.node.watch.looking import Looking
from agents.node.watch.verdicts import Verdicts
from appliance.errors import InvalidInputError
from appliance.kinds.load import Kinds, typed
from appliance.kinds.registry import AnyKind
from appliance.model.disk import Disk
from appliance.model.erasing import EraseMeans
from appliance.model.resource import Finding, Resource
from appliance.state.alerts import Alerts
from appliance.state.audit import Audit
from appliance.state.desired import Desired
from appliance.state.disk_book import DiskBook
from appliance.state.fills import FillBook
from appliance.state.journal import Journal
from appliance.state.outbox import Outbox
from appliance.state.taught import TaughtBays


@dataclass(frozen=True)
class Context:
    """The parts of a running agent."""

    kinds: Kinds
    looking: Looking
    jobs: Jobs
    journal: Journal
    desired: Desired
    audit: Audit
    secrets: SecretStore
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    version: str
    verdicts: Verdicts
    alerts: Alerts
    outbox: Outbox
    lights: Lights
    network: NetworkGuard
    setup: SetupBook
    book: DiskBook
    taught: TaughtBays
    fills: FillBook
    erase_means: Callable[[Disk], EraseMeans]
    """Asks a disk how it can be erased."""
    care: Care | None = None
    """What is done by itself; None on a recording, to which nothing is done."""

    def wanted(self) -> tuple[Resource, ...]:
        """The whole wish, each spec as its kind's own type."""
        return typed(self.kinds, self.desired.resources())

    def kind(self, noun: str) -> AnyKind:
        """The kind with that noun. Raises InvalidInputError naming those there are."""
        kind = self.kinds.get(noun)
        if kind is None:
            raise InvalidInputError(
                f"There is no kind '{noun}'.", hint=f"Kinds: {', '.join(self.kinds)}.", subject=noun
            )
        return kind

    def told(self) -> tuple[Finding, ...]:
        """What there is to tell of what is done by itself."""
        return self.care.findings() if self.care else ()

    def note(self, caller: Caller, *, what: str, subject: str, outcome: str) -> None:
        """An audit line about a caller's request. Raises FullError."""
        self.audit.append(
            self.now(),
            who=caller.user,
            origin=caller.origin,
            what=what,
            subject=subject,
            outcome=outcome,
        )
