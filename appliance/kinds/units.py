"""systemd units as kinds see them: names, states, and the mounts that are there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from appliance.model.base import Value
from appliance.model.command import Command, read

UNIT_DIR: Final = "/etc/systemd/system"


PATIENCE_S: Final = 600
"""For systemctl: enabling a unit with an init script of old runs Perl, and starting one may wait
for a device; on a busy node that took minutes.
"""


class UnitState(Value):
    """What systemd says of a unit."""

    file_state: str = ""
    """enabled, disabled, masked, static; empty when there is no such unit."""
    active: bool = False

    @property
    def enabled(self) -> bool:
        """It starts at boot."""
        return self.file_state == "enabled"

    @property
    def startable(self) -> bool:
        """It is there and not masked."""
        return self.file_state not in {"", "masked"}


def unit_states(*units: str) -> Command:
    """The command whose output `parse_unit_states` reads; unknown units are no failure."""
    return read("systemctl", "show", "--property=Id,UnitFileState,ActiveState", *units)


def parse_unit_states(text: str) -> Mapping[str, UnitState]:
    """Unit -> state, from `systemctl show`: blocks of KEY=VALUE with an empty line between."""
    found = {}
    for block in text.strip().split("\n\n"):
        facts = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in facts:
            found[facts["Id"]] = UnitState(
                file_state=facts.get("UnitFileState", ""),
                active=facts.get("ActiveState") in {"active", "reloading"},
            )
    return found


def escape_path(path: str) -> str:
    """A path as part of a unit's name, by the rule of systemd.unit(5)."""
    return re.sub(
        r"[^A-Za-z0-9:_./]",
        lambda match: "".join(f"\\x{byte:02x}" for byte in match[0].encode()),
        path.strip("/"),
    ).replace("/", "-")


def unescape_path(name: str) -> str:
    """The path an escaped name stands for; printable ASCII only, which is all we write."""
    plain = re.sub(
        r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), name.replace("-", "/")
    )
    return f"/{plain}"


def mount_unit(path: str) -> str:
    """The name a mount unit must have for this mount point."""
    return f"{escape_path(path)}.mount"


def device_unit(device: str) -> str:
    """The unit that is active while the device is there."""
    return f"{escape_path(device)}.device"


class Mount(Value):
    """A mounted file system."""

    target: str
    source: str
    filesystem: str
    number: str
    """Device number as MAJOR:MINOR, decimal."""


def parse_mountinfo(text: str) -> tuple[Mount, ...]:
    """The mounts of /proc/self/mountinfo, by the format of proc_pid_mountinfo(5)."""
    found = []
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        fields, tail = left.split(), right.split()
        if separator:
            found.append(
                Mount(target=fields[4], source=tail[1], filesystem=tail[0], number=fields[2])
            )
    return tuple(found)


_MAPPER: Final = "/dev/mapper/"
_LINK: Final = "/dev/disk/by-id/dm-name-"


def device_link(device: str) -> str:
    """The link udev keeps for /dev/VG/LV. Unlike /dev/VG/LV, which LVM may make by itself, it is
    always known to systemd, so that a unit can wait for it.
    """
    group, volume = device.removeprefix("/dev/").split("/")
    return f"{_LINK}{group.replace('-', '--')}-{volume.replace('-', '--')}"


def logical_device(source: str) -> str:
    """/dev/VG/LV for its link or for its name under /dev/mapper, where inner hyphens are doubled
    (lvm(8)); any other device as it is.
    """
    if not source.startswith((_MAPPER, _LINK)):
        return source
    parts = re.split(r"(?<!-)-(?!-)", source.removeprefix(_MAPPER).removeprefix(_LINK))
    if len(parts) != 2:  # noqa: PLR2004 - VG and LV
        return source
    return f"/dev/{parts[0].replace('--', '-')}/{parts[1].replace('--', '-')}"
