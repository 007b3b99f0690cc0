"""The first boot and the handover sheet in words, the same on every face; on plain JSON values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from appliance.api.words import NOTHING, clock, size

Json = dict[str, Any]

_MOST_NAMED: Final = 4
_SURE: Final = ("unknown: no profile fits", "by its maker", "by its family", "this very product")


def proposal_lines(proposal: Json) -> Iterator[str]:
    """What is here, and what could be made of it."""
    chassis, disks = proposal["chassis"], proposal["disks"]
    usable = [disk for disk in disks if disk["usable"]]
    sure = _SURE[chassis["score"]]
    if not chassis["score"] and chassis["profile"] != "generic":
        sure = "as it was recorded"
    yield f"chassis: {chassis['title']} ({chassis['profile']}, {sure})"
    empty = f"; empty: {', '.join(chassis['empty_bays'])}" if chassis["empty_bays"] else ""
    yield f"bays: {chassis['bays'] or 'unknown'}{empty}"
    yield f"disks: {len(disks)}, of which {len(usable)} may go into a pool"
    yield from _kinds(usable)
    for disk in disks:
        if not disk["usable"]:
            yield f"  not {_where(disk)}: {disk['why']}"
    yield from _doubts(usable)
    yield from card_lines(proposal)
    yield "layouts:" if proposal["layouts"] else "layouts: none, there are too few usable disks"
    for layout in proposal["layouts"]:
        yield from layout_lines(layout)


def medium_lines(proposal: Json) -> Iterator[str]:
    """That the node runs from a live medium, and where it could be installed."""
    if proposal["on_medium"]:
        places = [
            _where(disk) for disk in proposal["disks"] if disk["serial"] in proposal["boot_disks"]
        ]
        there = ", ".join(places) or "no disk: all are in use or too small"
        yield f"system: runs from a medium; it can be installed on {there}"


def installed_lines(proposal: Json, serials: Collection[str]) -> Iterator[str]:
    """After an installation from the medium: where the system is, and what to do."""
    places = [_where(disk) for disk in proposal["disks"] if disk["serial"] in serials]
    yield f"The system is installed on {' and '.join(places) or ' and '.join(serials)}."
    yield "Power off (systemctl poweroff), take the live medium out, and start again."
    yield "Then set the node up on the installed system; the same answers do."


def _kinds(disks: Iterable[Json]) -> Iterator[str]:
    """How many of each kind and size."""
    counted: dict[tuple[str, str, int], int] = {}
    for disk in disks:
        key = (disk["transport"], disk["medium"], disk["size"])
        counted[key] = counted.get(key, 0) + 1
    for (transport, medium, amount), count in counted.items():
        yield f"  {count} x {size(amount)} {transport.upper()} {medium.upper()}"


def _doubts(disks: Iterable[Json]) -> Iterator[str]:
    """Each doubt once, with the disks it is about: a whole shelf is of one model."""
    about: dict[str, list[str]] = {}
    for disk in disks:
        for words in disk["doubts"]:
            about.setdefault(words, []).append(_where(disk))
    for words, places in about.items():
        shown = ", ".join(places[:_MOST_NAMED])
        more = f" and {len(places) - _MOST_NAMED} more" if len(places) > _MOST_NAMED else ""
        yield f"  know of {shown}{more}: {words}"


def card_lines(proposal: Json) -> Iterator[str]:
    """The network cards there are."""
    yield "network:"
    for card in proposal["cards"]:
        yield f"  {card['interface']}  {card['mac']}  {card['state']}  {_joined(card['addresses'])}"


def layout_lines(layout: Json) -> Iterator[str]:
    """One way to make pools: what it gives, and what it survives."""
    mark = "  <- recommended" if layout["recommended"] else ""
    yield f"  {layout['name']}: {layout['title']}{mark}"
    yield (
        f"    {size(layout['usable'])} usable of {size(layout['raw'])}; "
        f"survives any {_disks(layout['survives'])} lost"
    )
    for tier in layout["tiers"]:
        yield (
            f"    {tier['pool']} {tier['tier']}: {_disks(len(tier['disks']))} as {tier['raid']}, "
            f"{size(tier['usable'])}"
        )
    yield from (f"    {note}" for note in layout["notes"])


def handover_lines(sheet: Json) -> Iterator[str]:
    """The sheet as plain text, to print."""
    yield f"HANDOVER SHEET  {sheet['hostname']}"
    yield f"{sheet['chassis']} ({sheet['profile']}), software {sheet['version']}"
    yield f"made {clock(sheet['at'])} UTC; time zone {sheet['timezone'] or NOTHING}"
    yield f"time from {_joined(sheet['time_servers']) or 'the public pool'}"
    yield from _part("Addresses", ("LINK", "INTERFACE", "MAC", "ADDRESSES"), [
        (link["name"], link["interface"], link["mac"], _joined(link["addresses"]))
        for link in sheet["links"]
    ])  # fmt: skip
    yield from _part("SSH host keys", ("TYPE", "FINGERPRINT"), [
        (key["type"], key["fingerprint"]) for key in sheet["host_keys"]
    ])  # fmt: skip
    yield from _part("People", ("NAME", "ROLE", "SSH KEYS", "PASSWORD"), [
        (who["name"], who["role"], str(who["keys"]), "yes" if who["password"] else "no")
        for who in sheet["accounts"]
    ])  # fmt: skip
    yield from _part("Pools", ("POOL", "TIER", "RAID", "DISKS", "USABLE", "SURVIVES"), [
        (tier["pool"], tier["tier"], tier["raid"], str(tier["disks"]), size(tier["usable"]),
         f"{_disks(tier['survives'])} lost")
        for tier in sheet["tiers"]
    ])  # fmt: skip
    yield from _part("Shares", ("SHARE", "SIZE", "REACHED BY"), [
        (share["name"], size(share["size"]), "; ".join(share["ways"])) for share in sheet["shares"]
    ])  # fmt: skip
    yield from _part("Disks", ("BAY", "SERIAL", "MODEL", "SIZE", "ROLE", "POOL"), [
        (disk["bay"] or NOTHING, disk["serial"], disk["model"] or NOTHING, size(disk["size"]),
         disk["role"], disk["pool"] or NOTHING)
        for disk in sheet["disks"]
    ])  # fmt: skip
    yield ""
    yield "What to do first"
    yield from (f"  {number}. {step}" for number, step in enumerate(sheet["first"], 1))


def _part(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield title
    if not rows:
        yield "  none"
        return
    widths = [max(len(row[at]) for row in (headers, *rows)) for at in range(len(headers))]
    for row in (headers, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells).rstrip()}"


def _where(disk: Json) -> str:
    return (
        f"bay {disk['bay']} (serial {disk['serial']})"
        if disk["bay"]
        else f"serial {disk['serial']}"
    )


def _disks(count: int) -> str:
    return "1 disk" if count == 1 else f"{count} disks"


def _joined(items: Iterable[str]) -> str:
    return ", ".join(items)
