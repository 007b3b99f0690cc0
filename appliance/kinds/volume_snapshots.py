"""Snapshots of a volume: take, delete, roll back to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from appliance.errors import InvalidInputError, NotFoundError, RefusedError
from appliance.kinds.lvm_report import LogicalVolume, VolumeGroup, tag_value
from appliance.kinds.volume_steps import activate_step, remove_words, step, tag_words
from appliance.model.names import logical_volume, snapshot_volume, tag, volume_group
from appliance.model.steps import RunStep
from appliance.model.volume import SnapshotFound, VolumeFound

_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}")
"""With `snap_<volume>_` before it, it stays under LVM's 127 characters."""


def snapshots_in(group: VolumeGroup, volume: str) -> tuple[SnapshotFound, ...]:
    """The snapshots of a volume, oldest first."""
    found = [
        _snapshot_found(item)
        for item in group.logical_volumes.values()
        if tag_value(item.tags, "role") == "snapshot" and tag_value(item.tags, "volume") == volume
    ]
    return tuple(sorted(found, key=lambda shot: (shot.created_at, shot.name)))


def _snapshot_found(item: LogicalVolume) -> SnapshotFound:
    return SnapshotFound(
        name=tag_value(item.tags, "snapshot"),
        created_at=tag_value(item.tags, "created") or item.created_at,
        logical_volume=item.name,
        active=item.active,
        size=item.size,
    )


def take_snapshot(name: str, label: str, found: VolumeFound) -> Iterator[RunStep]:
    """Keep the volume as it is now. Raises InvalidInputError for a name that is wrong or taken."""
    if _NAME.fullmatch(label) is None:
        raise InvalidInputError(
            f"'{label}' is no name for a snapshot.",
            hint="Use up to 63 letters, digits, dots, hyphens and underscores.",
            subject=f"volume/{name}",
        )
    if any(shot.name == label for shot in found.snapshots):
        raise InvalidInputError(
            f"Volume '{name}' already has a snapshot '{label}'.",
            hint="Choose another name, or delete that one first.",
            subject=f"volume/{name}",
        )
    yield _take(name, label, found)


def delete_snapshot(name: str, label: str, found: VolumeFound) -> Iterator[RunStep]:
    """Delete a snapshot; clones made from it stay. Raises NotFoundError."""
    shot = snapshot_of(name, label, found)
    yield step(
        name, f"Delete snapshot '{label}'",
        "lvremove", "--yes", f"{volume_group(found.pool)}/{shot.logical_volume}",
        destroys=f"snapshot '{label}' of {shot.created_at}",
    )  # fmt: skip


def roll_back(name: str, label: str, found: VolumeFound) -> Iterator[RunStep]:
    """Merge the snapshot back, then take it again so that it is still there.

    A tag on the volume says that this is going on: after a power cut between the two the
    roll-back is taken up where it stood. Raises RefusedError while the volume is in use.
    """
    _refuse_in_use(name, found)
    vg, volume = volume_group(found.pool), logical_volume(name)
    begun, _, begun_at = found.rolling_back.partition("/")
    shot = next((item for item in found.snapshots if item.name == label), None)
    if shot is None and begun != label:
        shot = snapshot_of(name, label, found)
    created = shot.created_at if shot else begun_at
    mark = tag("rolling-back", f"{label}/{created}")
    if shot is not None and begun != label:
        yield step(name, "Write down that a roll-back begins",
                   "lvchange", "--addtag", mark, f"{vg}/{volume}",
                   undo=("lvchange", "--deltag", mark, f"{vg}/{volume}"))  # fmt: skip
    if shot is not None:
        yield from _merge(name, shot, found)
    yield activate_step(name, found.pool)
    yield _take(name, label, found, created)
    yield step(name, "Write down that the roll-back is through",
               "lvchange", "--deltag", mark, f"{vg}/{volume}")  # fmt: skip


def snapshot_of(name: str, label: str, found: VolumeFound) -> SnapshotFound:
    """The snapshot with that name. Raises NotFoundError naming those there are."""
    for shot in found.snapshots:
        if shot.name == label:
            return shot
    names = ", ".join(item.name for item in found.snapshots) or "none"
    raise NotFoundError(
        f"Volume '{name}' has no snapshot '{label}'.",
        hint=f"Snapshots of it: {names}.",
        subject=f"volume/{name}",
    )


def _take(name: str, label: str, found: VolumeFound, created: str = "") -> RunStep:
    vg, snapshot = volume_group(found.pool), snapshot_volume(name, label)
    more = {"created": created} if created else {}
    return step(
        name, f"Take snapshot '{label}'",
        "lvcreate", "--snapshot", "--permission", "r", "--name", snapshot,
        *tag_words(tier=found.tier, role="snapshot", volume=name, snapshot=label, **more),
        f"{vg}/{logical_volume(name)}",
        undo=remove_words(vg, snapshot, name),
    )  # fmt: skip


def _merge(name: str, shot: SnapshotFound, found: VolumeFound) -> Iterator[RunStep]:
    vg, volume = volume_group(found.pool), logical_volume(name)
    for device in (volume, *([shot.logical_volume] if shot.active else [])):
        yield step(name, f"Deactivate {device}; this fails while anything uses it",
                   "lvchange", "--activate", "n", f"{vg}/{device}",
                   undo=("lvchange", "--activate", "y", "--ignoreactivationskip",
                         f"{vg}/{device}"))  # fmt: skip
    yield step(
        name, f"Merge snapshot '{shot.name}' back",
        "lvconvert", "--merge", f"{vg}/{shot.logical_volume}",
        destroys=f"what was written to volume '{name}' after {shot.created_at}",
    )  # fmt: skip


def _refuse_in_use(name: str, found: VolumeFound) -> None:
    if found.in_use:
        raise RefusedError(
            f"Volume '{name}' is in use; its blocks cannot be exchanged under a mounted file "
            f"system, a LUN or a running VM.",
            hint="Remove or stop what uses it (share, LUN, VM), roll back, then bring it up again.",
            subject=f"volume/{name}",
        )
