"""What LVM and device-mapper say of themselves: two read commands and their pure parsers.

lvm-fullreport(8) gathers physical volumes, logical volumes and segments of a volume group under
one lock, so the parts of an answer always fit together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from appliance.kinds.base import Probe
from appliance.model.command import Command, read
from appliance.model.names import TAG, pool_of

_VG: Final = "vg_name,vg_uuid,vg_tags,vg_size,vg_free"
_PV: Final = "pv_name,pv_uuid,pv_tags,pv_size,pv_free,pv_missing"
_LV: Final = (
    "lv_name,lv_uuid,lv_tags,lv_size,lv_layout,lv_role,lv_active,lv_device_open,"
    "lv_health_status,lv_time,lv_merging,pool_lv,origin,data_percent,metadata_percent,"
    "sync_percent,raid_sync_action,raid_mismatch_count"
)
_PVSEG: Final = "pv_uuid,lv_name"
_SEG: Final = "lv_uuid"

FULL_REPORT: Final[Command] = read(
    "lvm", "fullreport", "--all", "--reportformat", "json_std", "--units", "b", "--nosuffix",
    "--configreport", "vg", "--options", _VG,
    "--configreport", "pv", "--options", _PV,
    "--configreport", "lv", "--options", _LV,
    "--configreport", "pvseg", "--options", _PVSEG,
    "--configreport", "seg", "--options", _SEG,
    timeout_s=120,
)  # fmt: skip
"""Everything the pool and volume kinds read of LVM; both ask for it, the probe runs it once."""

INTEGRITY_STATUS: Final[Command] = read("dmsetup", "status", "--target", "integrity")
"""One line a dm-integrity device: the kernel's dm-integrity.rst, "Status line"."""


@dataclass(frozen=True)
class PhysicalVolume:
    """A row of pvs(8)."""

    device: str
    uuid: str
    tags: frozenset[str]
    size: int
    free: int
    missing: bool
    logical_volumes: frozenset[str]
    """Names of the logical volumes, hidden ones too, that have extents on it."""


@dataclass(frozen=True)
class LogicalVolume:
    """A row of lvs(8); hidden volumes have their name without the brackets."""

    name: str
    hidden: bool
    tags: frozenset[str]
    size: int
    layout: frozenset[str]
    role: frozenset[str]
    active: bool
    is_open: bool
    health: str
    created_at: str
    """RFC 3339, UTC; empty when nobody wrote it down."""
    merging: bool
    thin_pool: str
    origin: str
    data_percent: float | None
    """None where LVM cannot tell, for one of a pool that ails as well: not the same as nothing."""
    metadata_percent: float
    sync_percent: float
    sync_action: str
    mismatches: int

    @property
    def shown_name(self) -> str:
        """As lvs(8) writes it: hidden ones in brackets."""
        return f"[{self.name}]" if self.hidden else self.name


@dataclass(frozen=True)
class VolumeGroup:
    """One volume group with all that is in it."""

    name: str
    uuid: str
    tags: frozenset[str]
    size: int
    free: int
    physical_volumes: tuple[PhysicalVolume, ...]
    logical_volumes: Mapping[str, LogicalVolume]
    """By name, without brackets."""

    @property
    def standing(self) -> tuple[int, int, str]:
        """Which of two of one name is the node's own: the one in use, then the more complete one."""
        volumes = self.logical_volumes.values()
        in_use = sum(item.is_open and tag_value(item.tags, "role") == "volume" for item in volumes)
        there = sum(not item.missing for item in self.physical_volumes)
        return in_use, there, self.uuid


def volume_groups(probe: Probe) -> tuple[VolumeGroup, ...]:
    """All volume groups LVM sees."""
    return parse_full_report(probe.run(FULL_REPORT).stdout)


def pool_names(groups: Iterable[VolumeGroup]) -> Mapping[str, str]:
    """Uuid -> pool of the groups that carry our tag, by the name LVM's commands know them by.

    Disks from another node may bring a group of the same name along. It is called after its uuid as
    well: taken for the node's own, its disks would stand for those, and be replaced or erased.
    """
    ours = [group for group in groups if tag_value(group.tags, "pool")]
    names: dict[str, str] = {}
    for group in sorted(ours, key=lambda item: item.standing, reverse=True):
        name = pool_of(group.name)
        taken = name in names.values()
        names[group.uuid] = f"{name}-{group.uuid[:6].lower()}" if taken else name
    return names


