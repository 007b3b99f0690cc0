"""How disks stand with this node, and the certificates of those that were erased."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlite_utils import Database

from appliance.errors import FullError, NotFoundError
from appliance.model.admission import DiskEntry, Outcome, Standing
from appliance.model.erasing import Certificate
from appliance.model.steps import BookStep
from appliance.state.audit import Audit
from appliance.state.db import Store

LOG: Final = logging.getLogger(__name__)


class DiskBook:
    """The book of disks. Safe to use from several threads."""

    def __init__(self, store: Store, audit: Audit, now: Callable[[], datetime]) -> None:
        self._store = store
        self._audit = audit
        self._now = now
        self._entries = {
            row["serial"]: DiskEntry.model_validate_json(row["document"])
            for row in store.rows("SELECT serial, document FROM disk_standing")
        }

    def entries(self) -> Mapping[str, DiskEntry]:
        """What is written, by serial."""
        return MappingProxyType(dict(self._entries))

    def entry(self, serial: str) -> DiskEntry | None:
        """What is written of a disk; None for one that is new."""
        return self._entries.get(serial)

    def saw(self, changed: Iterable[DiskEntry], forgotten: Iterable[str]) -> None:
        """What a look told. On a full disk it is not kept: the next look tells the same."""
        changed, forgotten = tuple(changed), tuple(forgotten)
        if not changed and not forgotten:
            return
        try:
            with self._store.writing() as db:
                _put(db, changed, forgotten)
        except FullError as error:
            LOG.warning("%s", error)
            return
        self._remember(changed, forgotten)

    def write(self, step: BookStep, *, who: str, job: int | None) -> None:
        """What a step says, with a line in the audit for each disk. Raises FullError."""
        at = self._now()
        entries = tuple(entry.model_copy(update={"who": who, "at": at}) for entry in step.entries)
        with self._store.writing() as db:
            _put(db, entries, step.forget)
            if step.certificate is not None:
                self._certify(db, step.certificate, who, job, at)
            else:
                for entry in entries:
                    self._line(at, who, "disk_standing", entry.serial, _in_words(entry))
        self._remember(entries, step.forget)

    def certificates(self, serial: str) -> tuple[Certificate, ...]:
        """The certificates of a disk, newest first."""
        rows = self._store.rows(
            "SELECT document FROM certificate WHERE serial = ? ORDER BY number DESC", serial
        )
        return tuple(Certificate.model_validate_json(row["document"]) for row in rows)

    def certificate(self, serial: str) -> Certificate:
        """The newest certificate of a disk. Raises NotFoundError."""
        found = self.certificates(serial)
        if not found:
            raise NotFoundError(
                f"There is no certificate that disk {serial} was erased.",
                hint=f"Erase it: appliance disk erase {serial}; what was erased before is in: "
                "appliance audit list",
                subject=f"disk/{serial}",
            )
        return found[0]

    def _certify(
        self, db: Database, draft: Certificate, who: str, job: int | None, at: datetime
    ) -> None:
        last = self._store.rows("SELECT coalesce(max(number), 0) AS number FROM certificate")
        facts = {"number": last[0]["number"] + 1, "who": who, "job": job, "at": at}
        made = draft.model_copy(update=facts)
        made = made.model_copy(update={"digest": digest_of(made)})
        db.table("certificate").insert(
            {"number": made.number, "serial": made.serial, "document": made.model_dump_json()}
        )
        words = (
            f"certificate {made.number}: {made.method}, {made.category} by {made.standard}; "
            f"{made.verified}; sha256 {made.digest}"
        )
        self._line(at, who, "disk_erased", made.serial, words)

    def _line(self, at: datetime, who: str, what: str, serial: str, outcome: str) -> None:
        self._audit.append(
            at, who=who, origin="agent", what=what, subject=f"disk/{serial}", outcome=outcome
        )

    def _remember(self, entries: Iterable[DiskEntry], forgotten: Iterable[str]) -> None:
        gone = frozenset(forgotten)
        kept = {key: entry for key, entry in self._entries.items() if key not in gone}
        self._entries = kept | {entry.serial: entry for entry in entries}


def digest_of(certificate: Certificate) -> str:
    """SHA-256 over canonical JSON of all but the digest."""
    document = certificate.model_dump(mode="json", exclude={"digest"})
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _put(db: Database, entries: Iterable[DiskEntry], forgotten: Iterable[str]) -> None:
    rows = [{"serial": entry.serial, "document": entry.model_dump_json()} for entry in entries]
    db.table("disk_standing").insert_all(rows, replace=True)
    for serial in forgotten:
        db.table("disk_standing").delete_where("serial = ?", [serial])


def _in_words(entry: DiskEntry) -> str:
    if entry.standing is not Standing.ADMITTED:
        return str(entry.standing)
    doubts = [check.words for check in entry.checks if check.outcome is not Outcome.OK]
    return " ".join((f"admitted, depth {entry.depth};", *(doubts or ("nothing against it",))))
