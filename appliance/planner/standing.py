"""How disks stand with a node, from what was written down and what is seen now. Pure.

A blank disk says nothing of itself, so its past stands in the database: whether it was admitted,
was part of something, was erased. The rules are these. A blank disk nobody wrote down is new. One
that was in use and is blank now has left, and what it held can still be read from it. A free disk
that was away comes back as new: nobody knows what was done to it elsewhere. While a job that has
consent for a disk is unfinished, nothing is concluded from what the disk looks like.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appliance.model.admission import QUARANTINED, DiskEntry, Standing
from appliance.model.disk import Disk, DiskRole, Quarantine
from appliance.model.snapshot import NodeSnapshot

Book = Mapping[str, DiskEntry]

_UNREADABLE: Final = "unreadable"
"""Signature of a disk nobody could look at (agents/node/observe/signatures.py)."""
_BLANK: Final = frozenset({DiskRole.FREE, DiskRole.SPARE})


@dataclass(frozen=True)
class Seen:
    """The node with its disks' standing, and what is to be written down of it."""

    snapshot: NodeSnapshot
    changed: tuple[DiskEntry, ...] = ()
    forgotten: tuple[str, ...] = ()
    """Serials of free disks that are away."""


def stand(snapshot: NodeSnapshot, book: Book, now: datetime) -> Seen:
    """What the book says of the disks that are seen, and what they say of the book."""
    changed = tuple(
        entry for disk in snapshot.disks if (entry := _news(disk, book, snapshot.claims, now))
    )
    known = {**book, **{entry.serial: entry for entry in changed}}
    disks = tuple(in_quarantine(disk, known.get(disk.serial)) for disk in snapshot.disks)
    gone = _away(snapshot.disks, book) if snapshot.disks else ()
    return Seen(snapshot.model_copy(update={"disks": disks}), changed, gone)


def in_quarantine(disk: Disk, entry: DiskEntry | None) -> Disk:
    """The disk; a blank one that was not admitted is quarantined. A spare keeps its role."""
    if disk.missing or disk.role not in _BLANK:
        return disk
    why = QUARANTINED.get(entry.standing) if entry else Quarantine.NEW
    if why is None or disk.role is DiskRole.SPARE:
        return disk
    was = entry.was if entry and why is Quarantine.NOT_ERASED else ""
    return disk.model_copy(update={"role": DiskRole.QUARANTINED, "quarantine": why, "was": was})


def _news(disk: Disk, book: Book, claims: Mapping[str, str], now: datetime) -> DiskEntry | None:
    """The disk's entry when it has to change."""
    entry = book.get(disk.serial)
    if disk.missing or disk.role is DiskRole.BOOT or disk.serial in claims:
        return None
    if disk.role in _BLANK:
        if entry is not None and entry.standing is Standing.IN_USE:
            return entry.model_copy(update={"standing": Standing.LEFT, "at": now, "who": ""})
        return None
    held = _held(disk)
    if not held or (entry and entry.standing is Standing.IN_USE and entry.was == held):
        return None
    use = {"standing": Standing.IN_USE, "was": held, "at": now, "who": ""}
    return (entry or DiskEntry(serial=disk.serial, standing=Standing.IN_USE, at=now)).model_copy(
        update=use
    )


def _held(disk: Disk) -> str:
    """What the disk is part of or holds; empty when nobody could look at it."""
    if disk.pool:
        return f"pool {disk.pool}"
    types = dict.fromkeys(item.type for item in disk.signatures)
    return "" if _UNREADABLE in types else ", ".join(types) or ", ".join(disk.holders)


def _away(disks: Iterable[Disk], book: Book) -> tuple[str, ...]:
    here = {disk.serial for disk in disks}
    free = (Standing.ADMITTED, Standing.ERASED)
    return tuple(
        serial for serial, entry in book.items() if entry.standing in free and serial not in here
    )