def tag_value(tags: frozenset[str], key: str) -> str:
    """The value of our tag `appliance.<key>=`, empty when there is none."""
    return next(iter(tag_values(tags, key)), "")


def tag_values(tags: frozenset[str], key: str) -> tuple[str, ...]:
    """All values of our tag `appliance.<key>=`, sorted."""
    prefix = f"{TAG}.{key}="
    return tuple(tag.removeprefix(prefix) for tag in sorted(tags) if tag.startswith(prefix))


def parse_full_report(text: str) -> tuple[VolumeGroup, ...]:
    """Volume groups of a json_std full report; volumes in no group are left out."""
    reports = json.loads(text).get("report", []) if text.strip() else []
    return tuple(_volume_group(report) for report in reports if report.get("vg"))


def parse_integrity_status(text: str) -> Mapping[str, int]:
    """Device name -> checksum mismatches since it was opened.

    A line is "NAME: START LENGTH integrity MISMATCHES PROVIDED_SECTORS RECALC_SECTOR".
    """
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition(": ")
        words = rest.split()
        if len(words) > 3 and words[2] == "integrity":  # noqa: PLR2004 - the line's form, above
            found[name] = int(words[3])
    return found


# Sizes come as text, as they may pass 2^53; yes-or-no fields as 1, 0 or -1 for "nobody knows".


def _volume_group(report: Mapping[str, Any]) -> VolumeGroup:
    row = report["vg"][0]
    used: dict[str, set[str]] = {}
    for segment in report.get("pvseg", ()):
        if segment.get("lv_name"):
            used.setdefault(segment["pv_uuid"], set()).add(_bare(segment["lv_name"]))
    logical = {item.name: item for item in map(_logical_volume, report.get("lv", ()))}
    return VolumeGroup(
        name=row["vg_name"],
        uuid=row["vg_uuid"],
        tags=frozenset(row["vg_tags"]),
        size=int(row["vg_size"]),
        free=int(row["vg_free"]),
        physical_volumes=tuple(_physical_volumes(report.get("pv", ()), used)),
        logical_volumes=logical,
    )


def _physical_volumes(
    rows: list[Mapping[str, Any]], used: Mapping[str, set[str]]
) -> Iterator[PhysicalVolume]:
    for row in rows:
        yield PhysicalVolume(
            device=row["pv_name"],
            uuid=row["pv_uuid"],
            tags=frozenset(row["pv_tags"]),
            size=int(row["pv_size"]),
            free=int(row["pv_free"]),
            missing=row["pv_missing"] == 1,
            logical_volumes=frozenset(used.get(row["pv_uuid"], ())),
        )


def _logical_volume(row: Mapping[str, Any]) -> LogicalVolume:
    return LogicalVolume(
        name=_bare(row["lv_name"]),
        hidden=row["lv_name"].startswith("["),
        tags=frozenset(row["lv_tags"]),
        size=int(row["lv_size"]),
        layout=frozenset(row["lv_layout"]),
        role=frozenset(row["lv_role"]),
        active=row["lv_active"] == 1,
        is_open=row["lv_device_open"] == 1,
        health=row["lv_health_status"] or "",
        created_at=_utc(row["lv_time"]),
        merging=row["lv_merging"] == 1,
        thin_pool=_bare(row["pool_lv"] or ""),
        origin=_bare(row["origin"] or ""),
        data_percent=None if row["data_percent"] in (None, "") else float(row["data_percent"]),
        metadata_percent=float(row["metadata_percent"] or 0),
        sync_percent=100.0 if row["sync_percent"] is None else float(row["sync_percent"]),
        sync_action=row["raid_sync_action"] or "",
        mismatches=int(row["raid_mismatch_count"] or 0),
    )


def _bare(name: str) -> str:
    return name.strip("[]")


def _utc(text: str) -> str:
    """LVM writes "2026-11-24 09:30:00 +0100" (report/time_format's default), and nothing for a volume
    that an LVM of old made: such a disk, put in, must not hide the rest of the node."""
    if not text:
        return ""
    moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
