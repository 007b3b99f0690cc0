"""The audit, to read and to check."""

from __future__ import annotations

from typing import Final

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from appliance.api.contract import AuditQuery
from appliance.api.wire import AuditPage, Empty
from appliance.model.audit import AuditVerdict

_MOST: Final = 1000
"""Lines a page may have."""


def audit(context: Context, caller: Caller, body: AuditQuery) -> AuditPage:
    """The newest lines, newest first, or those before a line."""
    del caller
    return AuditPage(lines=context.audit.page(max(1, min(body.limit, _MOST)), body.before))


def audit_verify(context: Context, caller: Caller, body: Empty) -> AuditVerdict:
    """Whether every link of the chain holds."""
    del caller, body
    return context.audit.verify()
