"""One disk in full: its verdict with all the evidence, its trends, its light, what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from appliance.api.care_words import care_line
from appliance.api.contract import DISK, DISK_CERTIFICATE, DISK_LIGHT
from appliance.api.wire import DiskDetail, DiskView
from appliance.api.words import (
    NOTHING,
    Line,
    Span,
    certificate_lines,
    clock,
    disk_health,
    disk_pairs,
    disk_verdict_lines,
    standing_lines,
)
from appliance.model.erasing import Certificate
from appliance.model.light import Light
from tui.bays import disk_tone
from tui.desk import Desk
from tui.screens.disk_acts import act, light_words, replace, teach, turn_light
from tui.screens.page import Page
from tui.screens.place import Place, rewrite, text_of
from tui.trends import trend_lines

_SELDOM: Final = frozenset({"vendor", "logical block", "paths", "missing", "node"})
"""Facts that stand last: there is little room on a small screen."""
_SAID: Final = frozenset({"bay", "serial", "health", "age s", "error"})
"""Facts the first line and the verdict tell."""
_UNTOLD: Final = frozenset({("physical block", "0"), ("zoned", "none")})
"""Facts as they stand where a disk does not tell them."""


class DiskScreen(Place):
    """A disk and what one does to it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "replace", "Replace"),
        Binding("l", "light", "Light"),
        Binding("a", "admit", "Admit"),
        Binding("e", "erase", "Erase"),
        Binding("c", "certificate", "Certificate"),
        Binding("w", "wipe", "Wipe"),
        Binding("b", "teach", "Name its bay"),
        Binding("r", "look", "Look again", show=False),
    ]

    def __init__(self, desk: Desk, disk: DiskView) -> None:
        super().__init__(desk)
        self.heading = f"disk {disk.where}"
        self._disk = disk
        self._detail: DiskDetail | None = None
        self._light: Light | None = None
        self._text = Static("Asking the node...")

    def body(self) -> Iterable[Widget]:
        """One text that scrolls."""
        yield VerticalScroll(self._text, classes="scroll")

    def first_focus(self) -> Widget | None:
        """So that the arrow keys scroll."""
        return self.query_one(VerticalScroll)

    def look(self) -> None:
        """The disk with its history, and its light."""
        ask, serial = self.desk.gateway.ask, self._disk.serial
        ask(self, DISK, then=self._seen, refused=self.say_error, disk=serial)
        ask(self, DISK_LIGHT, then=self._lit, refused=self.say_error, disk=serial)

    def action_look(self) -> None:
        """Ask again."""
        self.look()

    def action_light(self) -> None:
        """Light its bay, or let it be dark again."""
        turn_light(self, self._disk, self._lit)

    def action_wipe(self) -> None:
        """Preview erasing its signatures."""
        act(self, self._disk, "wipe")

    def action_admit(self) -> None:
        """Preview checking it and letting it out of quarantine."""
        act(self, self._disk, "admit")

    def action_erase(self) -> None:
        """Preview erasing all of it, with a certificate."""
        act(self, self._disk, "erase")

    def action_certificate(self) -> None:
        """The newest certificate that it was erased, to read."""
        ask, serial = self.desk.gateway.ask, self._disk.serial
        ask(self, DISK_CERTIFICATE, then=self._certified, refused=self.say_error, disk=serial)

    def _certified(self, certificate: Certificate) -> None:
        lines = certificate_lines(certificate.model_dump(mode="json"))
        _ = self.app.push_screen(Page(self.desk, "certificate of erasure", lines))

    def action_teach(self) -> None:
        """Say which bay it is in."""
        teach(self, self._disk)

    def action_replace(self) -> None:
        """Put another one in its place."""
        replace(self, self._disk)

    def _seen(self, detail: DiskDetail) -> None:
        self._detail, self._disk = detail, detail.disk
        self._show()

    def _lit(self, light: Light) -> None:
        self._light = light
        self._show()

    def _show(self) -> None:
        if self._detail is not None:
            rewrite(self._text, text_of(self._lines(self._detail)))

    def _lines(self, detail: DiskDetail) -> Iterator[Line]:
        yield from disk_head(detail.disk)
        if detail.taken_at is not None:
            yield (Span(f"  read {clock(detail.taken_at.isoformat())} (UTC)", "dim"),)
        if self._light is not None:
            yield (Span(f"locate light: {light_words(self._light)}"),)
        yield from standing_lines(detail.model_dump(mode="json"))
        yield from ((Span(care_line(item.model_dump(mode="json"))),) for item in detail.care)
        yield from known_lines(detail)
        yield from trend_lines(detail.history, plain=self.desk.plain)
        yield (Span("facts", "title"),)
        yield from disk_facts(detail.disk)


def disk_head(disk: DiskView) -> Iterator[Line]:
    """Which disk, how it is, why, what next."""
    document = disk.model_dump(mode="json")
    yield (
        Span(f"{disk.where}: "),
        Span(disk_health(document), disk_tone(disk)),
    )
    yield from disk_verdict_lines(document)


def disk_facts(disk: DiskView) -> Iterator[Line]:
    """All else that is known, what is looked for most first."""
    pairs = [
        (key, value)
        for key, value in disk_pairs(disk.model_dump(mode="json"))
        if value != NOTHING and key not in _SAID and (key, value) not in _UNTOLD
    ]
    for key, value in sorted(pairs, key=lambda pair: pair[0] in _SELDOM):
        yield (Span(f"  {key:<15} {value}"),)


def known_lines(detail: DiskDetail) -> Iterator[Line]:
    """What people know of it already, and what the kernel said of it lately."""
    for item in detail.acknowledged:
        words = f"known until it rises: {item.measure} at {item.value}"
        yield (Span(f"{words}, {clock(item.at.isoformat())} by {item.who}"),)
    for word in detail.kernel:
        last = clock(word.last_at.isoformat())
        yield (Span(f"kernel, {word.count} x, last {last}: {word.line}", "warning"),)
