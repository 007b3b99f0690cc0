"""Shares as they stand on the node: mount units, mounts, and what the file systems tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from appliance.kinds.base import Probe
from appliance.kinds.share_versions import version_unit
from appliance.kinds.signatures import observe_signatures
from appliance.kinds.units import (
    UNIT_DIR,
    Mount,
    device_link,
    device_unit,
    escape_path,
    logical_device,
    mount_unit,
    parse_mountinfo,
    unescape_path,
)
from appliance.kinds.xfs_report import (
    geometry_command,
    parse_geometry,
    parse_permissions,
    parse_quotas,
    permissions_command,
    quota_command,
)
from appliance.model.command import read
from appliance.model.names import SHARE_ROOT, logical_volume, share_path
from appliance.model.share import ShareFound

TRIM_FILE: Final = f"{UNIT_DIR}/fstrim.service.d/appliance.conf"
TRIM_TEXT: Final = """\
# Written by the appliance. Without this the weekly trim reads /etc/fstab, where no share stands.
[Service]
ExecStart=
ExecStart=/usr/sbin/fstrim --listed-in /proc/self/mountinfo --verbose --quiet-unsupported
"""

_MOUNT_OPTIONS: Final = "prjquota,noatime,nodev,nosuid,nouuid,nofail"
"""nouuid: a clone of a volume carries the same XFS UUID and may be shared beside its origin.
nofail: no ordering before local-fs.target, so a missing pool holds up nothing at boot.
No discard: deleting would wait for the thin pool each time; fstrim.timer does it once a week."""

_IN_PROGRESS: Final = 126
_VOLUME_PREFIX: Final = logical_volume("")


def mount_text(share: str, device: str) -> str:
    """The mount unit of a share. Its device pulls it in, so boot never waits for a pool."""
    return f"""\
# Written by the appliance; changes by hand are overwritten.
[Unit]
Description=Share {share}
Before=nfs-server.service smbd.service
Wants={version_unit(share)}

[Mount]
What={device_link(device)}
Where={share_path(share)}
Type=xfs
Options={_MOUNT_OPTIONS}

