"""The pace of rebuilds and scrubs: what a disk gives them while clients work, and at most.

By itself the kernel keeps a rebuild to 1 MB/s a disk while anybody reads or writes (md(4),
speed_limit_min): a 20 TB disk would take most of a year, without redundancy all the while.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from typing_extensions import override

from appliance.kinds.base import Change, Kind, Needs, Probe, View
from appliance.model.base import format_size
from appliance.model.command import Command
from appliance.model.command import change as changing
from appliance.model.names import NODE
from appliance.model.rebuild import KIB, RebuildFound, RebuildSpec
from appliance.model.steps import RemoveFileStep, RunStep, Step, WriteFileStep

SETTINGS: Final = "/etc/sysctl.d/60-appliance-rebuild.conf"
FLOOR: Final = "dev.raid.speed_limit_min"
CEILING: Final = "dev.raid.speed_limit_max"
"""KiB a second and disk (Linux, Documentation/admin-guide/md.rst; md(4))."""
KERNELS: Final = (1000, 200_000)
"""What the kernel has by itself, in KiB (drivers/md/md.c)."""
_RESOURCE: Final = f"rebuild/{NODE}"


class RebuildKind(Kind[RebuildSpec, RebuildFound]):
    """By the kernel's two limits, which all RAIDs of the node share and heed at once."""

    noun = "rebuild"
    title = "how fast disks are rebuilt and scrubbed beside clients; there is one, named node"
    rank = 3
    only = NODE
    spec_type = RebuildSpec
    found_type = RebuildFound
    columns: ClassVar[tuple[str, ...]] = ("floor", "ceiling")
    needs = Needs(packages=frozenset({"procps"}), modules=frozenset({"md_mod"}))

    @override
    def observe(self, probe: Probe) -> Mapping[str, RebuildFound]:
        """The one pace, which every node has."""
        floor, ceiling = (_limit(probe, name) for name in (FLOOR, CEILING))
        settings = probe.read_text(SETTINGS)
        return {NODE: RebuildFound(floor=floor, ceiling=ceiling, settings=settings)}

    @override
    def plan(self, change: Change[RebuildSpec, RebuildFound], view: View) -> Iterator[Step]:
        """The limits first, then the file: a running rebuild goes on at the new pace."""
        found, wanted = change.found, change.wanted
        if found is None:
            return
        if wanted is None:
            if found.settings is not None:
                yield from _limits(found, KERNELS, "Give rebuilds the kernel's own pace again")
                yield RemoveFileStep(
                    title="Forget the pace of rebuilds", resource=_RESOURCE, path=SETTINGS
                )
            return
        limits = limits_of(wanted)
        title = f"Rebuild at {format_size(wanted.floor)}/s a disk at least, "
        yield from _limits(found, limits, f"{title}{format_size(wanted.ceiling)}/s at most")
        content = settings_of(limits)
        if found.settings != content:
            yield WriteFileStep(
                title="Keep that pace after a start",
                resource=_RESOURCE,
                path=SETTINGS,
                content=content,
            )

    @override
    def foreign(self, name: str, found: RebuildFound) -> bool:
        """Every node has a pace; not to manage it is no loose end."""
        return True

    @override
    def adopt(self, name: str, found: RebuildFound) -> RebuildSpec | None:
        """As it is; None when it is none we could give."""
        try:
            return RebuildSpec(floor=found.floor, ceiling=found.ceiling)
        except ValueError:
            return None


def limits_of(spec: RebuildSpec) -> tuple[int, int]:
    """Floor and ceiling in the kernel's unit."""
    return spec.floor // KIB, spec.ceiling // KIB


def settings_of(limits: tuple[int, int]) -> str:
    """The file in sysctl.d(5)."""
    return f"{FLOOR} = {limits[0]}\n{CEILING} = {limits[1]}\n"


def _limits(found: RebuildFound, limits: tuple[int, int], title: str) -> Iterator[Step]:
    now = found.floor // KIB, found.ceiling // KIB
    if now != limits:
        yield RunStep(title=title, resource=_RESOURCE, command=_write(limits), undo=_write(now))


def _write(limits: tuple[int, int]) -> Command:
    values = (f"{name}={value}" for name, value in zip((FLOOR, CEILING), limits, strict=True))
    return changing("sysctl", "--quiet", "--write", *values)


def _limit(probe: Probe, name: str) -> int:
    """In bytes; 0 while the kernel has no RAID."""
    return int(probe.read_text(f"/proc/sys/{name.replace('.', '/')}") or 0) * KIB


KIND = RebuildKind()
