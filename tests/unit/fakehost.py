"""A node in memory: commands change its state or fail as real tools do; files are real."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from agents.node.apply.files import NodeFiles
from appliance.errors import ApplianceError, StepFailedError
from appliance.model.command import Command, Output
from appliance.model.disk import Disk, DiskRole, Medium, Signature, Transport
from appliance.model.resource import Found
from appliance.model.snapshot import Host, NodeSnapshot
from appliance.model.steps import GuestAct
from tests.unit.fakekinds import NfsFound, PoolFound, ShareFound, VolumeFound

DISKS = ("d1", "d2", "d3", "d4")
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


class Killed(SystemExit):
    """SIGKILL, as far as a thread can have it: nothing catches it and nothing is written."""


def nothing(command: Command) -> None:
    """Nothing happens after a command."""


def as_it_is(seen: NodeSnapshot) -> NodeSnapshot:
    """A look that shows what is there."""
    return seen


@dataclass
class FakeHost:
    """The node. `before` may raise instead of a command, `after` once its effect is there."""

    root: Path
    disks: tuple[str, ...] = DISKS
    formatted: dict[str, str] = field(default_factory=dict)
    pools: set[str] = field(default_factory=set)
    volumes: dict[str, tuple[str, int]] = field(default_factory=dict)
    mounts: dict[str, str] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)
    before: Callable[[Command], None] = nothing
    after: Callable[[Command], None] = nothing
    secrets: frozenset[str] = frozenset()
    rebuilt: dict[str, float] = field(default_factory=dict)
    """Pool -> percent of what is rebuilt; it grows only by the test's hand."""
    ran: list[str] = field(default_factory=list)
    looks: Callable[[NodeSnapshot], NodeSnapshot] = as_it_is
    """What a look makes of the node."""

    @property
    def files(self) -> NodeFiles:
        return NodeFiles(self.root)

    def run(self, command: Command) -> Output:
        self.before(command)
        self.ran.append(command.line())
        verb, *words = command.argv
        said = getattr(self, f"_{verb}")(*words)
        self.after(command)
        return Output(code=0, stdout=said or f"{verb} is done\n")

    def state(self) -> str:
        """Everything, as text to compare."""
        return json.dumps(
            [self.formatted, sorted(self.pools), self.volumes, self.mounts, self.exports,
             self._texts("/etc/units"), self._texts("/etc/exports.d")],
            sort_keys=True,
        )  # fmt: skip

    def observe(self, claims: Mapping[str, str]) -> NodeSnapshot:
        seen = NodeSnapshot(
            host=Host(hostname="fake", profile="generic"),
            taken_at=NOW,
            disks=tuple(map(self._disk, self.disks)),
            found=self._found(),
            secrets=self.secrets,
            claims=claims,
        )
        return self.looks(seen)

    def _disk(self, serial: str) -> Disk:
        pool = self.formatted.get(serial, "")
        made = pool in self.pools
        return Disk(
            serial=serial,
            transport=Transport.SAS,
            medium=Medium.HDD,
            size=1000,
            node=f"s{serial}",
            bay=serial[1:],
            role=DiskRole.PV if made else DiskRole.FREE,
            pool=pool if made else "",
            signatures=(Signature(type="LVM2_member"),) if pool else (),
        )

    def _found(self) -> dict[str, dict[str, Found]]:
        units, exports = self._texts("/etc/units"), self._texts("/etc/exports.d")
        pools = sorted(self.pools | set(self.formatted.values()))
        return {
            "pool": {
                name: PoolFound(
                    formatted=tuple(
                        key for key, pool in sorted(self.formatted.items()) if pool == name
                    ),
                    made=name in self.pools,
                    rebuilding=self.rebuilt.get(name, 100.0) < 100.0,
                )
                for name in pools
            },
            "volume": {
                name: VolumeFound(pool=pool, size=size)
                for name, (pool, size) in self.volumes.items()
            },
            "share": {
                name: ShareFound(unit=units.get(name, ""), mounted=self.mounts.get(name, ""))
                for name in sorted(units.keys() | self.mounts.keys())
            },
            "nfs": {
                name: NfsFound(written=exports.get(name, ""), exported=self.exports.get(name, ""))
                for name in sorted(exports.keys() | self.exports.keys())
            },
        }

    def _texts(self, folder: str) -> dict[str, str]:
        names = self.files.list_dir(folder)
        return {name: self.files.read(f"{folder}/{name}") or "" for name in names}

    def _format(self, pool: str, serial: str) -> None:
        _need(serial not in self.formatted, f"{serial} is in use")
        self.formatted[serial] = pool

    def _unformat(self, pool: str, serial: str) -> None:
        _need(self.formatted.get(serial) == pool, f"{serial} is not of {pool}")
        others = [key for key, of in self.formatted.items() if of == pool and key != serial]
        _need(bool(others) or pool not in self.pools, f"{pool} still stands on {serial}")
        del self.formatted[serial]

    def _rebuild(self, pool: str) -> None:
        _need(pool in self.pools, f"{pool} is not there")
        self.rebuilt[pool] = 0.0

    def _rebuilt(self, pool: str) -> str:
        return f"{self.rebuilt[pool]} %\n"

    def _vgcreate(self, pool: str) -> None:
        _need(pool in self.formatted.values() and pool not in self.pools, f"{pool} cannot be made")
        self.pools.add(pool)

    def _vgremove(self, pool: str) -> None:
        _need(pool in self.pools, f"{pool} is not there")
        _need(all(of != pool for of, _ in self.volumes.values()), f"{pool} holds volumes")
        self.pools.discard(pool)

    def _lvcreate(self, name: str, pool: str, size: str) -> None:
        _need(pool in self.pools and name not in self.volumes, f"{name} cannot be made")
        self.volumes[name] = (pool, int(size))

    def _lvextend(self, name: str, size: str) -> None:
        _need(name in self.volumes, f"{name} is not there")
        self.volumes[name] = (self.volumes[name][0], int(size))

    def _lvremove(self, name: str) -> None:
        _need(name in self.volumes, f"{name} is not there")
        _need(name not in self.mounts.values(), f"{name} is mounted")
        del self.volumes[name]

    def _mount(self, share: str, volume: str) -> None:
        _need(volume in self.volumes and share not in self.mounts, f"{share} cannot be mounted")
        self.mounts[share] = volume

    def _umount(self, share: str) -> None:
        _need(share in self.mounts, f"{share} is not mounted")
        _need(share not in self.exports, f"{share} is exported")
        del self.mounts[share]

    def _exportfs(self, _: str) -> None:
        self.exports = self._texts("/etc/exports.d")

    def _poke(self, name: str) -> None:
        _need(name in self.volumes, f"{name} is not there")

    _wipe = _poke


class FakeGuests:
    """A hypervisor in memory."""

    def __init__(self) -> None:
        self.defined: dict[str, str] = {}
        self.acts: list[tuple[str, GuestAct]] = []
        self.fails: ApplianceError | None = None

    def define(self, xml: str) -> None:
        self.defined[xml.split("'")[1]] = xml

    def definition(self, name: str) -> str | None:
        return self.defined.get(name)

    def act(self, name: str, act: GuestAct, timeout_s: float) -> None:
        if self.fails:
            raise self.fails
        self.acts.append((name, act))
        if act is GuestAct.UNDEFINE:
            del self.defined[name]


def _need(met: bool, why: str) -> None:
    if not met:
        raise StepFailedError(why, hint="Look at the fake.", details=(why,), exit_code=5)
