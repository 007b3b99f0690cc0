"""Alerts: what is not well, since when, in which bay, and who knows of it."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.text import Text
from textual.binding import Binding, BindingType

from appliance.api.contract import ALERT_ACKNOWLEDGE, ALERTS, AlertQuery
from appliance.api.wire import Acknowledgement, AlertList
from appliance.api.words import NOTHING, alert_lines, clock
from appliance.model.alert import Alert, AlertState
from appliance.model.resource import Severity
from tui.desk import Desk
from tui.screens.ask import Write
from tui.screens.listing import Listing
from tui.screens.place import text_of
from tui.widgets.table import Row

HEADERS: Final = ("ALERT", "SEVERITY", "STATE", "SINCE (UTC)", "BAY", "ABOUT", "WHAT")
_TONES: Final = {Severity.CRITICAL: "critical", Severity.WARNING: "warning", Severity.INFO: ""}


class Alerts(Listing):
    """Open ones, the worst first; on request all there were."""

    HEADING = "alerts"
    EMPTY = "no alerts: all is well, or nobody has looked yet"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "acknowledge", "Acknowledge"),
        Binding("t", "turn", "Open/all"),
    ]

    def __init__(self, desk: Desk, where: str = "") -> None:
        super().__init__(desk, where)
        self._all = False
        self._alerts: dict[str, Alert] = {}

    def look(self) -> None:
        """The alerts."""
        query = AlertQuery(all=self._all)
        self.desk.gateway.ask(self, ALERTS, query, then=self._seen, refused=self.say_error)

    def detail(self, key: str) -> Text:
        """All about one."""
        alert = self._alerts.get(key)
        return text_of(alert_lines(alert.model_dump(mode="json"))) if alert else Text()

    def action_turn(self) -> None:
        """Open ones or all."""
        self._all = not self._all
        self.look()

    def action_acknowledge(self) -> None:
        """Say that it is known, and why it may wait."""
        alert = self._alerts.get(self.table.key)
        if alert is None or alert.state is not AlertState.RAISED:
            self.say("There is nothing here that nobody knows of yet.")
            return

        def noted(note: str | None) -> None:
            if note is not None:
                self.desk.gateway.ask(
                    self,
                    ALERT_ACKNOWLEDGE,
                    Acknowledgement(note=note),
                    then=lambda _: self.look(),
                    refused=self.say_error,
                    number=str(alert.number),
                )

        question = f"Alert {alert.number} is known, and may wait because (others see it):"
        _ = self.app.push_screen(Write(question), noted)

    def _seen(self, found: AlertList) -> None:
        self._alerts = {str(alert.number): alert for alert in found.alerts}
        self.table.show(HEADERS, map(_row, found.alerts))
        self.show_detail()


def _row(alert: Alert) -> Row:
    cells = (str(alert.number), str(alert.severity), str(alert.state),
             clock(alert.raised_at.isoformat()), alert.bay or NOTHING, alert.subject, alert.what)  # fmt: skip
    tone = "dim" if alert.state is AlertState.CLEARED else _TONES[alert.severity]
    return Row(str(alert.number), cells, tone)
