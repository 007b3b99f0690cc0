"""Pictures of things that are more than a list of facts: a pool as a tree, snapshots, sessions, a
guest's console. Pure; a kind without one is shown by its facts alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from appliance.api.words import NOTHING, Json, Line, Span, clock, resource_state, size
from appliance.model.pool import SYNC, SYNC_WORDS
from tui.words import bar

WATERMARKS: Final = ((90, "critical", "FULL SOON"), (80, "warning", "filling up"))
"""Fill levels of thin pools from which one must act (design.md part 3: watermarks)."""
_WHOLE: Final = 100


class Around(NamedTuple):
    """What a picture shows beside the thing itself."""

    volumes: tuple[Json, ...] = ()
    bays: Mapping[str, str] = {}
    """Serial -> bay label."""


Draw = Callable[[Json, Around], Iterator[Line]]


def fill_line(label: str, percent: float, of: str) -> Line:
    """A bar with its number, and a word from the watermarks on."""
    level = next(((tone, word) for mark, tone, word in WATERMARKS if percent >= mark), ("ok", ""))
    word = Span(f"  {level[1]}", level[0]) if level[1] else Span("")
    return Span(f"{label} "), Span(bar(percent), level[0]), Span(f" {percent:.0f} % of {of}"), word


def pool(item: Json, around: Around) -> Iterator[Line]:
    """Tier by tier: the disks, the RAID on them, the thin pool on that, the volumes in it."""
    found = item["found"] or {}
    yield (
        Span(f"{item['name']}: {size(found.get('size'))}, {size(found.get('free'))} in no tier"),
    )
    for tier, facts in (found.get("tiers") or {}).items():
        yield from _tier(item["name"], tier, facts, around)
    spares = ", ".join(_where(serial, around) for serial in found.get("spares") or ())
    if spares:
        yield (Span(f"  spares: {spares}"),)


def _tier(name: str, tier: str, facts: Json, around: Around) -> Iterator[Line]:
    degraded = Span("  DEGRADED", "critical") if facts["degraded"] else Span("")
    yield Span(f"+ {tier}", "title"), degraded
    for member in facts["members"]:
        yield _member(member, around)
    sync, doing = float(facts["sync_percent"]), SYNC_WORDS.get(facts["sync_action"], SYNC)
    state = "in sync" if sync >= _WHOLE else f"{bar(sync)} {sync:.0f} % of its {doing}"
    cache = f", cache {size(facts['cache_size'])}" if facts["cached"] else ""
    yield (Span(f"  + {facts['raid'] or 'no RAID yet'}: {state}{cache}"),)
    if facts["thin_pool"]:
        yield fill_line("    + data    ", float(facts["data_percent"]), size(facts["data_size"]))
        metadata = float(facts["metadata_percent"])
        yield fill_line("    + metadata", metadata, size(facts["metadata_size"]))
    for volume in around.volumes:
        there = volume["found"] or {}
        if there.get("pool") == name and there.get("tier") == tier:
            yield _volume_line(volume["name"], there)


def _member(member: Json, around: Around) -> Line:
    where = _where(member["serial"], around)
    words = f"  | {where}, {size(member['size'])}"
    if member["missing"]:
        return Span(words), Span("  MISSING", "critical")
    bad = member["mismatches"] or 0
    sums = ", checksums" if member["integrity"] else ""
    return Span(words + sums), Span(f"  {bad} blocks failed" if bad else "", "critical")


def _volume_line(name: str, found: Json) -> Line:
    snapshots = found.get("snapshots") or []
    kept = f", {len(snapshots)} snapshot{'' if len(snapshots) == 1 else 's'}" if snapshots else ""
    use = "" if found.get("in_use") else ", not in use"
    words = f"{name} {size(found['size'])}, {found.get('used_percent', 0):.0f} % used{kept}{use}"
    return (Span(f"      + {words}"),)


def volume(item: Json, around: Around) -> Iterator[Line]:
    """Its snapshots, the newest last."""
    del around
    snapshots = (item["found"] or {}).get("snapshots") or []
    if snapshots:
        yield (Span("snapshots:", "title"),)
    for snapshot in sorted(snapshots, key=lambda entry: str(entry["created_at"])):
        created = clock(snapshot["created_at"])
        yield (Span(f"  {snapshot['name']:<20} {created} (UTC)  {size(snapshot['size'])}"),)


def lun(item: Json, around: Around) -> Iterator[Line]:
    """Who may log in, and who is."""
    del around
    sessions = set((item["found"] or {}).get("sessions") or ())
    allowed = list((item["spec"] or {}).get("initiators") or ())
    yield (Span(f"sessions: {len(sessions)} logged in", "title"),)
    for initiator in (*allowed, *sorted(sessions - set(allowed))):
        here = initiator in sessions
        yield (
            Span(f"  {initiator}  "),
            Span("LOGGED IN" if here else "away", "ok" if here else "dim"),
        )


def guest(item: Json, around: Around) -> Iterator[Line]:
    """How one comes to its serial console."""
    del around
    domain = (item["found"] or {}).get("domain") or {}
    if domain:
        yield (Span("console:", "title"),)
        yield (Span(f"  on the node, as root: virsh console {item['name']}   (^] leaves it)"),)
        yield (Span(f"  what it said so far: {domain.get('console_log') or NOTHING}"),)


PICTURES: Final[Mapping[str, Draw]] = {"pool": pool, "volume": volume, "lun": lun, "vm": guest}


def picture_lines(item: Json, around: Around) -> Iterable[Line]:
    """The picture of a thing, above its facts; nothing where its kind has none."""
    draw = PICTURES.get(item["kind"])
    if draw is None or resource_state(item) == "not there yet":
        return ()
    return tuple(draw(item, around))


def _where(serial: str, around: Around) -> str:
    bay = around.bays.get(serial, "")
    return f"bay {bay} ({serial})" if bay else serial
