"""The audit: who asked for what, and what came of it; the chain can be checked."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from appliance.api.contract import AUDIT, AUDIT_VERIFY, AuditQuery
from appliance.api.wire import AuditPage
from appliance.api.words import NOTHING, Line, Span, clock
from appliance.model.audit import AuditLine, AuditVerdict
from tui.desk import Desk
from tui.screens.listing import Listing
from tui.screens.place import text_of
from tui.widgets.table import Row

HEADERS = ("LINE", "WHEN (UTC)", "WHO", "FROM", "WHAT", "SUBJECT", "OUTCOME")


class AuditLog(Listing):
    """Newest first."""

    HEADING = "audit"
    EMPTY = "no line, or your role may not read them"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "verify", "Verify"),
        Binding("m", "more", "Older lines"),
    ]

    def __init__(self, desk: Desk, where: str = "") -> None:
        super().__init__(desk, where)
        self._lines: dict[int, AuditLine] = {}

    def look(self) -> None:
        """The newest lines."""
        self.desk.gateway.ask(self, AUDIT, then=self._seen, refused=self.say_error)

    def detail(self, key: str) -> Text:
        """The whole line."""
        line = self._lines.get(int(key)) if key else None
        if line is None:
            return Text()
        lines: list[Line] = [
            (Span(f"{line.number}. {line.what} {line.subject}", "title"),),
            (Span(f"by {line.who}, {line.origin}, {clock(line.at.isoformat())} (UTC)"),),
            (Span(line.outcome),),
            (Span(f"digest {line.digest}", "dim"),),
        ]
        return text_of(lines)

    def action_more(self) -> None:
        """The lines before the oldest one shown."""
        if self._lines:
            query = AuditQuery(before=min(self._lines))
            self.desk.gateway.ask(self, AUDIT, query, then=self._seen, refused=self.say_error)

    def action_verify(self) -> None:
        """Whether every link of the chain holds."""
        self.desk.gateway.ask(self, AUDIT_VERIFY, then=self._verified, refused=self.say_error)

    def _seen(self, page: AuditPage) -> None:
        self._lines |= {line.number: line for line in page.lines}
        rows = (_row(self._lines[number]) for number in sorted(self._lines, reverse=True))
        self.table.show(HEADERS, rows)
        self.show_detail()

    def _verified(self, verdict: AuditVerdict) -> None:
        if verdict.intact:
            self.say(f"intact: {verdict.lines} lines, head {verdict.head}", "ok")
            return
        self.say(
            f"THE CHAIN IS BROKEN at line {verdict.broken_at} of {verdict.lines}: someone changed "
            "the database. Compare with a head you noted elsewhere.",
            "critical",
        )


def _row(line: AuditLine) -> Row:
    refused = line.outcome.startswith("refused")
    cells = (str(line.number), clock(line.at.isoformat()), line.who, line.origin, line.what,
             line.subject or NOTHING, line.outcome)  # fmt: skip
    return Row(str(line.number), cells, "warning" if refused else "")
