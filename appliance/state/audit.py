"""The audit: an append-only chain of hashes; any line changed, dropped or cut off is noticed."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from appliance.model.audit import AuditLine, AuditVerdict
from appliance.state.db import Row, Store


class Audit:
    """Who asked for what, and what came of it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(
        self, at: datetime, *, who: str, origin: str, what: str, subject: str, outcome: str
    ) -> AuditLine:
        """Add a line. Raises FullError: what cannot be audited must not be done."""
        with self._store.writing() as db:
            head = self._store.rows("SELECT lines, digest FROM audit_head")[0]
            row: Row = {
                "number": head["lines"] + 1,
                "at": at.isoformat(),
                "who": who,
                "origin": origin,
                "what": what,
                "subject": subject,
                "outcome": outcome,
            }
            row["digest"] = link(head["digest"], row)
            db.table("audit").insert(row)
            db.execute(
                "UPDATE audit_head SET lines = ?, digest = ?", [row["number"], row["digest"]]
            )
        return AuditLine.model_validate(row)

    def page(self, limit: int, before: int | None = None) -> tuple[AuditLine, ...]:
        """The newest lines first, or those before line number `before`."""
        rows = self._store.rows(
            "SELECT * FROM audit WHERE ?1 IS NULL OR number < ?1 ORDER BY number DESC LIMIT ?2",
            before,
            limit,
        )
        return tuple(map(AuditLine.model_validate, rows))

    def verify(self) -> AuditVerdict:
        """Follow the chain from its first line; the first link that does not hold is named."""
        head = self._store.rows("SELECT lines, digest FROM audit_head")[0]
        digest, number = "", 0
        for row in self._store.rows("SELECT * FROM audit ORDER BY number"):
            number += 1
            if row["number"] != number or row["digest"] != link(digest, row):
                return _broken(head, number)
            digest = row["digest"]
        if number != head["lines"] or digest != head["digest"]:
            return _broken(head, number + 1)
        return AuditVerdict(intact=True, lines=number, head=digest)


def link(previous: str, row: Row) -> str:
    """SHA-256 over the digest before and the line in canonical JSON without its own digest."""
    text = json.dumps(
        {key: value for key, value in row.items() if key != "digest"},
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def _broken(head: Row, number: int) -> AuditVerdict:
    return AuditVerdict(intact=False, lines=head["lines"], broken_at=number, head=head["digest"])
