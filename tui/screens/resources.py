"""Every kind's screen: list, details, make, change, remove, acts. All of it from what /v1/kinds says,
so that a new kind has its screen without a line here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType

from appliance.api.contract import DISKS, PLAN_MAKE, RESOURCES, SITE
from appliance.api.fields import fields_of_kind
from appliance.api.wire import DiskList, KindView, ResourceList, SiteDocument
from appliance.api.words import (
    NOTHING,
    Json,
    Line,
    Span,
    flat,
    resource_cell,
    resource_state,
)
from appliance.errors import InvalidInputError
from appliance.model.plan import Plan, PlanRequest
from appliance.model.resource import ActionRequest
from tui.desk import Desk, plural
from tui.forms import Form
from tui.pictures import Around, picture_lines
from tui.screens.ask import Act, given
from tui.screens.form import FormScreen
from tui.screens.listing import Listing
from tui.screens.place import text_of
from tui.screens.preview import follow, preview
from tui.widgets.table import Row, Table

_TONES = {"CRITICAL": "critical", "WARNING": "warning", "not there yet": "dim"}


class Resources(Listing):
    """The things of one kind, each with its faces."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New"),
        Binding("e", "edit", "Change"),
        Binding("d", "remove", "Remove"),
        Binding("a", "act", "Acts"),
    ]

    def __init__(self, desk: Desk, kind: KindView) -> None:
        super().__init__(desk, kind.noun, empty=f"no {kind.noun} yet: n makes one")
        self.heading = plural(kind.noun)
        self._kind = kind
        self._faces = desk.faces(kind.noun)
        self._lists: dict[str, ResourceList] = {}
        self._around = Around()

    def look(self) -> None:
        """The things, and those that are their faces."""
        for kind in (self._kind, *self._faces):
            self.desk.gateway.ask(
                self, RESOURCES, then=self._seen, refused=self.say_error, noun=kind.noun
            )
        if self._kind.noun == "pool":
            ask = self.desk.gateway.ask
            ask(self, RESOURCES, then=self._seen_volumes, refused=self.say_error, noun="volume")
            ask(self, DISKS, then=self._seen_disks, refused=self.say_error)

    def detail(self, key: str) -> Text:
        """What is found and wanted, and what is not well."""
        lines: list[Line] = []
        for kind in (self._kind, *self._faces):
            item = self._item(kind.noun, key)
            if item is not None:
                lines += _item_lines(item, picture_lines(item, self._around))
        return text_of(lines)

    def action_new(self) -> None:
        """A form for another one."""
        self._open("", None)

    def action_edit(self) -> None:
        """A form with what is wanted of the one under the cursor, as it is now."""
        key = self.table.key
        if key:
            self.desk.gateway.ask(
                self, SITE, then=lambda site: self._edit(key, site), refused=self.say_error
            )

    @on(Table.Chosen)
    def _chosen(self) -> None:
        self.action_edit()

    def action_remove(self) -> None:
        """Preview its removal."""
        if self.table.key:
            self._plan(PlanRequest(remove=(f"{self._kind.noun}/{self.table.key}",)))

    def action_act(self) -> None:
        """Choose among the acts of its kind and of its faces."""
        name = self.table.key
        if not name:
            return
        verbs = {
            f"{kind.noun} {verb}" if kind is not self._kind else verb: (kind.noun, verb, words)
            for kind in (self._kind, *self._faces)
            if kind is self._kind or self._item(kind.noun, name) is not None
            for verb, words in kind.verbs.items()
        }
        if not verbs:
            self.say(f"A {self._kind.noun} has no acts.")
            return

        def chosen(answer: tuple[str, str] | None) -> None:
            title, arguments = answer or ("", "")
            if title:
                noun, verb, _ = verbs[title]
                self._act(f"{noun}/{name}", verb, arguments)

        choices = [(title, words) for title, (_, _, words) in verbs.items()]
        _ = self.app.push_screen(Act(f"{self._kind.noun} {name}", choices), chosen)

    def _act(self, resource: str, verb: str, typed: str) -> None:
        try:
            arguments = dict(given(typed))
        except InvalidInputError as error:
            self.say_error(error)
            return
        action = ActionRequest(resource=resource, verb=verb, arguments=arguments)
        self._plan(PlanRequest(action=action))

    def _plan(self, request: PlanRequest) -> None:
        self.say("Planning...")
        self.desk.gateway.ask(
            self,
            PLAN_MAKE,
            request,
            then=lambda plan: self._planned(plan, request),
            refused=self.say_error,
        )

    def _planned(self, plan: Plan, request: PlanRequest) -> None:
        self.say("")
        preview(self, plan, request)

    def _edit(self, name: str, site: SiteDocument) -> None:
        now = site.site.get(self._kind.noun, {}).get(name)
        if now is None:
            self.say(
                f"{name} is not managed here, so there is no wish to change."
                + (" Take it over first: a, then import." if "import" in self._kind.verbs else "")
            )
            return
        self._open(name, now)

    def _open(self, name: str, now: Json | None) -> None:
        faces = [face.model_dump() for face in self._faces]
        fields = fields_of_kind(self._kind.model_dump(), faces)
        form = Form(self._kind.noun, name, fields, now)
        _ = self.app.push_screen(FormScreen(self.desk, form), lambda number: follow(self, number))

    def _seen(self, found: ResourceList) -> None:
        self._lists[found.kind] = found
        if self._kind.noun in self._lists:
            self._show()

    def _seen_volumes(self, found: ResourceList) -> None:
        volumes = tuple(view.model_dump(mode="json") for view in found.resources)
        self._around = self._around._replace(volumes=volumes)
        self.show_detail()

    def _seen_disks(self, found: DiskList) -> None:
        bays = {disk.serial: disk.bay for disk in found.disks}
        self._around = self._around._replace(bays=bays)
        self.show_detail()

    def _show(self) -> None:
        own = self._lists[self._kind.noun]
        headers = ["NAME", "STATE", *(column.replace("_", " ").upper() for column in own.columns)]
        if self._faces:
            headers.append("SERVED BY")
        rows = []
        for view in own.resources:
            item = view.model_dump(mode="json")
            state = resource_state(item)
            cells = [view.name, state, *(resource_cell(item, column) for column in own.columns)]
            if self._faces:
                cells.append(self._served(view.name))
            rows.append(Row(view.name, tuple(cells), _TONES.get(state, "")))
        self.table.show(headers, rows)
        self.show_detail()

    def _served(self, name: str) -> str:
        """The faces of a thing, each with its state where it is not well."""
        words = []
        for face in self._faces:
            item = self._item(face.noun, name)
            if item is not None:
                state = resource_state(item)
                words.append(face.noun if state == "ok" else f"{face.noun} ({state})")
        return ", ".join(words) or NOTHING

    def _item(self, noun: str, name: str) -> Json | None:
        found = self._lists.get(noun)
        view = (
            next((item for item in found.resources if item.name == name), None) if found else None
        )
        return view.model_dump(mode="json") if view is not None else None


def _item_lines(item: Json, picture: Iterable[Line]) -> list[Line]:
    state = resource_state(item)
    lines: list[Line] = [(Span(f"{item['id']}: "), Span(state, _TONES.get(state, "ok")))]
    for finding in item["findings"]:
        lines.append((Span(f"{finding['severity']}: {finding['what']}", finding["severity"]),))
        lines.append((Span(f"  next: {finding['next_step']}"),))
    lines += picture
    for side, title in (("spec", "wanted"), ("found", "found")):
        lines.append((Span(f"{title}:", "title"),))
        pairs = [(key, value) for key, value in flat(item[side] or {}) if value != NOTHING]
        lines += [(Span(f"  {key:<22} {value}"),) for key, value in pairs]
        if not pairs:
            lines.append((Span("  nothing"),))
    return lines
