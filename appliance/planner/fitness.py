"""Whether a disk is fit for a pool: identity, size, SMART, shingled tracks, sectors. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from importlib import resources
from typing import Final

from appliance.kinds.pool_steps import tag_text
from appliance.model.admission import Check, Outcome
from appliance.model.base import Value, format_size
from appliance.model.disk import Disk, DiskRole, Zoned
from appliance.model.pool import MemberFound, PoolFound
from appliance.model.snapshot import NodeSnapshot
from appliance.model.verdict import Grade, Part, Verdict

NAMELESS: Final = ("path-", "node-")
"""What a disk is called that told neither a serial nor a WWN (agents/node/observe/identity.py)."""
_RETURN: Final = "Send it back, or use another disk."


class ShingledModel(Value):
    """Disks that shingle on their own, by their maker's word."""

    model: str
    name: str
    source: str

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The beginning of the model must match."""
        return re.compile(self.model)


class ShingledModels(Value):
    """All of smr.toml."""

    models: tuple[ShingledModel, ...]


@cache
def shingled_models() -> tuple[ShingledModel, ...]:
    """The models that come with the program."""
    text = resources.files("appliance.planner").joinpath("smr.toml").read_text("utf-8")
    return ShingledModels.model_validate(tomllib.loads(text)).models


def examine(disk: Disk, snapshot: NodeSnapshot) -> tuple[Check, ...]:
    """All checks of a disk by itself; none of them takes time or touches the disk."""
    return (
        _identity(disk, snapshot),
        _size(disk, snapshot),
        _smart(snapshot.verdicts.get(disk.serial)),
        _shingled(disk),
        _sectors(disk),
    )


def unfit(checks: Sequence[Check]) -> Check | None:
    """The first check that refuses."""
    return next((item for item in checks if item.outcome is Outcome.REFUSED), None)


def doubts(checks: Sequence[Check]) -> Iterator[str]:
    """What somebody should know of a disk that is fit."""
    for item in checks:
        if item.outcome is Outcome.WARNING:
            yield f"{item.words}{f' {item.next_step}' if item.next_step else ''}"


def _identity(disk: Disk, snapshot: NodeSnapshot) -> Check:
    """A disk is known by WWN and serial; two of a name could be taken for each other."""
    others = [other for other in snapshot.disks if other is not disk and not other.missing]
    twin = next((other for other in others if disk.wwn and other.wwn == disk.wwn), None)
    if disk.role is DiskRole.BOOT:
        return _refused("identity", "It is the boot disk.", "Choose another disk.")
    if disk.serial.startswith(NAMELESS):
        return _refused("identity", "It tells neither a serial nor a WWN, so it cannot be told "
                        "from another disk put there.", _RETURN)  # fmt: skip
    if twin is not None:
        return _refused("identity", f"Its WWN {disk.wwn} is that of {twin.where} as well.",
                        "Take one of the two out.")  # fmt: skip
    if not disk.wwn:
        return _ok("identity", f"Serial {disk.serial} is its own; it has no WWN.")
    return _ok("identity", f"Serial {disk.serial} and WWN {disk.wwn} are its own.")


def _size(disk: Disk, snapshot: NodeSnapshot) -> Check:
    if not disk.size:
        return _refused("size", "It tells no capacity: it is broken, locked or still starting.",
                        _RETURN)  # fmt: skip
    needs = {name: least for name, least in _least(disk, snapshot) if least}
    words = f"It has {format_size(disk.size)}"
    small = {name: least for name, least in needs.items() if disk.size < least}
    if small and len(small) == len(needs):
        pools = ", ".join(f"'{name}' ({format_size(least)})" for name, least in small.items())
        return _warning("size", f"{words}, less than any disk of pool {pools}: it can take no "
                        "place there.")  # fmt: skip
    return _ok("size", f"{words}.")


def _least(disk: Disk, snapshot: NodeSnapshot) -> Iterator[tuple[str, int]]:
    """Pool -> its smallest disk of the same medium."""
    sizes = {item.serial: item for item in snapshot.disks}
    for name, pool in snapshot.found.get("pool", {}).items():
        members: tuple[MemberFound, ...] = pool.members if isinstance(pool, PoolFound) else ()
        tags = {member.serial for member in members}
        like = [
            other.size
            for serial, other in sizes.items()
            if tag_text(serial) in tags and other.size and other.medium is disk.medium
        ]
        yield name, min(like, default=0)


def _smart(verdict: Verdict | None) -> Check:
    if verdict is None or verdict.verdict is Grade.UNKNOWN:
        return _warning("smart", f"Its health cannot be told{_worst(verdict, ': ')}.")
    worst = _worst(verdict)
    if verdict.verdict in {Grade.PREFAIL, Grade.FAILING}:
        words = f"Its health is {verdict.verdict}: {worst}."
        return _refused("smart", words, verdict.next_step)
    if verdict.verdict is Grade.WATCH:
        part = "" if verdict.part in {Part.DISK, Part.NONE} else f" (the {verdict.part})"
        return _warning("smart", f"Its health is worth watching{part}: {worst}.")
    return _ok("smart", "Its SMART values are healthy.")


def _worst(verdict: Verdict | None, before: str = "") -> str:
    """The first line of evidence, as the end of a sentence."""
    lines = verdict.evidence if verdict else ()
    return f"{before}{lines[0].words.removesuffix('.')}" if lines else ""


def _shingled(disk: Disk) -> Check:
    """A rebuild writes for days without a pause, which is what shingled tracks are worst at."""
    if disk.zoned is Zoned.HOST_MANAGED:
        return _refused("smr", "It takes writes only in the order of its zones (host-managed SMR); "
                        "no RAID can write like that.", _RETURN)  # fmt: skip
    if disk.zoned is Zoned.HOST_AWARE:
        return _warning("smr", "It has shingled tracks (host-aware SMR): a rebuild may take weeks.")
    known = next((item for item in shingled_models() if item.compiled.match(disk.model)), None)
    if known is not None:
        return _warning("smr", f"{known.name} has shingled tracks (drive-managed SMR): a rebuild "
                        f"may take weeks, or the disk is dropped. [{known.source}]")  # fmt: skip
    return _ok("smr", "Nothing tells of shingled tracks.")


def _sectors(disk: Disk) -> Check:
    return _ok("sectors", f"Its sectors are {sector_words(disk)}.")


def sector_words(disk: Disk) -> str:
    """512n, 512e or 4Kn, as the field calls them; bytes for anything else."""
    logical, physical = disk.logical_block, disk.physical_block or disk.logical_block
    return {(512, 512): "512n", (512, 4096): "512e", (4096, 4096): "4Kn"}.get(
        (logical, physical), f"{logical} bytes ({physical} physical)"
    )


def _ok(name: str, words: str) -> Check:
    return Check(name=name, outcome=Outcome.OK, words=words)


def _warning(name: str, words: str) -> Check:
    return Check(name=name, outcome=Outcome.WARNING, words=words)


def _refused(name: str, words: str, next_step: str) -> Check:
    return Check(name=name, outcome=Outcome.REFUSED, words=words, next_step=next_step)
