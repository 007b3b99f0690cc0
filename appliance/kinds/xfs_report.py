"""What mounted XFS shares tell of themselves: three read commands for all, and their parsers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from appliance.model.base import Bytes, Value
from appliance.model.command import Command, read

PROJECT: Final = 1
"""The project of a whole share. Project numbers count per file system, and each share is one, so
the same number serves all and nothing needs /etc/projects."""

_MODE_BITS: Final = {"r": 4, "w": 2, "x": 1, "-": 0}


class Geometry(Value):
    """Size and free room of a file system, and whether its top folder counts for the quota."""

    size: Bytes
    free: Bytes
    project: bool


class Permissions(Value):
    """Owner, group, mode and default ACL of a top folder, octal."""

    owner: str
    group: str
    mode: str
    default_mode: str = ""


def geometry_command(paths: Iterable[str]) -> Command:
    """One process for all shares: xfs_io runs each command over every file it is given."""
    return read("xfs_io", "-r", "-c", "stat", "-c", "statfs", *paths)


def permissions_command(paths: Iterable[str]) -> Command:
    """One process for all shares."""
    return read("getfacl", "--absolute-names", *paths)


def quota_command(paths: Iterable[str]) -> Command:
    """Project quotas by number, in KiB."""
    return read("xfs_quota", "-x", "-c", "report -p -b -n", *paths)


def parse_geometry(text: str) -> Mapping[str, Geometry]:
    """Path -> geometry; fd.path opens a block, and stat and statfs give one block each."""
    facts: dict[str, dict[str, str]] = {}
    path = ""
    for key, value in re.findall(r"^([\w.]+) = (.*)$", text, re.MULTILINE):
        if key == "fd.path":
            path = value.strip('"')
        facts.setdefault(path, {})[key] = value
    return {path: _geometry(found) for path, found in facts.items() if "geom.bsize" in found}


def parse_permissions(text: str) -> Mapping[str, Permissions]:
    """Path -> permissions, from getfacl(1): comment lines, then entries."""
    found = {}
    for block in text.strip().split("\n\n"):
        head = dict(re.findall(r"^# (\w+): (.*)$", block, re.MULTILINE))
        entries = dict(
            re.findall(
                r"^((?:default:)?(?:user|group|mask|other):):([rwx-]{3})", block, re.MULTILINE
            )
        )
        if "file" in head and "other:" in entries:
            special = _special_bits(head.get("flags", "---"))
            default = "default:other:" in entries
            found[head["file"]] = Permissions(
                owner=head["owner"],
                group=head["group"],
                mode=f"{special}{_octal(entries, '')}",
                default_mode=_octal(entries, "default:") if default else "",
            )
    return found


def parse_quotas(text: str) -> Mapping[str, int]:
    """Mount point -> hard limit of our project in bytes, 0 for none."""
    found: dict[str, int] = {}
    target = ""
    for line in text.splitlines():
        head = re.match(r"Project quota on (\S+) \(", line)
        if head:
            target = head[1]
            found[target] = 0
        fields = line.split()
        if target and fields and fields[0] == f"#{PROJECT}":
            found[target] = int(fields[3]) * 1024
    return found


def _geometry(facts: Mapping[str, str]) -> Geometry:
    return Geometry(
        size=int(facts["geom.bsize"]) * int(facts["geom.datablocks"]),
        free=int(facts["statfs.f_bsize"]) * int(facts["statfs.f_bavail"]),
        project=facts.get("fsxattr.projid") == str(PROJECT)
        and "P" in facts.get("fsxattr.xflags", ""),
    )


def _octal(entries: Mapping[str, str], prefix: str) -> str:
    group = entries.get(f"{prefix}mask:", entries[f"{prefix}group:"])
    words = (entries[f"{prefix}user:"], group, entries[f"{prefix}other:"])
    return "".join(str(sum(_MODE_BITS[letter] for letter in word)) for word in words)


def _special_bits(flags: str) -> int:
    return sum(bit for bit, letter in zip((4, 2, 1), flags, strict=False) if letter != "-")
