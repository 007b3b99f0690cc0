"""The single steps volumes are made of: one LVM command each, with its way back."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.kinds.pool_layout import EXTENT, extents_of
from appliance.kinds.pool_steps import PATIENCE_S
from appliance.model.base import format_size
from appliance.model.command import change
from appliance.model.names import logical_volume, selected, tag, volume_device, volume_group
from appliance.model.steps import RunStep
from appliance.model.volume import VolumeFound, VolumeSpec


def step(
    name: str, title: str, *argv: str, undo: tuple[str, ...] | None = None, destroys: str = ""
) -> RunStep:
    """A step on the volume of that name."""
    return RunStep(
        title=title,
        resource=f"volume/{name}",
        command=change(*argv, timeout_s=PATIENCE_S),
        undo=change(*undo, timeout_s=PATIENCE_S) if undo else None,
        destroys=destroys,
    )


def tag_words(**values: str) -> tuple[str, ...]:
    """lvcreate's words for our tags."""
    return tuple(word for key, value in values.items() for word in ("--addtag", tag(key, value)))


def remove_words(vg: str, volume: str, name: str) -> tuple[str, ...]:
    """Remove a logical volume of volume `name`'s that may already be gone."""
    return ("lvremove", "--yes", "--select", selected("lv", volume, tag("volume", name)), vg)


def whole_extents(size: int) -> int:
    """Bytes rounded up to what LVM can give."""
    return extents_of(size) * EXTENT


def create_step(name: str, wanted: VolumeSpec) -> RunStep:
    """A new thin volume; its blocks read as zeros, so there is no old signature to look for."""
    vg, volume, size = volume_group(wanted.pool), logical_volume(name), whole_extents(wanted.size)
    return step(
        name, f"Create the thin volume of {format_size(size)}",
        "lvcreate", "--wipesignatures", "n", "--type", "thin", "--virtualsize", f"{size}b",
        "--name", volume, *tag_words(tier=wanted.tier, role="volume", volume=name),
        "--thinpool", wanted.tier, vg,
        undo=remove_words(vg, volume, name),
    )  # fmt: skip


def clone_steps(name: str, wanted: VolumeSpec, origin: str, size: int) -> Iterator[RunStep]:
    """A volume that begins as the logical volume `origin` of `size` bytes and shares its blocks."""
    vg, volume = volume_group(wanted.pool), logical_volume(name)
    yield step(
        name, f"Clone {wanted.clone_of}",
        "lvcreate", "--snapshot", "--setactivationskip", "n", "--permission", "rw",
        "--name", volume, *tag_words(tier=wanted.tier, role="volume", volume=name),
        f"{vg}/{origin}",
        undo=remove_words(vg, volume, name),
    )  # fmt: skip
    if whole_extents(wanted.size) > size:
        yield grow_step(name, wanted)


def activate_step(name: str, pool: str) -> RunStep:
    """Activate it; -K because LVM remembers of a clone that it began as a snapshot."""
    return step(name, "Activate it", "lvchange", "--activate", "y", "--ignoreactivationskip",
                f"{volume_group(pool)}/{logical_volume(name)}")  # fmt: skip


def grow_step(name: str, wanted: VolumeSpec) -> RunStep:
    """Make it larger, in use or not; what lies on it grows by its own step."""
    size = whole_extents(wanted.size)
    return step(name, f"Grow it to {format_size(size)}", "lvextend", "--size", f"{size}b",
                volume_device(wanted.pool, name))  # fmt: skip


def remove_step(name: str, found: VolumeFound) -> RunStep:
    """Remove it and its snapshots; LVM refuses while it is in use."""
    vg = volume_group(found.pool)
    snapshots = [f"{vg}/{shot.logical_volume}" for shot in found.snapshots]
    return step(
        name, f"Remove the volume{' and its snapshots' if snapshots else ''}",
        "lvremove", "--yes", *snapshots, f"{vg}/{logical_volume(name)}",
        destroys=f"volume '{name}': {contents(found)}",
    )  # fmt: skip


def contents(found: VolumeFound) -> str:
    """What is in it, in words."""
    used = format_size(int(found.size * found.used_percent / 100))
    count = len(found.snapshots)
    shots = f", {count} snapshot{'s' if count > 1 else ''}" if count else ""
    return f"its {used} of data (size {format_size(found.size)}{shots})"
