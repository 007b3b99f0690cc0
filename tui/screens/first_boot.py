"""The first boot: what is here, what to answer, the plan, the job, and the handover sheet.

Answers are kept on the node before anything is changed, so an interrupted setup goes on here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from pydantic import SecretStr
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from appliance.api.answers import BOOT, site_of
from appliance.api.contract import (
    HANDOVER,
    PLAN_MAKE,
    SECRET_PUT,
    SETUP,
    SETUP_KEEP,
    SETUP_PROPOSAL,
    SITE,
)
from appliance.api.wire import SecretNames, SecretValue, SiteDocument
from appliance.errors import ApplianceError, InvalidInputError
from appliance.model.handover import Handover
from appliance.model.plan import Plan, PlanRequest
from appliance.model.setup import Proposal, SetupRecord
from tui.desk import Desk
from tui.first_boot import (
    HIDDEN,
    about,
    answered,
    document,
    fields,
    here_lines,
    secret_name,
    where,
    wrong,
)
from tui.forms import rule_words
from tui.screens.fields import FieldRow, Fields
from tui.screens.handover import Sheet
from tui.screens.place import rewrite
from tui.screens.preview import preview
from tui.widgets.entry import Entry

INSTALLED: Final = "Installed. Power off, take the medium out, start again."


class FirstBoot(Fields):
    """What was found above, as far as it is about the question one is at; the questions below."""

    HEADING = "first boot"
    LOOK_S = 3600.0
    CSS = "FirstBoot #here { height: 1fr; } FirstBoot #asked { height: 2fr; border-top: ascii $foreground; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "sheet", "Sheet"),
        Binding("pagedown", "read(1)", "More above", priority=True),
        Binding("pageup", "read(-1)", "Back above", show=False, priority=True),
    ]

    def __init__(self, desk: Desk, where_: str = "") -> None:
        super().__init__(desk, where_)
        self._here = Static("Looking at the chassis and every disk...")
        self._about = Static(id="about")
        self._rows: dict[str, FieldRow] = {}
        self._proposal: Proposal | None = None
        self._record: SetupRecord | None = None
        self._managed = False

    def body(self) -> Iterable[Widget]:
        """What is here, the fields, words about the field one is in."""
        yield VerticalScroll(self._here, id="here")
        yield VerticalScroll(id="asked")
        yield self._about

    def look(self) -> None:
        """What is here, once; what was answered; whether a setup is through now."""
        ask = self.desk.gateway.ask
        if self._proposal is None:
            ask(self, SETUP_PROPOSAL, then=self._proposed, refused=self.say_error)
        ask(self, SETUP, then=self._recorded, refused=self.say_error)
        ask(self, SITE, then=self._wanted, refused=self.say_error)

    def all_rows(self) -> Sequence[FieldRow]:
        """See Fields."""
        return tuple(self._rows.values())

    def describe(self, row: FieldRow) -> None:
        """See Fields; what was found that matters here is told above."""
        parts = (row.field.title, rule_words(row.field))
        self._about.update(Text("; ".join(filter(None, parts))))
        if self._proposal is not None:
            found = self._proposal.model_dump(mode="json")
            rewrite(self._here, Text("\n".join(here_lines(found, row.field.dotted, row.text))))
            self.query_one("#here").scroll_home(animate=False)

    def action_read(self, by: int) -> None:
        """What does not fit above, without leaving the field."""
        here = self.query_one("#here")
        here.scroll_relative(y=by * here.size.height, animate=False)

    def action_sheet(self) -> None:
        """The handover sheet as the node is now."""
        self.desk.gateway.ask(self, HANDOVER, then=self._hand_over, refused=self.say_error)

    def _hand_over(self, sheet: Handover) -> None:
        _ = self.app.push_screen(Sheet(self.desk, sheet))

    def action_submit(self) -> None:
        """Keep the answers, then see the plan they make."""
        if self._proposal is None or not self._rows:
            return
        if self._managed and not self._begun:
            self.say("This node is set up already: change it in its places.", "warning")
            return
        texts = self._texts()
        for row in self._rows.values():
            row.refuse("")
        found = wrong((row.field for row in self._rows.values()), texts)
        if found:
            self._mark(f"{key}: {words}" for key, words in found.items())
            return
        try:
            answers = document(texts)
            record = SetupRecord(answers=answers, site=site_of(answers, self._proposal))
        except ApplianceError as error:
            self._refused(error)
            return
        self.say("Planning...")
        self._store(texts, record)

    def _store(self, texts: dict[str, str], record: SetupRecord) -> None:
        """The password first, as the plan refers to it, then the answers, then the plan."""
        ask = self.desk.gateway.ask

        def keep(_: SecretNames | None) -> None:
            ask(self, SETUP_KEEP, record, then=self._kept, refused=self._refused)

        if not texts.get("password"):
            keep(None)
            return
        secret = SecretValue(value=SecretStr(texts["password"]))
        name = secret_name(texts["account"])
        ask(self, SECRET_PUT, secret, then=keep, refused=self._refused, name=name)

    def _kept(self, record: SetupRecord) -> None:
        self._record = record
        request = PlanRequest(put=dict(record.site))
        self.desk.gateway.ask(
            self,
            PLAN_MAKE,
            request,
            then=lambda plan: self._planned(plan, request),
            refused=self._refused,
        )

    def _planned(self, plan: Plan, request: PlanRequest) -> None:
        self.say("")
        if not self._through(plan):
            preview(self, plan, request)

    def _looked(self, plan: Plan) -> None:
        if not self._through(plan):
            self.say("A setup was begun here and is not through: ^s goes on with it.", "warning")

    @property
    def _begun(self) -> bool:
        return self._record is not None and bool(self._record.site) and not self._record.finished

    def _proposed(self, proposal: Proposal) -> None:
        self._proposal = proposal
        found = proposal.model_dump(mode="json")
        rewrite(self._here, Text("\n".join(here_lines(found, "", ""))))
        self._ask()

    def _recorded(self, record: SetupRecord) -> None:
        self._record = record
        self._ask()
        if self._begun:
            self.say("A setup was begun here: looking whether all is as answered...")
            request = PlanRequest(put=dict(record.site))
            ask = self.desk.gateway.ask
            ask(self, PLAN_MAKE, request, then=self._looked, refused=self.say_error)
        elif record.finished and set(record.site) == {BOOT}:
            self.say(INSTALLED, "ok")
        elif record.finished:
            self.say("The setup is through: F4 shows the handover sheet.", "ok")

    def _wanted(self, site: SiteDocument) -> None:
        self._managed = bool(site.site)

    def _through(self, plan: Plan) -> bool:
        """Whether all is as answered; then it is written down, and the sheet is shown."""
        through = plan.empty and plan.same_wish and self._record is not None
        if through and self._begun and self._record is not None:
            done = self._record.model_copy(update={"finished": True})
            ask = self.desk.gateway.ask
            ask(self, SETUP_KEEP, done, then=self._finished, refused=self.say_error)
        return through

    def _finished(self, record: SetupRecord) -> None:
        self._record = record
        if set(record.site) == {BOOT}:
            self.say(INSTALLED, "ok")
            return
        self.say("The setup is through.", "ok")
        self.action_sheet()

    def _ask(self) -> None:
        """The fields, once it is known what is here and what was answered before."""
        if self._rows or self._proposal is None or self._record is None or not self.desk.kinds:
            return
        before = answered(self._record.answers)
        for field in fields(self.desk.kinds, self._proposal):
            text = before.get(field.dotted) or (str(field.default) if field.choices else "")
            row = FieldRow(field, text)
            if field.dotted in HIDDEN and isinstance(row.editor, Entry):
                row.editor.password = True
            self._rows[field.dotted] = row
        _ = self.query_one("#asked").mount(*self._rows.values())
        self.call_after_refresh(self.action_next, 1)

    def _texts(self) -> dict[str, str]:
        texts = {key: row.text.strip() for key, row in self._rows.items()}
        defaults = {key: str(row.field.default or "") for key, row in self._rows.items()}
        return {key: text or (defaults[key] if key in {"layout", "pool"} else "")
                for key, text in texts.items()}  # fmt: skip

    def _refused(self, error: ApplianceError) -> None:
        self.say("")
        rest = self._mark(about(error)) if isinstance(error, InvalidInputError) else [error.message]
        if rest:
            self.say_error(error)

    def _mark(self, details: Iterable[str]) -> list[str]:
        """Say what is wrong at its field; what is about none is left."""
        rest, first = [], None
        for detail in details:
            key, words = where(detail)
            row = self._rows.get(key)
            if row is None:
                rest.append(detail)
                continue
            row.refuse(words)
            first = first or row
        if first is not None:
            self.set_focus(first.editor)
            self.say("Correct what is marked with !; nothing was changed.", "critical")
        return rest
