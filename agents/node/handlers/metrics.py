"""Numbers for Prometheus."""

from __future__ import annotations

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from agents.node.watch.metrics import metrics_text
from appliance.api.wire import Empty, PlainText


def metrics(context: Context, caller: Caller, body: Empty) -> PlainText:
    """Disks, pools, shares, guests, jobs and alerts in Prometheus' text format."""
    del caller, body
    text = metrics_text(
        context.looking.recent(),
        context.verdicts,
        context.journal.jobs(),
        context.alerts.open(),
        context.version,
    )
    return PlainText(text=text)
