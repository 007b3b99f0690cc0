"""The steps that build, change and remove a share, each with its way back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from appliance.kinds.nfs_state import NFSD
from appliance.kinds.share_state import TRIM_FILE, TRIM_TEXT, mount_text
from appliance.kinds.units import PATIENCE_S, UNIT_DIR, mount_unit
from appliance.kinds.xfs_report import PROJECT
from appliance.model.base import format_size
from appliance.model.command import change, read
from appliance.model.names import share_path
from appliance.model.share import ShareFound, ShareSpec
from appliance.model.steps import RemoveFileStep, RunStep, Step, WaitStep, WriteFileStep

_LABEL_LENGTH: Final = 12
"""Of an XFS label (mkfs.xfs(8))."""
_GROWTH: Final = 2**20
"""What XFS leaves unused at the end of a device is less than this; an LVM extent is more."""
_BLANK_TIMEOUT_S: Final = 10
"""A volume that was just activated may take udev a moment; a signature does not go away."""
_TREE_TIMEOUT_S: Final = 6 * 3600
"""Putting an existing tree under the project touches every file once."""


def unit_of(name: str) -> str:
    """The mount unit of a share."""
    return mount_unit(share_path(name))


def step(
    name: str,
    title: str,
    argv: tuple[str, ...],
    undo: tuple[str, ...],
    timeout_s: float = PATIENCE_S,
) -> RunStep:
    """A command of a share and the one that takes it back."""
    return RunStep(
        title=title,
        resource=f"share/{name}",
        command=change(*argv, timeout_s=timeout_s),
        undo=change(*undo, timeout_s=timeout_s),
    )


def _reload(name: str) -> RunStep:
    reload = ("systemctl", "daemon-reload")
    return step(name, "Have systemd read its units", reload, reload)


def write_unit(name: str, device: str) -> Iterator[Step]:
    """Write the mount unit, and have the device pull it in."""
    yield WriteFileStep(
        title=f"Write the mount unit of share {name}",
        resource=f"share/{name}",
        path=f"{UNIT_DIR}/{unit_of(name)}",
        content=mount_text(name, device),
    )
    yield _reload(name)
    yield step(name, f"Mount share {name} whenever its volume appears",
               ("systemctl", "reenable", unit_of(name)),
               ("systemctl", "disable", unit_of(name)))  # fmt: skip


def make_filesystem(name: str, device: str, *, unfinished: bool) -> Iterator[Step]:
    """Without -f mkfs.xfs itself refuses a device with any signature: the last guard.

    A look goes before it: a mkfs.xfs that refused is a step that failed, and its way back would take
    the signature off the very file system it spared. -K: a new thin volume has nothing to discard.
    """
    if not unfinished:
        yield _make_sure_it_is_blank(name, device)
    force = ("-f",) if unfinished else ()
    options = ("-q", "-K", *force, "-m", "crc=1,reflink=1,bigtime=1", "-L", name[:_LABEL_LENGTH])
    yield step(
        name,
        f"Make the XFS file system of share {name}",
        ("mkfs.xfs", *options, device),
        ("wipefs", "--all", "--types", "xfs", device),
    )


def _make_sure_it_is_blank(name: str, device: str) -> WaitStep:
    """wipefs(8) without -a only reads; it fails for a device it cannot read, where blkid(8) says
    the same as of a blank one."""
    return WaitStep(
        title=f"Make sure that the volume of share {name} is blank",
        resource=f"share/{name}",
        command=read("wipefs", "--noheadings", device),
        until=r"\A\s*\Z",
        timeout_s=_BLANK_TIMEOUT_S,
    )


def grow(name: str, found: ShareFound, size: int, *, fresh: bool) -> Iterator[Step]:
    """Grow the file system online to its volume, `size` in bytes."""
    if fresh or (found.mounted and size - found.size < _GROWTH):
        return
    # Growing has no way back and needs none: the larger file system holds the same files.
    yield RunStep(
        title=f"Grow share {name} to its volume's {format_size(size)}",
        resource=f"share/{name}",
        command=change("xfs_growfs", "-d", share_path(name)),
        undo=change("true"),
    )


def permissions(name: str, found: ShareFound, wanted: ShareSpec) -> Iterator[Step]:
    """Owner, group, mode and default ACL of the top folder, where they differ."""
    path = share_path(name)
    owner, earlier = f"{wanted.owner}:{wanted.group}", f"{found.owner}:{found.group}"
    if owner != earlier:
        yield step(name, f"Give share {name} to {owner}", ("chown", owner, path),
                   ("chown", earlier if found.owner else "root:root", path))  # fmt: skip
    if wanted.mode != found.mode:
        yield step(name, f"Set the permissions of share {name} to {wanted.mode}",
                   ("chmod", wanted.mode, path),
                   ("chmod", found.mode or "0755", path))  # fmt: skip
    if wanted.mode[1:] != found.default_mode:
        yield step(name, f"Let new files in share {name} inherit these permissions",
                   ("setfacl", "--modify", _default_acl(wanted.mode[1:]), path),
                   _acl_before(found.default_mode, path))  # fmt: skip


def _default_acl(mode: str) -> str:
    words = [
        "".join(
            letter if int(digit) & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1))
        )
        for digit in mode
    ]
    return ",".join(f"d:{who}::{word}" for who, word in zip("ugo", words, strict=True))


def _acl_before(mode: str, path: str) -> tuple[str, ...]:
    if mode:
        return ("setfacl", "--modify", _default_acl(mode), path)
    return ("setfacl", "--remove-default", path)


def set_quota(name: str, found: ShareFound, wanted: ShareSpec, *, fresh: bool) -> Iterator[Step]:
    """The project over the whole share, and its limit."""
    path = share_path(name)
    if not found.project and (fresh or wanted.quota is not None):
        yield step(name, f"Count all of share {name} for its quota",
                   _xfs_quota(f"project -s -p {path} {PROJECT}", path),
                   _xfs_quota(f"project -C -p {path} {PROJECT}", path), _TREE_TIMEOUT_S)  # fmt: skip
    if wanted.quota != found.quota or (wanted.quota is None and not found.mounted and not fresh):
        words = format_size(wanted.quota) if wanted.quota is not None else "the volume's size"
        yield step(name, f"Limit share {name} to {words}",
                   _xfs_quota(_limit(wanted.quota), path),
                   _xfs_quota(_limit(found.quota), path))  # fmt: skip


def _limit(quota: int | None) -> str:
    return f"limit -p bhard={quota or 0} {PROJECT}"


def _xfs_quota(words: str, path: str) -> tuple[str, ...]:
    return ("xfs_quota", "-x", "-c", words, path)


def trim(name: str) -> Iterator[Step]:
    """The weekly trim, which is one for all shares."""
    yield WriteFileStep(
        title="Have the weekly trim reach every share",
        resource=f"share/{name}",
        path=TRIM_FILE,
        content=TRIM_TEXT,
    )
    yield _reload(name)
    yield step(name, "Give freed blocks back to the pools every week",
               ("systemctl", "enable", "--now", "fstrim.timer"),
               ("systemctl", "disable", "--now", "fstrim.timer"))  # fmt: skip


def remove(name: str, found: ShareFound) -> Iterator[Step]:
    """Unmount and forget; what is stored stays on the volume."""
    path, unit, resource = share_path(name), unit_of(name), f"share/{name}"
    if found.mounted:
        # fuser(1) ends with 1 when nobody uses the file system, and else names the processes.
        yield RunStep(
            title=f"Make sure that no program on the node uses share {name}",
            resource=resource,
            command=read("fuser", "--mount", path, ok_codes=(1,)),
        )
        yield step(name, f"Unmount share {name}", ("systemctl", "stop", unit),
                   ("systemctl", "start", unit))  # fmt: skip
    if found.configured:
        yield step(name, f"Mount share {name} no more", ("systemctl", "disable", unit),
                   ("systemctl", "enable", unit))  # fmt: skip
        yield RemoveFileStep(
            title=f"Remove the mount unit of share {name}",
            resource=resource,
            path=f"{UNIT_DIR}/{unit}",
        )
        yield _reload(name)


def revoke_nfs(name: str) -> RunStep:
    """Writing a path here takes back all locks, opens and delegations on its file system (kernel
    6.8 and later for NFSv4), so that it can be unmounted. A line that does not end is refused
    (fs/nfsd/nfsctl.c, write_unlock_fs).
    """
    return RunStep(
        title=f"Take back what NFS clients hold of share {name}",
        resource=f"nfs/{name}",
        command=change("tee", f"{NFSD}/unlock_filesystem", stdin=f"{share_path(name)}\n"),
        undo=change("true"),
    )


def end_smb_sessions(name: str) -> RunStep:
    """Clients lose what they hold open; Windows connects again by itself."""
    return RunStep(
        title=f"End the SMB sessions on share {name}",
        resource=f"smb/{name}",
        command=change("smbcontrol", "smbd", "close-share", name),
        undo=change("true"),
    )
