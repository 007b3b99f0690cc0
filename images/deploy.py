"""Putting the working tree's code into a node: only what differs, since compiling all of it anew
takes an emulated node over a minute."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from images.verbs import Verbs, pack

SITE_PACKAGES: Final = "/opt/appliance/venv/lib/python3.13/site-packages"
HOUSES: Final = ("appliance", "agents", "tui")
PROFILES: Final = "agents/node/profile_data"
_LEFT_BEHIND: Final = frozenset({"__pycache__", ".git"})


def code_of(repo: Path) -> dict[str, Path]:
    """The files of our packages: place below site-packages -> file of the working tree."""
    folders = {name: repo / name for name in HOUSES} | {PROFILES: repo / "hardware-profiles"}
    return {
        f"{name}/{path.relative_to(folder)}": path
        for name, folder in folders.items()
        for path in folder.rglob("*")
        if path.is_file() and not _LEFT_BEHIND & set(path.parts)
    }


def deploy(node: Verbs, files: Mapping[str, Path], place: str = SITE_PACKAGES) -> tuple[str, ...]:
    """Bring the node's files to these; what was sent or taken away. Files that stay keep their
    compiled form. Raises CheckFailedError."""
    there = _digests(node, place)
    changed = {
        name: path
        for name, path in files.items()
        if there.get(name) != hashlib.sha256(path.read_bytes()).hexdigest()
    }
    gone = sorted(there.keys() - files.keys())
    # A folder of compiled files alone would still be found as a package.
    empty = sorted(_folders(gone) - _folders(files))
    if gone:
        words = "\0".join([*gone, *empty]).encode()
        node.succeed(f"cd {shlex.quote(place)} && xargs -0 rm -rf --", stdin=words)
    if changed:
        node.unpack(pack(changed), place)
    return (*changed, *gone)


def _digests(node: Verbs, place: str) -> dict[str, str]:
    """Place -> SHA-256 of what the node has."""
    found = node.succeed(
        f"cd {shlex.quote(place)} && find {' '.join(HOUSES)} -name __pycache__ -prune -o -type f "
        "-print0 | xargs -0 -r sha256sum --zero"
    )
    lines = (line.split("  ", 1) for line in found.split("\0") if line)
    return {name: digest for digest, name in lines}


def _folders(names: Mapping[str, Path] | list[str]) -> set[str]:
    return {str(folder) for name in names for folder in PurePosixPath(name).parents} - {"."}
