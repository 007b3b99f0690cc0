"""The dashboard: is all well, what is not, what next, how full it is, what is being done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from appliance.api.contract import JOB_GET, RESOURCES, SITE, STATUS
from appliance.api.wire import ResourceList, SiteDocument, Status
from appliance.api.words import Json, Line, Span, runway_words, size, status_lines
from appliance.model.job import Job
from tui.desk import Desk
from tui.pictures import fill_line
from tui.screens.place import FIRST_BOOT, Place, rewrite, text_of
from tui.words import job_bar, job_progress, job_state


class Home(Place):
    """The first screen."""

    HEADING = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "first_boot", "First boot"),
        Binding("r", "look", "Look again"),
        Binding("escape", "nowhere", "Back", show=False),
    ]

    def __init__(self, desk: Desk, where: str = "") -> None:
        super().__init__(desk, where)
        self._pools: ResourceList | None = None
        self._jobs: dict[int, Job] = {}
        self._new: bool | None = None
        self._text = Static("Asking the node...")

    def body(self) -> Iterable[Widget]:
        """One text that scrolls."""
        yield VerticalScroll(self._text, classes="scroll")

    def first_focus(self) -> Widget | None:
        """So that the arrow keys scroll."""
        return self.query_one(VerticalScroll)

    def look(self) -> None:
        """Status, pools, and the steps of what runs."""
        gateway = self.desk.gateway
        gateway.ask(self, STATUS, then=self._status, refused=self.say_error)
        if self._new is not False:
            gateway.ask(self, SITE, then=self._wanted, refused=self.say_error)
        if any(kind.noun == "pool" for kind in self.desk.kinds):
            gateway.ask(self, RESOURCES, then=self._found, refused=self.say_error, noun="pool")
        for job in self.desk.running:
            number = str(job.number)
            gateway.ask(self, JOB_GET, then=self._job, refused=self.say_error, number=number)

    def desk_changed(self) -> None:
        """See Place."""
        super().desk_changed()
        if self.is_mounted:
            self._show()

    def action_look(self) -> None:
        """Ask again."""
        self.look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A first boot is for a node of which nothing is wanted yet."""
        del parameters
        return action != "first_boot" or self._new is True

    def action_first_boot(self) -> None:
        """Set the node up."""
        self.app.call_later(self.app.run_action, f"go('{FIRST_BOOT}')")

    def _wanted(self, site: SiteDocument) -> None:
        self._new = not site.site
        self.refresh_bindings()
        self._hint()
        self._show()

    def action_nowhere(self) -> None:
        """One is home already."""

    def _status(self, status: Status) -> None:
        self.desk.status = status
        self.desk_changed()

    def _found(self, pools: ResourceList) -> None:
        self._pools = pools
        self._show()

    def _job(self, job: Job) -> None:
        self._jobs[job.number] = job
        self._show()

    def _show(self) -> None:
        if self.desk.status is not None:
            rewrite(self._text, text_of(self._lines(self.desk.status)))

    def _lines(self, status: Status) -> Iterator[Line]:
        running = {job.number for job in self.desk.running}
        document = status.model_dump(mode="json")
        document["jobs"] = [job for job in document["jobs"] if job["number"] not in running]
        if self._new:
            yield (Span("This node is new: i begins its first boot.", "bold"),)
        yield from status_lines(document)
        capacity = list(self._capacity())
        if capacity:
            yield (Span(""),)
            yield (Span("Capacity", "title"),)
            yield from capacity
        yield (Span(""),)
        yield (Span("Running", "title"),)
        for job in self.desk.running:
            known = self._jobs.get(job.number, job)
            yield (Span(f"  job {job.number} {job_state(job)}: {job.summary}"),)
            yield (Span(f"  {job_bar(known)}"),)
            yield from ((Span("  "), *line) for line in job_progress(known))
        if not running:
            yield (Span("  nothing"),)

    def _capacity(self) -> Iterator[Line]:
        status = self.desk.status
        known = status.model_dump(mode="json")["runways"] if status else ()
        runways = {(item["pool"], item["tier"]): item for item in known}
        for pool in self._pools.resources if self._pools else ():
            found = pool.model_dump(mode="json")["found"] or {}
            for tier, facts in (found.get("tiers") or {}).items():
                yield _tier_line(pool.name, tier, facts)
                lasts = runways.get((pool.name, tier))
                if lasts is not None:
                    yield (Span(f"    {runway_words(lasts)}"),)


def _tier_line(pool: str, tier: str, facts: Json) -> Line:
    label = f"  {pool} {tier} ({facts.get('raid') or 'no RAID yet'})"
    degraded = Span(" DEGRADED", "critical") if facts.get("degraded") else Span("")
    used = float(facts.get("data_percent", 0))
    return *fill_line(f"{label:<28}", used, size(facts.get("data_size"))), degraded
