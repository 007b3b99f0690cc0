"""From LVM's report to pools: tags say which pool and tier, names say which layer. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from appliance.kinds.lvm_report import (
    LogicalVolume,
    PhysicalVolume,
    VolumeGroup,
    pool_names,
    tag_value,
    tag_values,
)
from appliance.model.names import integrity_device
from appliance.model.pool import MemberFound, PoolFound, RaidLevel, TierFound, TierName

_INTEGRITY: Final = "/dev/mapper/int-"

_CACHE_LEG: Final = re.compile(r"[a-z]+_cache(_cvol)?_rimage_\d+")

REFRESH_NEEDED: Final = "refresh needed"
"""LVM's word (lvs(8), lv_health_status) for a RAID with a disk that failed and is there again."""

_RAID_NAMES: Final = ("", "_corig", "_tdata", "_tdata_corig")
"""What LVM calls a tier's RAID: alone, under its cache, in the thin pool, in both."""


def pools_in(
    groups: Iterable[VolumeGroup], mismatches: Mapping[str, int]
) -> Mapping[str, PoolFound]:
    """Volume groups that carry our tag, by pool name; `mismatches` by integrity device."""
    known = tuple(groups)
    names = pool_names(known)
    bearers = Counter(group.name for group in known)
    return {
        names[group.uuid]: _pool(group, mismatches, twin=bearers[group.name] > 1)
        for group in known
        if group.uuid in names
    }


def _pool(group: VolumeGroup, mismatches: Mapping[str, int], *, twin: bool) -> PoolFound:
    by_tier: dict[str, list[PhysicalVolume]] = {}
    for item in group.physical_volumes:
        by_tier.setdefault(tag_value(item.tags, "tier"), []).append(item)
    tiers = {
        tier: _tier(tier, by_tier.get(tier, []), group, mismatches)
        for tier in TierName
        if tier in by_tier
    }
    raids = frozenset(state.raid_lv for state in tiers.values() if state.raid_lv)
    return PoolFound(
        vg_uuid=group.uuid,
        twin=twin,
        tiers=tiers,
        untagged=tuple(_member(item, raids, mismatches) for item in by_tier.get("", ())),
        size=group.size,
        free=group.free,
        logical_volumes=tuple(sorted(item.shown_name for item in group.logical_volumes.values())),
        spares=tag_values(group.tags, "spare"),
    )


def _tier(
    tier: TierName,
    physical: list[PhysicalVolume],
    group: VolumeGroup,
    mismatches: Mapping[str, int],
) -> TierFound:
    logical = group.logical_volumes
    raid = next(
        (logical[f"{tier}{end}"] for end in _RAID_NAMES if _is_raid(logical, tier, end)), None
    )
    pool = logical.get(tier)
    thin = pool is not None and {"thin", "pool"} <= pool.layout
    metadata = logical.get(f"{tier}_tmeta") or logical.get(f"{tier}_meta")
    cache = logical.get(f"{tier}_cache_cvol") or logical.get(f"{tier}_cache")
    raids = frozenset({raid.name} if raid else ())
    members = tuple(_member(item, raids, mismatches) for item in physical)
    health = next((item.health for item in (raid, pool) if item and item.health), "")
    hollow = _has_hollow(tier, group)
    return TierFound(
        members=members,
        raid=_level(raid) if raid else None,
        raid_lv=raid.name if raid else "",
        images=_images(raid, logical) if raid else 0,
        data_size=raid.size if raid else 0,
        metadata_size=metadata.size if metadata else 0,
        cached=f"{tier}_corig" in logical or f"{tier}_tdata_corig" in logical,
        cache_size=cache.size if cache else 0,
        thin_pool=thin,
        active=pool.active if pool else True,
        data_percent=(pool.data_percent or 0) if pool and thin else 0,
        metadata_percent=pool.metadata_percent if pool and thin else 0,
        sync_percent=raid.sync_percent if raid else 100,
        sync_action=raid.sync_action if raid else "",
        mismatches=raid.mismatches if raid else 0,
        degraded=hollow
        or (bool(raid) and any(item.missing and item.holds_data for item in members)),
        returned=not hollow and any(_waits_for_refresh(tier, item) for item in logical.values()),
        health=health,
    )


def _member(
    item: PhysicalVolume, raids: frozenset[str], mismatches: Mapping[str, int]
) -> MemberFound:
    integrity = item.device.startswith(_INTEGRITY) or tag_value(item.tags, "layer") == "integrity"
    serial = tag_value(item.tags, "serial") or _serial_of(item.device)
    layer = integrity_device(serial)
    return MemberFound(
        serial=serial,
        pv="" if item.missing else item.device,
        pv_uuid=item.uuid,
        size=item.size,
        free=item.free,
        missing=item.missing,
        flagged=item.missing and item.device.startswith("/dev/"),
        integrity=integrity,
        mismatches=mismatches.get(layer),
        holds_data=any(_is_image(name, raid) for name in item.logical_volumes for raid in raids),
        holds_cache=any(_CACHE_LEG.fullmatch(name) for name in item.logical_volumes),
        volumes=tuple(sorted(item.logical_volumes)),
        layer_open=integrity and layer in mismatches,
    )


def _serial_of(device: str) -> str:
    return device.removeprefix(_INTEGRITY) if device.startswith(_INTEGRITY) else ""


def _is_image(name: str, raid_lv: str) -> bool:
    return re.fullmatch(rf"{re.escape(raid_lv)}_rimage_\d+", name) is not None


def _is_raid(logical: Mapping[str, LogicalVolume], tier: TierName, end: str) -> bool:
    item = logical.get(f"{tier}{end}")
    return item is not None and "raid" in item.layout


def _waits_for_refresh(tier: TierName, item: LogicalVolume) -> bool:
    ours = item.name == tier or item.name.startswith(f"{tier}_")
    return ours and item.health == REFRESH_NEEDED


def _has_hollow(tier: TierName, group: VolumeGroup) -> bool:
    """A RAID of the tier has an image on no disk; LVM says "refresh needed", which mends nothing."""
    held = frozenset[str]().union(*(item.logical_volumes for item in group.physical_volumes))
    return any(
        re.fullmatch(rf"{tier}(_.+)?_rimage_\d+", name) and name not in held
        for name in group.logical_volumes
    )


def _level(raid: LogicalVolume) -> RaidLevel | None:
    return next((level for level in RaidLevel if level in raid.layout), None)


def _images(raid: LogicalVolume, logical: Mapping[str, LogicalVolume]) -> int:
    return sum(_is_image(name, raid.name) for name in logical)
