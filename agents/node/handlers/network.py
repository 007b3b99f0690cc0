"""A change of the network that waits to be confirmed."""

from __future__ import annotations

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from appliance.api.wire import Empty
from appliance.errors import BusyError
from appliance.model.job import StepState
from appliance.model.link import CONFIRM_TITLE, NetworkChange


def network_change(context: Context, caller: Caller, body: Empty) -> NetworkChange:
    """Whether a change waits."""
    del caller, body
    return context.network.change()


def network_confirm(context: Context, caller: Caller, body: Empty) -> NetworkChange:
    """The new settings stay. Raises RefusedError when none wait, BusyError before they are set."""
    del body
    for job in context.journal.jobs(unfinished=True):
        steps = context.journal.job(job.number).steps
        begun = next((step for step in steps if step.state is StepState.BEGUN), None)
        # To confirm what is not in force yet would confirm nothing.
        if job.acts and not (begun and begun.title == CONFIRM_TITLE):
            raise BusyError(
                f"Job {job.number} has not set the network up yet, or is past it.",
                hint=f"Follow it with: appliance job watch {job.number}",
                subject="network",
            )
    changed = context.network.confirm()
    context.note(caller, what="network_confirm", subject="network", outcome="confirmed")
    return changed
