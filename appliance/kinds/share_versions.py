"""Previous versions: snapshots of a share's volume, mounted read-only where Samba looks for them.

vfs_shadow_copy2(8) wants a folder for each, named by the time its content was frozen. That time is
known only once LVM has taken the snapshot, so no plan can name it: one unit a share,
`appliance-versions@SHARE.service`, brings the folders in line with LVM (agents/node/versions.py)
whenever the share is mounted. Running it again disturbs no session.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from appliance.kinds.base import View
from appliance.kinds.units import PATIENCE_S, escape_path, mount_unit, parse_mountinfo
from appliance.kinds.volume_use import users_of
from appliance.model.command import change
from appliance.model.names import VERSION_ROOT, versions_path
from appliance.model.share import ShareSpec, SmbFound
from appliance.model.steps import RunStep
from appliance.model.volume import SnapshotFound, VolumeFound

_NAME: Final = "@GMT-%Y.%m.%d-%H.%M.%S"
"""shadow:format of vfs_shadow_copy2(8); Windows asks for versions by this form."""


def version_unit(share: str) -> str:
    """The unit that shows a share's previous versions."""
    return f"appliance-versions@{escape_path(share)}.service"


def version_name(created_at: str) -> str:
    """The folder of what was frozen at this time (RFC 3339, UTC)."""
    return datetime.fromisoformat(created_at).strftime(_NAME)


def versions_of(snapshots: Iterable[SnapshotFound]) -> Mapping[str, SnapshotFound]:
    """Folder -> snapshot. A second has one version: of two snapshots in it the first is shown."""
    found: dict[str, SnapshotFound] = {}
    for shot in snapshots:
        found.setdefault(version_name(shot.created_at), shot)
    return found


def shown_versions(mountinfo: str) -> Mapping[str, tuple[str, ...]]:
    """Share -> names of its versions that are mounted, oldest first."""
    found: dict[str, set[str]] = {}
    for mount in parse_mountinfo(mountinfo):
        share, _, name = mount.target.removeprefix(f"{VERSION_ROOT}/").partition("/")
        if mount.target.startswith(f"{VERSION_ROOT}/") and name:
            found.setdefault(share, set()).add(name)
    return {share: tuple(sorted(names)) for share, names in found.items()}


def follow_snapshots(share: str, found: SmbFound | None, view: View) -> Iterator[RunStep]:
    """Show the snapshots that are there, where they differ from what is shown."""
    spec = view.specs("share").get(share)
    volume = view.found("volume").get(spec.volume) if isinstance(spec, ShareSpec) else None
    wanted = versions_of(volume.snapshots) if isinstance(volume, VolumeFound) else {}
    if set(wanted) != set(found.versions if found is not None else ()):
        yield _show(f"smb/{share}", share, back="reload-or-restart" if found else "stop")


def forget_snapshots(share: str, found: SmbFound) -> Iterator[RunStep]:
    """Show none any more. Without Samba's file for the share the unit does nothing from then on."""
    if found.versions:
        unit = version_unit(share)
        yield _step(f"smb/{share}", f"Show no snapshots of share {share} any more",
                    ("systemctl", "stop", unit), ("systemctl", "start", unit))  # fmt: skip


def settle_versions(volume: str, view: View) -> Iterator[RunStep]:
    """Also asked for before a snapshot is taken: undone last-first, it then runs after the
    snapshot is gone again, and the versions follow it.
    """
    for share in _shares_of(volume, view):
        unit = version_unit(share)
        again = ("systemctl", "reload-or-restart", unit)
        yield _step(f"volume/{volume}",
                    f"Make sure that share {share} shows the volume's snapshots", again, again)  # fmt: skip


def show_again(volume: str, view: View) -> Iterator[RunStep]:
    """After a change of a volume's snapshots: bring the shares that show them in line.

    Taken back, none is shown: only then can a snapshot that was just taken be removed.
    """
    for share in _shares_of(volume, view):
        yield _show(f"volume/{volume}", share, back="stop")


def hide_one(volume: str, shot: SnapshotFound, view: View) -> Iterator[RunStep]:
    """Before a snapshot is deleted: let go of it wherever it is shown."""
    name = version_name(shot.created_at)
    for share in _shares_of(volume, view):
        found = view.found("smb").get(share)
        if isinstance(found, SmbFound) and name in found.versions:
            yield _step(
                f"volume/{volume}",
                f"Take snapshot '{shot.name}' from the previous versions of share {share}; this "
                "fails while a client looks into it",
                ("systemctl", "stop", mount_unit(f"{versions_path(share)}/{name}")),
                ("systemctl", "reload-or-restart", version_unit(share)),
            )


def _shares_of(volume: str, view: View) -> Iterator[str]:
    """Shares on the volume that SMB shows."""
    for user in users_of(volume, view):
        noun, _, share = user.partition("/")
        if noun == "share" and share in view.specs("smb"):
            yield share


def _show(resource: str, share: str, *, back: str) -> RunStep:
    unit = version_unit(share)
    return _step(resource, f"Show the volume's snapshots as previous versions of share {share}",
                 ("systemctl", "reload-or-restart", unit), ("systemctl", back, unit))  # fmt: skip


def _step(resource: str, title: str, argv: tuple[str, ...], undo: tuple[str, ...]) -> RunStep:
    return RunStep(
        title=title,
        resource=resource,
        command=change(*argv, timeout_s=PATIENCE_S),
        undo=change(*undo, timeout_s=PATIENCE_S),
    )
