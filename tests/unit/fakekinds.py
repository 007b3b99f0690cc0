"""Four small kinds with real manners: layers asked for one by one, undo, confirmations, a face."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field

from appliance.errors import InvalidInputError
from appliance.kinds.base import Change, Kind, Probe, View
from appliance.kinds.registry import AnyKind
from appliance.model.base import Name, Size
from appliance.model.command import SecretInput, change, read
from appliance.model.resource import Finding, Found, Severity, Spec
from appliance.model.steps import RemoveFileStep, RunStep, Step, WaitStep, WriteFileStep


class PoolSpec(Spec):
    disks: tuple[str, ...] = Field(min_length=1)
    key: str = ""
    """Name of a secret the disks are formatted with."""
    slow: bool = False
    """What is on a disk that goes is rebuilt on the one that comes, and waited for."""


class PoolFound(Found):
    formatted: tuple[str, ...] = ()
    made: bool = False
    rebuilding: bool = False


class FakePool(Kind[PoolSpec, PoolFound]):
    noun = "pool"
    title = "Disks"
    rank = 10
    spec_type = PoolSpec
    found_type = PoolFound

    def observe(self, probe: Probe) -> Mapping[str, PoolFound]:
        return {}

    def resolve(self, name: str, spec: PoolSpec, view: View) -> PoolSpec:
        disks = []
        for reference in spec.disks:
            disk = view.snapshot.disk(reference)
            if disk is None:
                raise InvalidInputError(
                    f"There is no disk {reference}.", hint="Look.", subject=f"pool/{name}"
                )
            disks.append(disk.serial)
        if spec.key:
            view.require_secret(spec.key, f"pool/{name}")
        return spec.model_copy(update={"disks": tuple(disks)})

    def plan(self, change_: Change[PoolSpec, PoolFound], view: View) -> Iterator[Step]:
        name, found = change_.name, change_.found or PoolFound()
        if change_.wanted is None:
            yield from self._removal(name, found)
            return
        if found.rebuilding:
            yield self._wait(name)
        new = [serial for serial in change_.wanted.disks if serial not in found.formatted]
        for serial in new:
            key = change_.wanted.key
            yield RunStep(
                title=f"Format {serial}",
                resource=f"pool/{name}",
                claims=(serial,),
                command=change(
                    "format", name, serial, stdin=SecretInput(name=key) if key else None
                ),
                undo=change("unformat", name, serial),
            )
        if not found.made:
            yield RunStep(
                title=f"Make {name}",
                resource=f"pool/{name}",
                command=change("vgcreate", name),
                undo=change("vgremove", name),
            )
        if found.made and new and change_.wanted.slow:
            yield RunStep(
                title=f"Rebuild {name}", resource=f"pool/{name}", command=change("rebuild", name)
            )
            yield self._wait(name)
        for serial in found.formatted:
            if serial not in change_.wanted.disks:
                yield self._free(name, serial)

    @staticmethod
    def _wait(name: str) -> WaitStep:
        return WaitStep(
            title=f"Wait until {name} is whole",
            resource=f"pool/{name}",
            command=read("rebuilt", name),
            until=r"\b100\.0\b",
            timeout_s=1000,
            poll_s=0.01,
            percent=r"(\d+\.\d)",
            lets_others=True,
        )

    def _removal(self, name: str, found: PoolFound) -> Iterator[Step]:
        if found.made:
            yield RunStep(
                title=f"Destroy {name}",
                resource=f"pool/{name}",
                destroys=f"pool {name}",
                command=change("vgremove", name),
            )
        for serial in found.formatted:
            yield self._free(name, serial)

    @staticmethod
    def _free(name: str, serial: str) -> Step:
        return RunStep(
            title=f"Free {serial}",
            resource=f"pool/{name}",
            command=change("unformat", name, serial),
            undo=change("format", name, serial),
        )

    def confirmations(
        self, change_: Change[PoolSpec, PoolFound], view: View
    ) -> tuple[tuple[str, str], ...]:
        return ((change_.name, f"pool {change_.name} is destroyed"),)

    def notes(self, change_: Change[PoolSpec, PoolFound], view: View) -> tuple[str, ...]:
        return (f"pool {change_.name}: nothing is wasted",)

    def adopt(self, name: str, found: PoolFound) -> PoolSpec | None:
        return PoolSpec(disks=found.formatted) if found.made else None


class VolumeSpec(Spec):
    pool: Name
    size: Size = 1


class VolumeFound(Found):
    pool: str
    size: int


class FakeVolume(Kind[VolumeSpec, VolumeFound]):
    noun = "volume"
    title = "Room"
    rank = 20
    spec_type = VolumeSpec
    found_type = VolumeFound
    verbs: ClassVar[Mapping[str, str]] = {"wipe": "Make it empty", "poke": "Touch it"}

    def observe(self, probe: Probe) -> Mapping[str, VolumeFound]:
        return {}

    def refers(self, name: str, spec: VolumeSpec) -> tuple[str, ...]:
        return (f"pool/{spec.pool}",)

    def plan(self, change_: Change[VolumeSpec, VolumeFound], view: View) -> Iterator[Step]:
        name, found, wanted = change_.name, change_.found, change_.wanted
        resource = f"volume/{name}"
        if wanted is None:
            yield RunStep(
                title=f"Remove {name}",
                resource=resource,
                destroys=f"volume {name}",
                command=change("lvremove", name),
            )
        elif found is None:
            yield RunStep(
                title=f"Create {name}",
                resource=resource,
                command=change("lvcreate", name, wanted.pool, str(wanted.size)),
                undo=change("lvremove", name),
            )
        elif wanted.size < found.size or wanted.pool != found.pool:
            raise InvalidInputError(f"{name} cannot shrink or move.", hint="No.", subject=resource)
        elif wanted.size > found.size:
            yield RunStep(
                title=f"Grow {name}",
                resource=resource,
                command=change("lvextend", name, str(wanted.size)),
            )

    def act(
        self, verb: str, name: str, arguments: Mapping[str, object], view: View
    ) -> Iterator[Step]:
        if verb not in self.verbs:
            yield from super().act(verb, name, arguments, view)
        else:
            yield RunStep(
                title=f"{verb.capitalize()} {name}",
                resource=f"volume/{name}",
                destroys="all of its files" if verb == "wipe" else "",
                command=change(verb, name),
            )

    def adopt(self, name: str, found: VolumeFound) -> VolumeSpec:
        return VolumeSpec(pool=found.pool, size=found.size)


class ShareSpec(Spec):
    volume: Name


class ShareFound(Found):
    unit: str = ""
    mounted: str = ""


class FakeShare(Kind[ShareSpec, ShareFound]):
    noun = "share"
    title = "Files"
    rank = 30
    spec_type = ShareSpec
    found_type = ShareFound

    def observe(self, probe: Probe) -> Mapping[str, ShareFound]:
        return {}

    def refers(self, name: str, spec: ShareSpec) -> tuple[str, ...]:
        return (f"volume/{spec.volume}",)

    def plan(self, change_: Change[ShareSpec, ShareFound], view: View) -> Iterator[Step]:
        name, found, wanted = change_.name, change_.found or ShareFound(), change_.wanted
        resource, path = f"share/{name}", f"/etc/units/{name}"
        volume = wanted.volume if wanted else ""
        if found.mounted and found.mounted != volume:
            yield RunStep(
                title=f"Unmount {name}",
                resource=resource,
                command=change("umount", name),
                undo=change("mount", name, found.mounted),
            )
        if wanted is None:
            if found.unit:
                yield RemoveFileStep(title=f"Drop unit {name}", resource=resource, path=path)
            return
        if found.unit != volume:
            yield WriteFileStep(
                title=f"Write unit {name}", resource=resource, path=path, content=volume
            )
        if found.mounted != volume:
            yield RunStep(
                title=f"Mount {name}",
                resource=resource,
                command=change("mount", name, volume),
                undo=change("umount", name),
            )


class NfsSpec(Spec):
    clients: tuple[str, ...] = ("*",)
    quiet: bool = False


class NfsFound(Found):
    written: str = ""
    exported: str = ""


class FakeNfs(Kind[NfsSpec, NfsFound]):
    noun = "nfs"
    title = "Files over NFS"
    rank = 40
    face_of = "share"
    spec_type = NfsSpec
    found_type = NfsFound

    def observe(self, probe: Probe) -> Mapping[str, NfsFound]:
        return {}

    def plan(self, change_: Change[NfsSpec, NfsFound], view: View) -> Iterator[Step]:
        name, found, wanted = change_.name, change_.found or NfsFound(), change_.wanted
        resource, path = f"nfs/{name}", f"/etc/exports.d/{name}"
        text = ",".join(wanted.clients) if wanted else ""
        refresh = change("exportfs", "-ra")
        if found.written and wanted is None:
            yield RemoveFileStep(title=f"Drop export {name}", resource=resource, path=path)
        elif found.written != text:
            yield WriteFileStep(
                title=f"Write export {name}", resource=resource, path=path, content=text
            )
        if found.exported != text or found.written != text:
            yield RunStep(title=f"Export {name}", resource=resource, command=refresh, undo=refresh)

    def health(self, name: str, found: NfsFound) -> tuple[Finding, ...]:
        if found.exported:
            return ()
        what, next_step = "The server does not know this export.", "Look."
        return (
            Finding(
                severity=Severity.CRITICAL, subject=f"nfs/{name}", what=what, next_step=next_step
            ),
        )


KINDS: Mapping[str, AnyKind] = {
    kind.noun: kind for kind in (FakePool(), FakeVolume(), FakeShare(), FakeNfs())
}
