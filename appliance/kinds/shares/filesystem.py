"""A share: XFS with a project quota on a volume, mounted by a unit that waits for its device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from typing_extensions import override

from appliance.errors import RefusedError
from appliance.kinds.base import Change, Kind, Needs, Probe, View
from appliance.kinds.share_rules import check_owners, check_size, refuse_while_open, volume_size
from appliance.kinds.share_state import observe_shares
from appliance.kinds.share_steps import (
    end_smb_sessions,
    grow,
    make_filesystem,
    permissions,
    remove,
    revoke_nfs,
    set_quota,
    step,
    trim,
    unit_of,
    write_unit,
)
from appliance.kinds.volume_use import refuse_shared
from appliance.model.base import format_size
from appliance.model.resource import Finding, Severity
from appliance.model.share import ShareFound, ShareSpec
from appliance.model.steps import Step
from appliance.model.volume import VolumeFound


class ShareKind(Kind[ShareSpec, ShareFound]):
    """File systems under /srv/shares."""

    noun = "share"
    title = "a file system with one set of permissions, shown over NFS and SMB"
    rank = 30
    spec_type = ShareSpec
    found_type = ShareFound
    needs = Needs(packages=frozenset({"xfsprogs", "acl", "psmisc"}))
    verbs: ClassVar[Mapping[str, str]] = {
        "disconnect": "cut off all its clients, open files included; unsaved data is lost"
    }
    columns: ClassVar[tuple[str, ...]] = ("volume", "mounted", "size", "free", "quota", "group")

    @override
    def observe(self, probe: Probe) -> Mapping[str, ShareFound]:
        """Shares with a mount unit or a mount."""
        return observe_shares(probe)

    @override
    def resolve(self, name: str, spec: ShareSpec, view: View) -> ShareSpec:
        """Check the volume, the quota, owner and group."""
        view.volume_device(spec.volume)
        refuse_shared(spec.volume, f"share/{name}", view)
        check_size(name, spec, view)
        check_owners(name, spec, view)
        return spec

    @override
    def refers(self, name: str, spec: ShareSpec) -> tuple[str, ...]:
        """The volume, and the owner when it is a user of ours."""
        del name
        owner = () if spec.owner == "root" else (f"user/{spec.owner}",)
        return (f"volume/{spec.volume}", *owner)

    @override
    def plan(self, change: Change[ShareSpec, ShareFound], view: View) -> Iterator[Step]:
        """Unit, file system, mount, size, permissions, quota: each where it differs."""
        name, found, wanted = change.name, change.found, change.wanted
        if wanted is None:
            if found is not None:
                refuse_while_open(name, view)
                yield from remove(name, found)
            return
        device = view.volume_device(wanted.volume)
        if found is None or (not found.mounted and found.device != device):
            found = _nothing_yet(device, wanted.volume, view)
        _refuse_foreign(name, found, wanted)
        if not found.unit:
            yield from write_unit(name, device)
        fresh = not found.mounted and (found.filesystem == "" or found.unfinished)
        if fresh:
            yield from make_filesystem(name, device, unfinished=found.unfinished)
        if not found.mounted:
            yield step(name, f"Mount share {name}", ("systemctl", "start", unit_of(name)),
                       ("systemctl", "stop", unit_of(name)))  # fmt: skip
        yield from grow(name, found, volume_size(view, wanted.volume), fresh=fresh)
        yield from permissions(name, found, wanted)
        yield from set_quota(name, found, wanted, fresh=fresh)
        if not found.trimmed and name == min(view.specs("share")):
            yield from trim(name)

    @override
    def act(
        self, verb: str, name: str, arguments: Mapping[str, object], view: View
    ) -> Iterator[Step]:
        """Cut clients off, over each face it has."""
        if verb != "disconnect":
            yield from super().act(verb, name, arguments, view)
        if name in view.found("nfs"):
            yield revoke_nfs(name)
        if name in view.found("smb"):
            yield end_smb_sessions(name)

    @override
    def confirmations(
        self, change: Change[ShareSpec, ShareFound], view: View
    ) -> tuple[tuple[str, str], ...]:
        """The share's name: nobody may cut clients off by a slip."""
        del view
        on = f"volume '{change.found.volume}'" if change.found else "its volume"
        return ((change.name, f"clients lose access to share '{change.name}'; data stays on {on}"),)

    @override
    def health(self, name: str, found: ShareFound) -> tuple[Finding, ...]:
        """Not mounted, not mounted at boot, nearly full."""
        return tuple(_findings(name, found))

    @override
    def adopt(self, name: str, found: ShareFound) -> ShareSpec | None:
        """A share that came with imported disks and is mounted."""
        del name
        if not found.volume or not found.mounted or not found.mode:
            return None
        return ShareSpec(
            volume=found.volume,
            quota=found.quota,
            owner=found.owner,
            group=found.group,
            mode=found.mode,
        )


def _nothing_yet(device: str, volume: str, view: View) -> ShareFound:
    """How a share stands that has neither unit nor mount: all there may be is an old content."""
    carrier = view.found("volume").get(volume)
    filesystem: str | None = ""
    if isinstance(carrier, VolumeFound):
        filesystem = carrier.filesystem if carrier.active else None
    return ShareFound(volume=volume, device=device, filesystem=filesystem, mounted=False,
                      trimmed=any(s.trimmed for s in _found_shares(view)))  # fmt: skip


def _found_shares(view: View) -> Iterator[ShareFound]:
    for item in view.found("share").values():
        if isinstance(item, ShareFound):
            yield item


def _refuse_foreign(name: str, found: ShareFound, wanted: ShareSpec) -> None:
    subject = f"share/{name}"
    if found.mounted and found.volume != wanted.volume:
        raise RefusedError(
            f"Share '{name}' stands on {found.volume or found.device}; it cannot move to volume "
            f"'{wanted.volume}'.",
            hint="Make a new share on that volume and copy the files.",
            subject=subject,
        )
    if found.filesystem not in {"", None, "xfs"}:
        raise RefusedError(
            f"Volume '{wanted.volume}' holds {found.filesystem}, which a share cannot use.",
            hint="Name another volume; if what is on this one may go: "
            f"appliance volume remove {wanted.volume}",
            subject=subject,
        )


def _findings(name: str, found: ShareFound) -> Iterator[Finding]:
    subject = f"share/{name}"
    if not found.mounted:
        yield Finding(
            severity=Severity.CRITICAL,
            subject=subject,
            what="The share is not mounted.",
            why="Its volume is not there." if found.filesystem is None else "",
            next_step=f"systemctl status {unit_of(name)}; then apply the site again: appliance apply SPEC.toml",
        )
        return
    if not found.unit:
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what="The share would not be mounted as it should after a reboot.",
            why="Its mount unit is missing, changed or not enabled.",
            next_step="Apply the site again.",
        )
    total = min(found.quota or found.size, found.size)
    used = 100 * (total - found.free) // total if total else 0
    for limit, severity in ((90, Severity.CRITICAL), (80, Severity.WARNING)):
        if used >= limit:
            yield Finding(
                severity=severity,
                subject=subject,
                what=f"The share is {used} % full; {format_size(found.free)} are left.",
                next_step="Delete or archive files, raise the quota, or grow the volume.",
            )
            return


KIND = ShareKind()