[Install]
WantedBy={device_unit(device_link(device))}
"""


def observe_shares(probe: Probe) -> Mapping[str, ShareFound]:
    """Every share that has a mount unit of ours or is mounted under /srv/shares."""
    devices = _configured(probe)
    text = probe.read_text("/proc/self/mountinfo") or ""
    mounts = {
        mount.target.removeprefix(f"{SHARE_ROOT}/"): mount
        for mount in parse_mountinfo(text)
        if mount.target.startswith(f"{SHARE_ROOT}/")
    }
    mounts = {name: mount for name, mount in mounts.items() if "/" not in name}
    away = [device for name, device in devices.items() if name not in mounts]
    signatures = _signatures(probe, away)
    trimmed = _trimmed(probe) if devices or mounts else True
    cut_off = _cut_off(probe, [device for device, type_ in signatures.items() if type_ == "xfs"])
    found = {
        name: _unmounted(
            probe,
            name,
            device,
            signatures.get(device),
            unfinished=device in cut_off,
            trimmed=trimmed,
        )
        for name, device in devices.items()
        if name not in mounts
    }
    return found | _mounted(probe, mounts, devices, trimmed=trimmed)


def _configured(probe: Probe) -> Mapping[str, str]:
    """Share -> device of its mount unit, "" when the unit names none."""
    prefix = f"{escape_path(SHARE_ROOT)}-"
    found = {}
    for unit in probe.list_dir(UNIT_DIR):
        if unit.startswith(prefix) and unit.endswith(".mount"):
            name = unescape_path(unit.removesuffix(".mount")).removeprefix(f"{SHARE_ROOT}/")
            match = re.search(
                r"^What=(.+)$", probe.read_text(f"{UNIT_DIR}/{unit}") or "", re.MULTILINE
            )
            found[name] = logical_device(match[1]) if match else ""
    return found


def _unit_in_place(probe: Probe, name: str, device: str) -> bool:
    if not _volume_of(device):
        return False
    unit = mount_unit(share_path(name))
    if probe.read_text(f"{UNIT_DIR}/{unit}") != mount_text(name, device):
        return False
    return unit in probe.list_dir(f"{UNIT_DIR}/{device_unit(device_link(device))}.wants")


def _signatures(probe: Probe, devices: Iterable[str]) -> Mapping[str, str | None]:
    """Device -> file system type; "" for none, None when the device is not there."""
    found: dict[str, str | None] = dict.fromkeys(devices)
    folders = {device.rpartition("/")[0] for device in found}
    there = {f"{folder}/{name}" for folder in folders for name in probe.list_dir(folder)}
    present = [device for device in found if device in there]
    found.update(observe_signatures(probe, present))
    return found


def _unmounted(
    probe: Probe,
    name: str,
    device: str,
    filesystem: str | None,
    *,
    unfinished: bool,
    trimmed: bool,
) -> ShareFound:
    return ShareFound(
        volume=_volume_of(device),
        device=device,
        filesystem=filesystem,
        mounted=False,
        configured=True,
        unit=_unit_in_place(probe, name, device),
        unfinished=unfinished,
        trimmed=trimmed,
    )


def _cut_off(probe: Probe, devices: Sequence[str]) -> frozenset[str]:
    """Devices whose mkfs.xfs did not end, told by one process for all.

    It clears sb_inprogress as its last act: byte 126 of the superblock (struct xfs_dsb). One that
    cannot be read is not taken for unfinished.
    """
    if not devices:
        return frozenset()
    heads = probe.run(
        read("head", "--verbose", f"--bytes={_IN_PROGRESS + 1}", *devices, ok_codes=(0, 1))
    ).stdout
    parts = re.split(r"(?:\A|\n)==> (\S+) <==\n", heads)
    return frozenset(
        device
        for device, head in zip(parts[1::2], parts[2::2], strict=True)
        if head.startswith("XFSB") and not head.endswith("\0")
    )


def _mounted(
    probe: Probe, mounts: Mapping[str, Mount], devices: Mapping[str, str], *, trimmed: bool
) -> dict[str, ShareFound]:
    paths = {
        name: mount.target for name, mount in sorted(mounts.items()) if mount.filesystem == "xfs"
    }
    if paths:
        shapes = parse_geometry(probe.run(geometry_command(paths.values())).stdout)
        rights = parse_permissions(probe.run(permissions_command(paths.values())).stdout)
        limits = parse_quotas(probe.run(quota_command(paths.values())).stdout)
    else:
        shapes, rights, limits = {}, {}, {}
    found = {}
    for name, mount in mounts.items():
        device = logical_device(mount.source)
        shape, right = shapes.get(mount.target), rights.get(mount.target)
        found[name] = ShareFound(
            volume=_volume_of(device),
            device=device,
            filesystem=mount.filesystem,
            mounted=True,
            configured=name in devices,
            unit=_unit_in_place(probe, name, device),
            project=shape is not None and shape.project,
            quota=limits.get(mount.target, 0) or None,
            owner=right.owner if right else "",
            group=right.group if right else "",
            mode=right.mode if right else "",
            default_mode=right.default_mode if right else "",
            size=shape.size if shape else 0,
            free=shape.free if shape else 0,
            trimmed=trimmed,
        )
    return found


def _volume_of(device: str) -> str:
    name = device.rpartition("/")[2]
    return name.removeprefix(_VOLUME_PREFIX) if name.startswith(_VOLUME_PREFIX) else ""


def _trimmed(probe: Probe) -> bool:
    enabled = "fstrim.timer" in probe.list_dir(f"{UNIT_DIR}/timers.target.wants")
    return enabled and probe.read_text(TRIM_FILE) == TRIM_TEXT
