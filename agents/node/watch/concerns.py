"""What is not well with the node: findings for the status, concerns for the alerts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from agents.node.watch.verdicts import Verdicts
from appliance.kinds.registry import AnyKind
from appliance.model.alert import Concern, concern_of
from appliance.model.disk import Disk, DiskRole
from appliance.model.resource import Finding, Severity
from appliance.model.snapshot import NodeSnapshot
from appliance.model.verdict import Grade, Verdict

LEAST_ROOT_FREE: Final = 256 * 2**20
"""Bytes below which the journal, logs and packages soon have no room."""
MISSING: Final = "disk-missing"
HEALTH: Final = "disk-health"
_SEVERITY: Final[Mapping[Grade, Severity]] = {
    Grade.FAILING: Severity.CRITICAL,
    Grade.PREFAIL: Severity.WARNING,
    Grade.WATCH: Severity.INFO,
}


class Replacing(NamedTuple):
    """A replacement that runs: no other disk of its pool may be pulled now."""

    job: int
    pool: str
    going: frozenset[str]
    """Serials of the disks that leave."""
    lost: frozenset[str] = frozenset()
    """Serials of the disks that were lost before it began: nobody pulled them by mistake."""


def disk_findings(
    disk: Disk, verdict: Verdict, replacing: Iterable[Replacing] = ()
) -> Iterator[Finding]:
    """What is not well with a disk."""
    if disk.missing:
        yield missing_disk(disk, replacing)
    elif verdict.verdict in _SEVERITY:
        worst = [line for line in verdict.evidence if line.grade is verdict.verdict]
        yield Finding(
            severity=_SEVERITY[verdict.verdict],
            subject=f"disk/{disk.serial}",
            what=f"the disk in {disk.where} is {_WORDS[verdict.verdict]}{_accused(disk, verdict)}",
            why="; ".join(line.words for line in worst),
            next_step=f"{verdict.next_step} All about it: appliance disk show {disk.serial}",
            cause=HEALTH,
        )


_WORDS: Final[Mapping[Grade, str]] = {
    Grade.FAILING: "failing",
    Grade.PREFAIL: "likely to fail",
    Grade.WATCH: "to be watched",
}


def _accused(disk: Disk, verdict: Verdict) -> str:
    del disk
    return "" if verdict.part in {"disk", "none"} else f"; the {verdict.part} is accused"


def missing_disk(disk: Disk, replacing: Iterable[Replacing] = ()) -> Finding:
    """A member of a pool, a spare or a boot disk that does not answer."""
    if disk.role is DiskRole.SPARE:
        return Finding(
            severity=Severity.WARNING,
            subject=f"disk/{disk.serial}",
            what=f"the spare in {disk.where} does not answer",
            why="it was pulled or has died; no disk is kept in its place meanwhile",
            next_step="Seat it again, or name another spare in the spec",
            cause=MISSING,
        )
    if disk.role is DiskRole.BOOT:
        return Finding(
            severity=Severity.CRITICAL,
            subject=f"disk/{disk.serial}",
            what=f"the boot disk in {disk.where} does not answer",
            why="it was pulled or has died; the node starts from the other one alone",
            next_step="Seat it again, or see what to do: appliance boot show node",
            cause=MISSING,
        )
    here = next((item for item in replacing if item.pool == disk.pool), None)
    if here is not None and disk.serial not in here.going | here.lost:
        going = ", ".join(sorted(here.going)) or "another one"
        return Finding(
            severity=Severity.CRITICAL,
            subject=f"disk/{disk.serial}",
            what=f"the wrong disk went: {disk.where} of pool {disk.pool} does not answer while "
            f"serial {going} is being replaced",
            why="it was pulled in its place, or has died in the middle of the rebuild",
            next_step="Put it back into its bay at once and pull nothing else; then: appliance "
            f"job watch {here.job}",
            cause=MISSING,
        )
    return Finding(
        severity=Severity.CRITICAL,
        subject=f"disk/{disk.serial}",
        what=f"the disk in {disk.where} of pool {disk.pool or '?'} does not answer",
        why="it was pulled, its cable is loose, or it has died",
        next_step="Seat it again or put a new disk into its bay, then: appliance disk list",
        cause=MISSING,
    )


def node_findings(
    kinds: Mapping[str, AnyKind], seen: NodeSnapshot, verdicts: Verdicts
) -> Iterator[Finding]:
    """All that is not well, in the order of the parts."""
    for noun, kind in kinds.items():
        for name, found in seen.found.get(noun, {}).items():
            yield from kind.health(name, found)
    for disk in seen.disks:
        yield from disk_findings(disk, verdicts.verdict(disk))
    for problem in seen.problems:
        yield Finding(
            severity=Severity.WARNING,
            subject="node",
            what=f"Not everything could be read: {problem}",
            next_step="Look at: journalctl -u appliance-agent -e",
        )
    if seen.host.root_free < LEAST_ROOT_FREE:
        yield Finding(
            severity=Severity.WARNING,
            subject="root file system",
            what=f"only {seen.host.root_free >> 20} MiB are free",
            why="changes are refused when the journal cannot be written",
            next_step="Make room: journalctl --vacuum-size=100M; du -xh / | sort -h | tail",
            cause="root-full",
        )


def concerns_of(
    findings: Iterable[Finding], disks: Mapping[str, Disk], verdicts: Verdicts
) -> Iterator[Concern]:
    """What deserves an alert: warnings and worse, and whatever is said of a disk."""
    for finding in findings:
        noun, _, name = finding.subject.partition("/")
        disk = disks.get(name) if noun == "disk" else None
        if disk is not None:
            yield about_disk(finding, disk, verdicts)
        elif finding.severity is not Severity.INFO:
            yield concern_of(finding)


def about_disk(finding: Finding, disk: Disk, verdicts: Verdicts) -> Concern:
    """The concern with the disk's place and the signs behind it."""
    lines = verdicts.verdict(disk).evidence
    marks = frozenset(line.rule for line in lines if line.grade.rank > 0)
    place = {"bay": disk.bay, "serial": disk.serial, "pool": disk.pool}
    return concern_of(finding).model_copy(update={"marks": marks, **place})
