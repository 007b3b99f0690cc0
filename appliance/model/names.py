"""The names things get on a node: one rule, used by every kind that refers to another's device."""

from __future__ import annotations

from typing import Final, Literal

STATE_DIR: Final = "/var/lib/appliance"
CONFIG_DIR: Final = "/etc/appliance"
SHARE_ROOT: Final = "/srv/shares"
VERSION_ROOT: Final = "/srv/versions"
NODE: Final = "node"
"""The name of what a node has one of: its identity, its pace of rebuilds."""
TAG: Final = "appliance"
"""Prefix of every LVM tag of ours: appliance.pool=NAME, appliance.tier=NAME, appliance.role=ROLE."""


def tag(key: str, value: str) -> str:
    """An LVM tag; lvm(8) allows letters, digits and _+.-/=!:&# in one."""
    return f"{TAG}.{key}={value}"


def selected(report: Literal["lv", "vg"], name: str, *tags: str) -> str:
    """What picks, for lvm(8)'s --select, the one of that name that carries all the tags.

    The way back of a step that failed must not take what somebody else made by that name; and a
    selection may match nothing, so it may be run where the step did nothing yet.
    """
    return " && ".join([f"{report}_name={name}", *(f'{report}_tags="{item}"' for item in tags)])


def volume_group(pool: str) -> str:
    """The volume group of a pool; the prefix keeps /dev/<vg> clear of the kernel's own names."""
    return f"vg_{pool}"


def pool_of(group: str) -> str:
    """The pool of a volume group of ours."""
    return group.removeprefix(volume_group(""))


def logical_volume(volume: str) -> str:
    """The logical volume of a volume."""
    return f"vol_{volume}"


def volume_device(pool: str, volume: str) -> str:
    """The block device of a volume."""
    return f"/dev/{volume_group(pool)}/{logical_volume(volume)}"


def snapshot_volume(volume: str, snapshot: str) -> str:
    """The logical volume of a snapshot; its tags, not its name, tell which it is."""
    return f"snap_{volume}_{snapshot}"


def mapping_name(group: str, logical: str) -> str:
    """The device-mapper name of a logical volume: hyphens of its own are doubled (lvm(8))."""
    return f"{group.replace('-', '--')}-{logical.replace('-', '--')}"


def integrity_device(serial: str) -> str:
    """The device-mapper name of the dm-integrity layer over a disk; serials keep [A-Za-z0-9]."""
    return "int-" + "".join(letter for letter in serial if letter.isalnum())


def share_path(share: str) -> str:
    """Where a share's file system is mounted."""
    return f"{SHARE_ROOT}/{share}"


def versions_path(share: str) -> str:
    """Where snapshots of a share's volume are mounted, beside it, so that no client meets them."""
    return f"{VERSION_ROOT}/{share}"
