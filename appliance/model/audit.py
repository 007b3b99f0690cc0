"""The audit: an append-only chain of who asked for what, and what came of it."""

from __future__ import annotations

from datetime import datetime

from appliance.model.base import Value


class AuditLine(Value):
    """One link of the chain."""

    number: int
    at: datetime
    who: str
    """Unix user, or "agent" for what the node does by itself."""
    origin: str
    """local, or ssh from ADDRESS where the session tells."""
    what: str
    subject: str
    outcome: str
    digest: str
    """SHA-256 over the previous digest and this line."""


class AuditVerdict(Value):
    """Whether every link of the chain holds."""

    intact: bool
    lines: int
    broken_at: int | None = None
    head: str
    """Digest of the newest line: print or send it elsewhere to notice a rewritten chain."""
