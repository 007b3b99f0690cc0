"""The disks as last seen: a missing member is shown in its bay with its last state."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from appliance.errors import FullError
from appliance.model.disk import Disk
from appliance.state.db import Store

LOG: Final = logging.getLogger(__name__)


class DiskMemory:
    """Last known state of every disk that ever was in this node."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = {
            row["serial"]: Disk.model_validate_json(row["document"])
            for row in store.rows("SELECT serial, document FROM disk")
        }

    def known(self) -> tuple[Disk, ...]:
        """All disks, by serial."""
        return tuple(disk for _, disk in sorted(self._known.items()))

    def remember(self, disks: Iterable[Disk], now: datetime) -> None:
        """Keep the state of disks that answer; what did not change is not written again.

        The SMART reading is left out: it moves all the time and is old by the next look. On a
        full disk nothing is kept: that must not end the look at the node, least of all then.
        """
        fresh = {
            disk.serial: disk.model_copy(update={"smart": None})
            for disk in disks
            if disk.serial and not disk.missing
        }
        changed = {key: disk for key, disk in fresh.items() if self._known.get(key) != disk}
        if not changed:
            return
        try:
            self._write(changed, now)
        except FullError as error:
            LOG.warning("%s", error)
            return
        self._known |= changed

    def forget(self, serial: str) -> None:
        """Expect a disk no longer."""
        with self._store.writing() as db:
            db.table("disk").delete_where("serial = ?", [serial])
        self._known.pop(serial, None)

    def _write(self, disks: Mapping[str, Disk], now: datetime) -> None:
        rows = [
            {"serial": key, "seen_at": now.isoformat(), "document": disk.model_dump_json()}
            for key, disk in disks.items()
        ]
        with self._store.writing() as db:
            # Not upsert_all: on a full disk sqlite-utils 4.2 takes the failing trial of ON
            # CONFLICT for an old SQLite, and its other way loses rows without an error.
            db.table("disk").insert_all(rows, replace=True)
