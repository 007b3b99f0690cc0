"""The node's database: opened with care, written in whole transactions, never made anew by itself."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlite_utils import Database

from appliance.errors import ApplianceError, FullError, UnavailableError
from appliance.state.migrations import MIGRATIONS

RESERVE_BYTES: Final = 4 * 2**20
"""Kept free beside the database, so that a full root file system can still be written down."""
_BUSY_S: Final = 10.0

Row = dict[str, Any]


class Store:
    """One database file. Safe to use from several threads: one connection, one lock."""

    def __init__(self, path: Path) -> None:
        """Open the database, or make it where none was. Raises UnavailableError, FullError.

        A file that is there but empty, damaged or no database is an error: the history and the
        audit must not vanish without a word.
        """
        self.path = path
        self._lock = threading.RLock()
        self._reserve = path.with_name(path.name + ".reserve")
        with self._told():
            if not path.exists():
                _create(path)
            self._db = _open(path)
        self.keep_reserve()

    def close(self) -> None:
        """Close it; the write-ahead log is folded in."""
        with self._lock:
            self._db.close()

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """One transaction, on the disk when the block ends (WAL, synchronous=FULL).

        Raises FullError when there is no room: nothing of the block is then written, and the
        reserve is given up so that the failure itself can be recorded.
        """
        with self._lock, self._told(), self._db.atomic():
            yield self._db

    def rows(self, sql: str, *parameters: object) -> list[Row]:
        """All rows of a query."""
        with self._lock, self._told():
            return list(self._db.query(sql, parameters))

    def need_room(self) -> None:
        """Raises FullError unless the reserve is there, or can be taken again, and room beside it."""
        self.keep_reserve()
        folder = os.statvfs(self.path.parent)
        # Not f_bfree: ext4 counts blocks in it that it keeps for itself and gives not even to root.
        if not self._reserve.exists() or folder.f_bavail * folder.f_frsize < RESERVE_BYTES:
            raise self._full()

    def keep_reserve(self) -> None:
        """Take the reserve again, if it was given up and there is room by now."""
        if self._reserve.exists():
            return
        handle = os.open(self._reserve, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(handle, 0, RESERVE_BYTES)
        except OSError:
            self._reserve.unlink(missing_ok=True)
        finally:
            os.close(handle)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors in words."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._in_words(error) from error

    def _in_words(self, error: sqlite3.DatabaseError) -> ApplianceError:
        # Extended result codes hold the primary one in their low byte (sqlite.org/rescode.html).
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            self._reserve.unlink(missing_ok=True)
            return self._full()
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return _damaged(self.path, str(error))
        return UnavailableError(
            f"The database {self.path} does not answer: {error}.",
            hint=f"Look at the file system it is on: findmnt -T {self.path.parent}; journalctl -k",
            subject=str(self.path),
        )

    def _full(self) -> FullError:
        return FullError(
            f"The root file system is full: {self.path} cannot grow.",
            hint="Make room (journalctl --vacuum-size=100M frees log space), then try again.",
            subject=str(self.path),
        )


def _create(path: Path) -> None:
    """Made under another name first, so that a file of this name is always a whole database."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    db = Database(draft)
    try:
        MIGRATIONS.apply(db)
    finally:
        db.close()
    draft.chmod(0o600)
    draft.rename(path)


def _open(path: Path) -> Database:
    if path.stat().st_size == 0:
        raise _damaged(path, "it is empty")
    connection = sqlite3.connect(path, check_same_thread=False, timeout=_BUSY_S)
    try:
        db = Database(connection)
        _check(db, path)
        db.enable_wal()
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA foreign_keys=ON")
        MIGRATIONS.apply(db)
    except BaseException:
        connection.close()
        raise
    return db


def _check(db: Database, path: Path) -> None:
    verdict = next(db.query("PRAGMA quick_check(1)"))["quick_check"]
    if verdict != "ok":
        raise _damaged(path, str(verdict))


def _damaged(path: Path, why: str) -> UnavailableError:
    return UnavailableError(
        f"The database {path} is damaged: {why}.",
        hint=f"Keep the file ({path}), put back a copy of it, or move it away to begin with an "
        "empty history; pools and shares are not affected. Then restart appliance-agent.",
        subject=str(path),
    )
