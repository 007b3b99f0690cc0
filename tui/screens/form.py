"""A form made from a kind's fields. What is wrong is said at the field, in the rule's own words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Static

from appliance.api.contract import DISKS, PLAN_MAKE, RESOURCES, SECRETS, SITE
from appliance.api.fields import Field
from appliance.api.wire import DiskList, ResourceList, SecretNames, SiteDocument
from appliance.errors import ApplianceError, InvalidInputError
from appliance.model.plan import Plan, PlanRequest
from tui.bays import BLANK
from tui.desk import Desk
from tui.forms import NAME, Form, changed_meanwhile, problem, rule_words
from tui.screens.fields import FieldRow, Fields
from tui.screens.preview import preview

_SECRET_WORDS: Final = ("secret", "password", "key")


class FormScreen(Fields):
    """Make a thing or change it: type, then look at the plan."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
    ]

    def __init__(self, desk: Desk, form: Form) -> None:
        super().__init__(desk)
        verb = f"change {form.noun} {form.name}" if form.now is not None else f"new {form.noun}"
        self.heading = verb
        self._form = form
        rows = [FieldRow(field, form.initial(field)) for field in form.fields]
        self._name_row = FieldRow(NAME, form.name) if form.now is None else None
        self._rows = {row.field.dotted: row for row in rows}
        self._about = Static(id="about")
        self._offers: dict[str, tuple[str, ...]] = {}
        self._planning = False
        self._overlooked = False

    def body(self) -> Iterable[Widget]:
        """The fields, and below them words about the one where the cursor is."""
        name = [self._name_row] if self._name_row else []
        yield VerticalScroll(*name, *self._rows.values(), classes="scroll")
        yield self._about

    def first_focus(self) -> Widget | None:
        """The first field."""
        return self.all_rows()[0].editor if self.all_rows() else None

    def look(self) -> None:
        """What there is to refer to: names of other things, free disks, secrets."""
        self._fold()
        ask, nouns = self.desk.gateway.ask, {kind.noun for kind in self.desk.kinds}
        keys = {field.path[-1] for field in self._form.fields}
        wanted = {noun for noun in nouns if {noun, f"{noun}s"} & keys}
        if "disks" in keys and self._form.noun != "pool":
            wanted |= {"volume"} & nouns
        for noun in wanted:
            ask(self, RESOURCES, then=self._offer_names, refused=_unasked, noun=noun)
        if "disks" in keys and self._form.noun == "pool":
            ask(self, DISKS, then=self._offer_disks, refused=_unasked)
        if any(_names_secret(key) for key in keys):
            ask(self, SECRETS, then=self._offer_secrets, refused=_unasked)

    def turned(self) -> None:
        """See Fields: one choice opens and closes other fields."""
        super().turned()
        self._fold()

    @on(Input.Blurred)
    def _left(self, event: Input.Blurred) -> None:
        row = next((row for row in self.all_rows() if row.editor is event.input), None)
        if row is not None and row.text:
            row.refuse(problem(row.field, row.text))

    def action_submit(self) -> None:
        """See whether all is well and ask for the plan."""
        if self._planning:
            return
        self.say("")
        for row in self.all_rows():
            row.refuse("")
        try:
            request = self._form.request(self._thing(), self._texts())
        except InvalidInputError as error:
            self._refused(error)
            return
        self._planning = True
        self.say("Planning...")
        gateway = self.desk.gateway
        gateway.ask(
            self, SITE, then=lambda site: self._compare(site, request), refused=self._refused
        )

    def action_leave(self) -> None:
        """Back; what was typed is let go."""
        _ = self.dismiss(None)

    def _compare(self, site: SiteDocument, request: PlanRequest) -> None:
        """Somebody else may have changed the same thing meanwhile: that is shown once."""
        now = site.site.get(self._form.noun, {}).get(self._thing())
        changes = list(changed_meanwhile(self._form.now, now))
        if changes and not self._overlooked:
            self._overlooked = self._form.now is not None and now is not None
            self._planning = False
            words = self._meanwhile(changes, is_there=now is not None)
            self.say(words, "warning")
            return
        self.desk.gateway.ask(
            self,
            PLAN_MAKE,
            request,
            then=lambda plan: self._planned(plan, request),
            refused=self._refused,
        )

    def _meanwhile(self, changes: list[str], *, is_there: bool) -> str:
        noun, name = self._form.noun, self._thing()
        if self._form.now is None:
            return f"There is a {noun} '{name}' already: take another name, or change that one."
        if not is_there:
            return f"{noun} {name} was removed by someone else meanwhile; leave with escape."
        return (
            f"Someone else changed {noun} {name} meanwhile: {'; '.join(changes)}. "
            "Preview again to put yours over it, or leave with escape."
        )

    def _planned(self, plan: Plan, request: PlanRequest) -> None:
        self._planning = False
        self.say("")
        preview(self, plan, request, leave=True)

    def _refused(self, error: ApplianceError) -> None:
        """At the fields it is about; what is about none, below."""
        self._planning = False
        rest, first = [], None
        for detail in error.details if isinstance(error, InvalidInputError) else ():
            key, words = self._form.where(self._thing(), detail)
            row = self._name_row if key == NAME.dotted else self._rows.get(key)
            if row is None:
                rest.append(detail)
                continue
            row.refuse(words)
            first = first or row
        if first is None:
            self.say_error(error)
            return
        self.set_focus(first.editor)
        self.say(
            "; ".join(rest) or "Correct what is marked with !; nothing was changed.", "critical"
        )

    def _thing(self) -> str:
        return self._name_row.text.strip() if self._name_row else self._form.name

    def _texts(self) -> dict[str, str]:
        return {key: row.text.strip() for key, row in self._rows.items()}

    def all_rows(self) -> Sequence[FieldRow]:
        """See Fields."""
        return [*([self._name_row] if self._name_row else []), *self._rows.values()]

    def _fold(self) -> None:
        shown = self._form.shown(self._texts())
        for key, row in self._rows.items():
            row.display = key in shown

    def describe(self, row: FieldRow) -> None:
        """See Fields."""
        field, default = row.field, row.field.default
        parts = [
            field.title,
            rule_words(field),
            f"default: {default}" if default not in (None, "", []) else "",
        ]
        offers = self._offers.get(_offer_of(field, self._form.noun), ())
        there = f"there are: {', '.join(offers)}" if offers else ""
        lines = ["; ".join(filter(None, parts)), there]
        self._about.update(Text("\n".join(filter(None, lines))))

    def _offer_names(self, found: ResourceList) -> None:
        self._offers[found.kind] = tuple(item.name for item in found.resources)
        self._again()

    def _offer_disks(self, found: DiskList) -> None:
        self._offers["free disks"] = tuple(
            f"bay:{disk.bay}" if disk.bay else disk.serial
            for disk in found.disks
            if disk.role in BLANK and not disk.missing and disk.size
        )
        self._again()

    def _offer_secrets(self, found: SecretNames) -> None:
        self._offers["secrets"] = found.names
        self._again()

    def _again(self) -> None:
        row = next((row for row in self.all_rows() if row.editor is self.focused), None)
        if row is not None:
            self.describe(row)


def _offer_of(field: Field, noun: str) -> str:
    """What a field refers to, by its name."""
    key = field.path[-1]
    if key == "disks":
        return "free disks" if noun == "pool" else "volume"
    return "secrets" if _names_secret(key) else key.removesuffix("s")


def _names_secret(key: str) -> bool:
    return key in _SECRET_WORDS or key.endswith("_secret")


def _unasked(error: ApplianceError) -> None:
    """What could be offered is a help only; a form works without."""
    del error
