"""What Prometheus is told of disks, pools, shares, guests, jobs and alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from agents.node.watch.exposition import Family
from agents.node.watch.verdicts import Verdicts
from appliance.model.alert import Alert, AlertState
from appliance.model.guest import GuestFound
from appliance.model.job import Job, JobState
from appliance.model.pool import PoolFound, TierFound
from appliance.model.resource import Severity
from appliance.model.share import NfsFound, ShareFound, SmbFound
from appliance.model.snapshot import NodeSnapshot
from appliance.model.verdict import Grade
from appliance.model.volume import VolumeFound

_HOUR_S = 3600
_PERCENT = 100


def metrics_text(
    seen: NodeSnapshot,
    verdicts: Verdicts,
    jobs: Iterable[Job],
    alerts: Iterable[Alert],
    version: str,
    *,
    more: Iterable[Family] = (),
) -> str:
    """All of it as text; `more` is what others have to tell."""
    about = Family("build_info", "Version of the agent.")
    about.add(1, version=version)
    root = Family("node_root_free_bytes", "Free bytes of the root file system.")
    root.add(seen.host.root_free)
    families = (
        about,
        root,
        *_disks(seen, verdicts),
        *_pools(seen.found.get("pool", {})),
        *_volumes(seen.found.get("volume", {})),
        *_shares(seen),
        *_guests(seen.found.get("vm", {})),
        _jobs(jobs),
        _alerts(alerts),
        *more,
    )
    return "\n".join(line for family in families for line in family.lines()) + "\n"


def _disks(seen: NodeSnapshot, verdicts: Verdicts) -> Iterator[Family]:
    info = Family("disk_info", "What a disk is and where; always 1.")
    present = Family(
        "disk_present", "1 for a disk that is there, 0 for a missing member of a pool."
    )
    health = Family("disk_health", "1 for the verdict on the disk, 0 for the others.")
    size = Family("disk_size_bytes", "Capacity.")
    heat = Family("disk_temperature_celsius", "Temperature by SMART.")
    hours = Family("disk_power_on_seconds", "Time under power by SMART.")
    age = Family("disk_smart_age_seconds", "Age of the SMART reading.")
    counts = Family("disk_smart_measure", "What the verdict is made of; higher is worse.")
    for disk in seen.disks:
        serial = disk.serial
        info.add(
            1,
            serial=serial,
            bay=disk.bay,
            model=disk.model,
            transport=disk.transport,
            medium=disk.medium,
            role=disk.role,
            pool=disk.pool,
            tier=disk.tier,
        )
        present.add(not disk.missing, serial=serial, bay=disk.bay)
        grade = verdicts.verdict(disk).verdict
        for item in Grade:
            health.add(item is grade, serial=serial, bay=disk.bay, health=item)
        size.add(disk.size, serial=serial)
        for measure, value in verdicts.measures(serial).items():
            counts.add(value, serial=serial, measure=measure)
        if disk.smart is not None:
            heat.add(disk.smart.temperature_c, serial=serial, bay=disk.bay)
            on = disk.smart.power_on_hours
            hours.add(None if on is None else on * _HOUR_S, serial=serial)
            age.add(disk.smart.age_s, serial=serial)
    yield from (info, present, health, size, heat, hours, age, counts)


def _pools(found: Mapping[str, object]) -> Iterator[Family]:
    size = Family("pool_size_bytes", "Bytes of all disks of the pool.")
    free = Family("pool_free_bytes", "Bytes no logical volume has taken.")
    tier = {
        "data_used_ratio": Family("pool_tier_data_used_ratio", "Fill of the thin pool's data."),
        "metadata_used_ratio": Family(
            "pool_tier_metadata_used_ratio", "Fill of the thin pool's metadata."
        ),
        "sync_ratio": Family("pool_tier_sync_ratio", "How far the RAID is in step."),
        "degraded": Family("pool_tier_degraded", "1 while the tier works without a disk."),
        "active": Family("pool_tier_active", "1 while the tier's volumes are active."),
        "data_bytes": Family("pool_tier_data_size_bytes", "Usable bytes of the tier."),
        "members": Family("pool_tier_members", "Disks of the tier."),
        "missing": Family("pool_tier_members_missing", "Disks of the tier that do not answer."),
        "mismatches": Family(
            "pool_tier_mismatched_sectors", "Sectors that disagreed in the last scrub."
        ),
        "checksums": Family(
            "pool_tier_checksum_errors", "Blocks that failed their checksum since the layer opened."
        ),
    }
    for pool, item in found.items():
        if isinstance(item, PoolFound):
            size.add(item.size, pool=pool)
            free.add(item.free, pool=pool)
            for name, state in item.tiers.items():
                for key, value in _tier(state).items():
                    tier[key].add(value, pool=pool, tier=name)
    yield from (size, free, *tier.values())


def _tier(state: TierFound) -> dict[str, float]:
    return {
        "data_used_ratio": state.data_percent / _PERCENT,
        "metadata_used_ratio": state.metadata_percent / _PERCENT,
        "sync_ratio": state.sync_percent / _PERCENT,
        "degraded": state.degraded,
        "active": state.active,
        "data_bytes": state.data_size,
        "members": len(state.members),
        "missing": sum(item.missing for item in state.members),
        "mismatches": state.mismatches,
        "checksums": sum(item.mismatches or 0 for item in state.members),
    }


def _volumes(found: Mapping[str, object]) -> Iterator[Family]:
    size = Family("volume_size_bytes", "Virtual size.")
    used = Family("volume_used_ratio", "Share of the virtual size that is taken.")
    snapshots = Family("volume_snapshots", "Snapshots of the volume.")
    for name, item in found.items():
        if isinstance(item, VolumeFound):
            size.add(item.size, volume=name, pool=item.pool)
            used.add(item.used_percent / _PERCENT, volume=name, pool=item.pool)
            snapshots.add(len(item.snapshots), volume=name, pool=item.pool)
    yield from (size, used, snapshots)


def _shares(seen: NodeSnapshot) -> Iterator[Family]:
    mounted = Family("share_mounted", "1 while the share's file system is mounted.")
    size = Family("share_size_bytes", "Size of the share's file system.")
    free = Family("share_free_bytes", "Free bytes of the share's file system.")
    served = Family("share_served", "1 while the protocol serves the share.")
    opened = Family("share_open_files", "Files clients hold open.")
    sessions = Family("share_smb_sessions", "SMB sessions on the share.")
    for name, item in seen.found.get("share", {}).items():
        if isinstance(item, ShareFound):
            mounted.add(item.mounted, share=name)
            if item.mounted:
                size.add(item.size, share=name)
                free.add(item.free, share=name)
    for name, item in seen.found.get("nfs", {}).items():
        if isinstance(item, NfsFound):
            served.add(item.exported and item.running, share=name, protocol="nfs")
            opened.add(len(item.open_files), share=name, protocol="nfs")
    for name, item in seen.found.get("smb", {}).items():
        if isinstance(item, SmbFound):
            served.add(item.running, share=name, protocol="smb")
            opened.add(len(item.open_files), share=name, protocol="smb")
            sessions.add(item.sessions, share=name)
    yield from (mounted, size, free, served, opened, sessions)


def _guests(found: Mapping[str, object]) -> Iterator[Family]:
    running = Family("guest_running", "1 while the guest runs.")
    memory = Family("guest_memory_bytes", "Memory the guest may have.")
    cpus = Family("guest_cpus", "Processors the guest may have.")
    for name, item in found.items():
        if isinstance(item, GuestFound):
            running.add(item.state == "running", guest=name)
            memory.add(item.memory, guest=name)
            cpus.add(item.cpus, guest=name)
    yield from (running, memory, cpus)


def _jobs(jobs: Iterable[Job]) -> Family:
    family = Family("jobs", "Jobs by state.")
    counts = Counter(job.state for job in jobs)
    for state in JobState:
        family.add(counts[state], state=state)
    return family


def _alerts(alerts: Iterable[Alert]) -> Family:
    family = Family("alerts", "Open alerts by severity and state.")
    counts = Counter((alert.severity, alert.state) for alert in alerts)
    for severity in Severity:
        for state in (AlertState.RAISED, AlertState.ACKNOWLEDGED):
            family.add(counts[severity, state], severity=severity, state=state)
    return family
