"""The whole node as one value: host, disks, every kind's findings, and what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from agents.node.observe.boot import as_boot, missing_boot
from agents.node.observe.devices import DeviceScan
from agents.node.observe.disks import observe_disks
from agents.node.observe.enclosures import BayRules
from agents.node.observe.host import HostProfile, observe_host
from agents.node.observe.spares import as_spares, missing_spares, spare_places
from appliance.errors import ApplianceError
from appliance.kinds.base import Kind, Probe
from appliance.kinds.pool_steps import tag_text
from appliance.model.boot import boot_in
from appliance.model.disk import Disk, DiskRole, Medium, Smart, Transport
from appliance.model.names import STATE_DIR
from appliance.model.pool import MemberFound, PoolFound, pools_in
from appliance.model.resource import Found
from appliance.model.snapshot import Host, NodeSnapshot

T = TypeVar("T")
AnyKind = Kind[Any, Any]


class ChassisProfile(BayRules, HostProfile, Protocol):
    """What observing needs of a hardware profile; model.profile.Profile is one."""


@dataclass(frozen=True)
class _Membership:
    """A disk's place in a pool."""

    pool: str
    tier: str
    """Empty while the pool is half made and the disk's tier is not written on it yet."""
    member: MemberFound


def observe_node(
    probe: Probe,
    devices: DeviceScan,
    *,
    kinds: Iterable[AnyKind],
    profile: ChassisProfile,
    last_known: Mapping[str, Disk],
    claims: Mapping[str, str],
    secrets: Iterable[str],
    now: datetime,
    smart: Mapping[str, Smart] = MappingProxyType({}),
) -> NodeSnapshot:
    """Reads everything. What fails becomes a line in `problems` and hides nothing else.

    `last_known` holds every disk as it was last seen, by serial: members that are gone are shown
    from it. `smart` holds the cached short readings, by serial.
    """
    problems: list[str] = []
    kinds = tuple(kinds)
    host = _isolated("The host", lambda: observe_host(probe, profile), problems)
    present, doubts = _isolated(
        "The disks", lambda: observe_disks(probe, devices, profile), problems
    ) or ((), ())
    problems.extend(doubts)
    found = {
        kind.noun: findings
        for kind in kinds
        if (findings := _isolated(f"{kind.noun}: {kind.title}", _reader(kind, probe), problems))
        is not None
    }
    pools = pools_in(found)
    spares = spare_places(pools, found.get("spare", {}))
    boot = boot_in(found)
    disks = (
        *as_spares(as_boot(_with_roles(present, pools), boot), spares),
        *missing_members(present, pools, last_known),
        *missing_spares(present, spares, last_known),
        *missing_boot(present, boot, last_known),
    )
    return NodeSnapshot(
        host=host or Host(hostname="", profile=profile.name),
        taken_at=now,
        disks=tuple(_with_smart(disk, smart) for disk in disks),
        found=found,
        secrets=frozenset(secrets),
        images=_isolated("The images", lambda: _images(probe), problems),
        claims=dict(claims),
        problems=tuple(problems),
        unread=frozenset(kind.noun for kind in kinds) - found.keys(),
    )


def missing_members(
    present: Iterable[Disk], pools: Mapping[str, PoolFound], last_known: Mapping[str, Disk]
) -> tuple[Disk, ...]:
    """Expected members that do not answer now, as they were last seen.

    LVM may know a lost member by its UUID alone, so a remembered member of a pool that misses
    one counts too, and so does one whose pool is gone as a whole (all its disks pulled). LVM's
    tags hold serials as `tag_text` writes them.
    """
    here = {tag_text(disk.serial) for disk in present}
    members = {place.member.serial: place for place in _memberships(pools) if place.member.missing}
    nameless = {place.pool for place in _memberships(pools) if not place.member.serial}
    gone: dict[str, Disk] = {}
    for disk in last_known.values():
        serial = tag_text(disk.serial)
        expected = serial in members or disk.pool in nameless or disk.pool not in pools
        member = disk.pool and disk.role is not DiskRole.SPARE
        if member and serial not in here and expected:
            gone[serial] = disk.model_copy(update={"missing": True, "paths": (), "node": ""})
    for serial, place in members.items():
        if serial and serial not in here and serial not in gone:
            gone[serial] = _never_seen(place)
    return tuple(gone.values())


def _never_seen(place: _Membership) -> Disk:
    """A member known from LVM's tags only."""
    return Disk(
        serial=place.member.serial,
        transport=Transport.OTHER,
        medium=Medium.UNKNOWN,
        node="",
        role=DiskRole.PV,
        pool=place.pool,
        tier=place.tier,
        missing=True,
    )


def _with_roles(disks: Iterable[Disk], pools: Mapping[str, PoolFound]) -> tuple[Disk, ...]:
    places = {place.member.serial: place for place in _memberships(pools)}
    return tuple(_in_its_pool(disk, places.get(tag_text(disk.serial))) for disk in disks)


def _in_its_pool(disk: Disk, place: _Membership | None) -> Disk:
    """A pool's member is no stranger, and never the boot disk even if LVM runs the system too."""
    if place is None or disk.role is DiskRole.BOOT:
        return disk
    return disk.model_copy(update={"role": DiskRole.PV, "pool": place.pool, "tier": place.tier})


def _with_smart(disk: Disk, readings: Mapping[str, Smart]) -> Disk:
    reading = readings.get(disk.serial)
    return disk if reading is None else disk.model_copy(update={"smart": reading})


def _memberships(pools: Mapping[str, PoolFound]) -> Iterator[_Membership]:
    for name, pool in pools.items():
        for tier, found in pool.tiers.items():
            for member in found.members:
                yield _Membership(name, tier.value, member)
        for member in pool.untagged:
            yield _Membership(name, "", member)


def _images(probe: Probe) -> frozenset[str]:
    return frozenset(probe.list_dir(f"{STATE_DIR}/images"))


def _reader(kind: AnyKind, probe: Probe) -> Callable[[], Mapping[str, Found]]:
    return lambda: kind.observe(probe)


def _isolated(subject: str, look: Callable[[], T], problems: list[str]) -> T | None:
    try:
        return look()
    except ApplianceError as error:
        problems.append(f"{subject} could not be read: {error.message} {error.hint}")
    except ValueError as error:  # what a disk from anywhere says of itself need not make sense
        problems.append(f"{subject} could not be read: {error}")
    return None
