"""What there is to say about a pool: capacity before it is made, and what is not well with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from appliance.kinds.pool_build import PoolBuild, wanted_tiers
from appliance.kinds.pool_layout import EXTENT, chunk_size, fits, reserve, stripes
from appliance.model.base import format_size
from appliance.model.disk import Medium
from appliance.model.pool import (
    DISAGREES,
    IN_SYNC,
    SYNC,
    SYNC_WORDS,
    MemberFound,
    PoolFound,
    RaidLevel,
    TierFound,
    TierName,
    full_cause,
)
from appliance.model.resource import Finding, Severity

MARKS: Final = ((90, Severity.CRITICAL), (80, Severity.WARNING), (70, Severity.INFO))
"""Fill levels in percent that are told; past the first no new thin volume is made."""

HARD_STOP: Final = MARKS[0][0]


def capacity_notes(build: PoolBuild) -> Iterator[str]:
    """Usable capacity of what will be made, what other levels would give, what is wasted."""
    layout = build.layout()
    for tier in wanted_tiers(build.spec):
        data = layout.tiers[tier].data
        if data is not None:
            spec, size = build.spec.tier(tier), data.extents * EXTENT
            image = size // stripes(spec.raid, len(spec.disks))
            yield (
                f"Tier {tier}: {len(spec.disks)} disks as {spec.raid} give "
                f"{format_size(size)} usable, in chunks of {format_size(chunk_size(size))}"
                f"{_others(spec.raid, len(spec.disks), image)}."
            )
    yield from _wasted(build)
    yield from _odd_media(build)


def _others(raid: RaidLevel, disks: int, image: int) -> str:
    others = [
        f"{level} {format_size(stripes(level, disks) * image)}"
        for level in RaidLevel
        if level is not raid and fits(level, disks)
    ]
    return f" (for comparison: {', '.join(others)})" if others else ""


def _wasted(build: PoolBuild) -> Iterator[str]:
    """Only what a person can change by other disks: more than the reserve and 1 % of the disk."""
    left = build.layout().left
    for place in build.places():
        size = left[place.serial] * EXTENT
        if left[place.serial] > reserve(place.total) and place.disk is not None:
            yield (
                f"{format_size(size)} of {place.disk.where} in tier {place.tier} stay unused: "
                f"the smallest disk of a tier sets the size of all its RAID images."
            )


def _odd_media(build: PoolBuild) -> Iterator[str]:
    for place in build.places():
        slow = place.disk is not None and place.disk.medium is Medium.HDD
        if slow and place.tier is TierName.PERFORMANCE and place.disk is not None:
            yield (
                f"Warning: {place.disk.where} is a hard disk in tier performance; the whole tier, "
                f"the cache and all metadata run at its speed."
            )


def pool_findings(name: str, found: PoolFound) -> Iterator[Finding]:
    """What is not well with a pool."""
    subject = f"pool/{name}"
    if found.twin:
        yield Finding(
            severity=Severity.WARNING, subject=subject,
            what=f"Another volume group has the name of this one ({found.vg_uuid}).",
            why="Disks of another node were put in; LVM changes no group whose name is not its own.",
            next_step="Take those disks out, or give the one that came another name: vgrename "
            "UUID vg_OTHER",
        )  # fmt: skip
    for member in found.untagged:
        yield Finding(
            severity=Severity.WARNING, subject=subject,
            what=f"The physical volume {member.pv or member.pv_uuid} belongs to no tier.",
            why="Making or growing the pool was interrupted.",
            next_step="Finish the job: appliance job list",
        )  # fmt: skip
    for tier, state in found.tiers.items():
        for member in state.members:
            yield from _member(subject, tier, member)
        yield from _tier(subject, tier, state)
        yield from _fill(subject, tier, "data", state.data_percent)
        yield from _fill(subject, tier, "metadata", state.metadata_percent)


def _member(subject: str, tier: TierName, member: MemberFound) -> Iterator[Finding]:
    if member.missing:
        yield Finding(
            severity=Severity.CRITICAL, subject=subject,
            what=f"Disk {member.serial or member.pv_uuid} of tier {tier} is missing.",
            why="It does not answer, or the checksum layer over it is not open.",
            next_step="Find its bay with: appliance disk list; put it back or have it replaced.",
        )  # fmt: skip
    if member.mismatches:
        yield Finding(
            severity=Severity.WARNING, subject=subject,
            what=f"{member.mismatches} blocks on disk {member.serial} of tier {tier} failed "
            f"their checksum.",
            why="The disk returned other data than was written; the RAID gave the right ones.",
            next_step=f"Heal the rest with: appliance pool scrub {subject.partition('/')[2]}; "
            f"replace the disk if the number grows.",
        )  # fmt: skip


def _tier(subject: str, tier: TierName, state: TierFound) -> Iterator[Finding]:
    away = _away(state)
    if state.degraded:
        yield Finding(
            severity=Severity.CRITICAL, subject=subject,
            what=f"Tier {tier} is degraded: it works without {away or 'a disk that was given up'}.",
            why=f"LVM says: {state.health}" if state.health else "",
            next_step="Put the missing disk back or have it replaced before another one fails."
            if away else "Finish the replacement: appliance job list",
        )  # fmt: skip
    elif state.returned:
        yield Finding(
            severity=Severity.WARNING, subject=subject,
            what=f"A disk of tier {tier} is there, and the tier does not use it.",
            why="It was away, or its errors made the RAID leave it out; what was written since is "
            "not on it.",
            next_step="Where no disk of the pool is judged failing it is taken in by itself within a "
            "minute. Else have that one replaced: appliance disk list",
            cause="disk-returned",
        )  # fmt: skip
    elif state.health == DISAGREES:
        yield Finding(
            severity=Severity.WARNING, subject=subject,
            what=f"{state.mismatches} sectors of tier {tier} differ between its copies or parity.",
            why="The last scrub found them. A crash in the middle of a write leaves such places; so "
            "does memory or a disk that returns other data than was written.",
            next_step=f"Scrub again: appliance pool scrub {subject.partition('/')[2]}; if the number "
            "comes back, look at the disks' health and the memory's, and compare with a backup.",
            cause="scrub-mismatches",
        )  # fmt: skip
    elif state.health:
        yield Finding(
            severity=Severity.WARNING, subject=subject,
            what=f"Tier {tier} is not well: LVM says '{state.health}'.",
            next_step=f"Scrub it: appliance pool scrub {subject.partition('/')[2]}",
        )  # fmt: skip
    if state.raid is not None and state.sync_percent < IN_SYNC:
        doing = SYNC_WORDS.get(state.sync_action, SYNC)
        yield Finding(
            severity=Severity.INFO, subject=subject,
            what=f"Tier {tier} is at {state.sync_percent:.1f} % of its {doing}.",
            why="It is in use and protected all the while." if state.whole
            else "Until it is through, the tier may not survive the loss of a disk.",
            next_step="Wait; it goes on by itself, after a restart as well.",
        )  # fmt: skip
    if not state.active:
        yield Finding(
            severity=Severity.CRITICAL, subject=subject,
            what=f"Tier {tier} is not active.",
            why="Not all of its disks were there at the start.",
            next_step="Apply the spec again; it opens what is there: appliance apply SPEC.toml",
        )  # fmt: skip


def _away(state: TierFound) -> str:
    return ", ".join(item.serial or item.pv_uuid for item in state.members if item.missing)


def _fill(subject: str, tier: TierName, what: str, percent: float) -> Iterator[Finding]:
    for mark, severity in MARKS:
        if percent >= mark:
            yield Finding(
                severity=severity, subject=subject,
                what=f"The {what} of tier {tier} is {percent:.0f} % full.",
                why=f"From {HARD_STOP} % on no new volume, snapshot or clone is made; at 100 % "
                f"writes fail.",
                next_step="Delete snapshots or volumes, or add disks to the tier.",
                cause=full_cause(tier, what),
            )  # fmt: skip
            return
