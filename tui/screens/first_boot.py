"""The first boot: what is here, what to answer, the plan, the job, and the handover sheet.

Answers are kept on the node before anything is changed, so an interrupted setup goes on here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from pydantic import SecretStr
from rich.text import Text
from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Static

from appliance.api.answers import site_of
from appliance.api.contract import (
    HANDOVER,
    PLAN_MAKE,
    SECRET_PUT,
    SETUP,
    SETUP_KEEP,
    SETUP_PROPOSAL,
    SITE,
)
from appliance.api.setup_words import handover_lines, proposal_lines
from appliance.api.wire import SecretNames, SecretValue, SiteDocument
from appliance.api.words import Span
from appliance.errors import ApplianceError, InvalidInputError
from appliance.model.handover import Handover
from appliance.model.plan import Plan, PlanRequest
from appliance.model.setup import Proposal, SetupRecord
from tui.desk import Desk
from tui.first_boot import HIDDEN, about, answered, document, fields, secret_name, where, wrong
from tui.forms import rule_words
from tui.screens.form import FieldRow
from tui.screens.page import Page
from tui.screens.place import Place, rewrite
from tui.screens.preview import preview


class FirstBoot(Place):
    """What was found above, the questions below."""

    HEADING = "first boot"
    LOOK_S = 3600.0
    CSS = "FirstBoot #here { height: 1fr; } FirstBoot #asked { height: 2fr; border-top: ascii $foreground; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "submit", "Preview", key_display="^s"),
        Binding("f4", "sheet", "Handover sheet"),
        Binding("down", "next(1)", "Next field", show=False, priority=True),
        Binding("up", "next(-1)", "Field before", show=False, priority=True),
        Binding("f1", "app.help", "Help", key_display="f1"),
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

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Words about the field one is in."""
        row = next((row for row in self._rows.values() if row.editor is event.widget), None)
        if row is not None:
            parts = (row.field.title, rule_words(row.field))
            self._about.update(Text("; ".join(filter(None, parts))))
            row.scroll_visible(animate=False)

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.action_next(1)

    def action_next(self, by: int) -> None:
        """From field to field, round and round."""
        rows = list(self._rows.values())
        at = next((i for i, row in enumerate(rows) if row.editor is self.focused), -by)
        if rows:
            self.set_focus(rows[(at + by) % len(rows)].editor)

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
        _ = self._through(plan)

    @property
    def _begun(self) -> bool:
        return self._record is not None and bool(self._record.site) and not self._record.finished

    def _proposed(self, proposal: Proposal) -> None:
        self._proposal = proposal
        rewrite(self._here, Text("\n".join(proposal_lines(proposal.model_dump(mode="json")))))
        self._ask()

    def _recorded(self, record: SetupRecord) -> None:
        self._record = record
        self._ask()
        if self._begun:
            self.say("A setup was begun here and is not through: ^s goes on with it.", "warning")
            request = PlanRequest(put=dict(record.site))
            ask = self.desk.gateway.ask
            ask(self, PLAN_MAKE, request, then=self._looked, refused=self.say_error)
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
            if field.dotted in HIDDEN and isinstance(row.editor, Input):
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


class Sheet(Page):
    """The handover sheet, to read and to keep."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "save", "Save as text and JSON")]

    def __init__(self, desk: Desk, sheet: Handover) -> None:
        lines = tuple(handover_lines(sheet.model_dump(mode="json")))
        super().__init__(desk, "handover sheet", ((Span(line),) for line in lines))
        self._sheet = sheet
        self._text = "\n".join(lines) + "\n"

    def action_save(self) -> None:
        """Two files in the folder the console was started in, where this console runs."""
        stem = Path(f"handover-{self._sheet.hostname}")
        try:
            stem.with_suffix(".txt").write_text(self._text, encoding="utf-8")
            stem.with_suffix(".json").write_text(self._sheet.model_dump_json(indent=2) + "\n")
        except OSError as error:
            self.say(
                f"Not saved: {stem}.txt: {error.strerror}. Start where you may write.", "critical"
            )
            return
        self.say(f"Saved as {stem.absolute()}.txt and .json")
