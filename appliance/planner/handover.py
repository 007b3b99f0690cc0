"""The handover sheet of a node: pure, from what was found and what is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from appliance.model.handover import (
    HandedAccount,
    HandedDisk,
    HandedLink,
    HandedShare,
    HandedTier,
    Handover,
    HostKey,
)
from appliance.model.identity import AccountSpec, IdentityFound, IdentitySpec, Role
from appliance.model.link import LinkFound
from appliance.model.names import NODE, share_path
from appliance.model.pool import PoolFound
from appliance.model.resource import Resource, Spec
from appliance.model.share import ShareFound
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.layouts import survives
from appliance.planner.proposal import by_bay

ANY_ADDRESS: Final = "ADDRESS"
"""Stands in a command where no address is known."""


@dataclass(frozen=True)
class Facts:
    """What a snapshot does not hold."""

    chassis: str
    version: str
    host_keys: tuple[HostKey, ...]


def handover_of(snapshot: NodeSnapshot, wanted: tuple[Resource, ...], facts: Facts) -> Handover:
    """The sheet for the node as it is now."""
    specs: dict[str, dict[str, Spec]] = {}
    for item in wanted:
        specs.setdefault(item.kind, {})[item.name] = item.spec
    identity = snapshot.found.get("identity", {}).get(NODE)
    wish = specs.get("identity", {}).get(NODE)
    links = tuple(_links(snapshot))
    accounts = tuple(_accounts(specs))
    return Handover(
        hostname=snapshot.host.hostname,
        profile=snapshot.host.profile,
        chassis=facts.chassis,
        version=facts.version,
        at=snapshot.taken_at,
        timezone=identity.timezone if isinstance(identity, IdentityFound) else "",
        time_servers=wish.ntp if isinstance(wish, IdentitySpec) else (),
        host_keys=facts.host_keys,
        links=links,
        disks=tuple(_disks(snapshot)),
        tiers=tuple(_tiers(snapshot)),
        shares=tuple(_shares(snapshot, specs)),
        accounts=accounts,
        first=tuple(_first(specs, links, accounts, facts.host_keys)),
    )


def _links(snapshot: NodeSnapshot) -> Iterator[HandedLink]:
    for name, item in snapshot.found.get("link", {}).items():
        if isinstance(item, LinkFound) and (item.files or item.addresses):
            yield HandedLink(
                name=name, interface=item.interface, mac=item.mac, addresses=item.addresses
            )


def _disks(snapshot: NodeSnapshot) -> Iterator[HandedDisk]:
    for disk in sorted(snapshot.disks, key=by_bay):
        yield HandedDisk(
            bay=disk.bay,
            serial=disk.serial,
            model=disk.model,
            size=disk.size,
            role=disk.role.value,
            pool=f"{disk.pool} ({disk.tier})" if disk.tier else disk.pool,
        )


def _tiers(snapshot: NodeSnapshot) -> Iterator[HandedTier]:
    for name, pool in snapshot.found.get("pool", {}).items():
        for tier, found in pool.tiers.items() if isinstance(pool, PoolFound) else ():
            if found.raid is not None:
                yield HandedTier(
                    pool=name,
                    tier=tier.value,
                    raid=found.raid.value,
                    disks=len(found.members),
                    usable=found.data_size,
                    survives=survives(found.raid, len(found.members)),
                )


def _shares(
    snapshot: NodeSnapshot, specs: Mapping[str, Mapping[str, Spec]]
) -> Iterator[HandedShare]:
    host = snapshot.host.hostname
    for name, item in snapshot.found.get("share", {}).items():
        if isinstance(item, ShareFound):
            ways = {"nfs": f"NFSv4 {host}:/{name}", "smb": f"SMB \\\\{host}\\{name}"}
            yield HandedShare(
                name=name,
                size=item.quota or item.size,
                ways=tuple(way for face, way in ways.items() if name in specs.get(face, {}))
                or (f"on the node only: {share_path(name)}",),
            )


def _accounts(specs: Mapping[str, Mapping[str, Spec]]) -> Iterator[HandedAccount]:
    for name, item in sorted(specs.get("account", {}).items()):
        if isinstance(item, AccountSpec):
            yield HandedAccount(
                name=name,
                role=item.role.value,
                keys=len(item.keys),
                password=item.password is not None,
            )


def _first(
    specs: Mapping[str, Mapping[str, Spec]],
    links: tuple[HandedLink, ...],
    accounts: tuple[HandedAccount, ...],
    host_keys: tuple[HostKey, ...],
) -> Iterator[str]:
    admin = next((item.name for item in accounts if item.role == Role.ADMIN and item.keys), "")
    addresses = [item.partition("/")[0] for link in links for item in link.addresses]
    node = f"ssh://{admin or 'USER'}@{addresses[0] if addresses else ANY_ADDRESS}"
    key = next((item for item in host_keys if "ed25519" in item.type), None)
    if not admin:
        yield "Make an account to log in with: appliance account create NAME --keys 'ssh-ed25519 ...'"
    pinned = f" --fingerprint {key.fingerprint}" if key else ""
    yield f"On your own machine, pin the host key: appliance host trust {node}{pinned}"
    yield f"Look if all is well: appliance -H {node} status"
    if not specs.get("receiver"):
        yield "Say who is told of alerts: appliance receiver create NAME --mail.to ADDRESS ..."
    yield f"Keep the wish elsewhere: appliance -H {node} site > site.toml"
    yield "Print this sheet and put it into the rack."
