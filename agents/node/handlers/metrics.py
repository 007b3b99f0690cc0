"""Numbers for Prometheus."""

from __future__ import annotations

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from agents.node.watch.metrics import metrics_text
from appliance.api.wire import Empty, PlainText


def metrics(context: Context, caller: Caller, body: Empty) -> PlainText:
    """Disks, pools, shares, guests, jobs, alerts, scrubs and self-tests in Prometheus' text format."""
    del caller, body
    seen = context.looking.recent()
    text = metrics_text(
        seen,
        context.verdicts,
        context.journal.jobs(),
        context.alerts.open(),
        context.version,
        more=context.care.metrics(seen) if context.care else (),
    )
    return PlainText(text=text)
