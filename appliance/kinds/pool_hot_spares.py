"""A pool's hot spares: blank disks outside the volume group, named by tags of the group. Pure.

A tag and not a physical volume: LVM would give a spare in the group to whatever grows, and a blank
disk serves a tier with checksums as well as one without. The tag moves with the pool's disks.
"""

from __future__ import annotations

from collections.abc import Iterator

from appliance.kinds.pool_build import PoolBuild, wanted_tiers
from appliance.kinds.pool_layout import EXTENT, disk_extents
from appliance.kinds.pool_leaving import Departure
from appliance.kinds.pool_steps import tag_text
from appliance.model.base import format_size
from appliance.model.disk import Disk
from appliance.model.names import tag
from appliance.model.steps import RunStep


def spare_steps(departure: Departure) -> Iterator[RunStep]:
    """Write down who is a spare from now on and who no longer.

    LVM changes no tag of a group that misses a member, so that waits until it is whole.
    """
    build = departure.build
    if not departure.complete:
        return
    make, found = build.make, frozenset(build.found.spares if build.found else ())
    wanted = {tag_text(serial): serial for serial in build.spec.spares}
    for text, serial in wanted.items():
        if text not in found:
            disk = build.snapshot.disk(serial)
            yield make.run(
                f"Keep {disk.where if disk else serial} as a spare",
                "vgchange", "--addtag", tag("spare", text), make.vg,
                undo=("vgchange", "--deltag", tag("spare", text), make.vg),
            )  # fmt: skip
    for text in sorted(found - wanted.keys()):
        yield make.run(
            f"Serial {text} is no spare any more",
            "vgchange", "--deltag", tag("spare", text), make.vg,
            undo=("vgchange", "--addtag", tag("spare", text), make.vg),
        )  # fmt: skip


def spare_notes(build: PoolBuild) -> Iterator[str]:
    """For which tiers a spare would be no help."""
    spares = [disk for serial in build.spec.spares if (disk := build.snapshot.disk(serial))]
    for tier in wanted_tiers(build.spec) if spares else ():
        integrity = build.spec.has_integrity(tier)
        members = [place for place in build.places() if place.tier is tier]
        media = {place.disk.medium for place in members if place.disk}
        needed = max((place.total for place in members), default=0)
        like = [disk for disk in spares if disk.medium in media]
        if not like:
            yield f"No spare is of the kind of tier {tier}'s disks, so none takes over there."
        elif max(_extents(disk, integrity=integrity) for disk in like) < needed:
            yield (
                f"Warning: no spare is as large as the largest disk of tier {tier} "
                f"({format_size(needed * EXTENT)})."
            )


def _extents(disk: Disk, *, integrity: bool) -> int:
    return disk_extents(disk.size or 0, integrity=integrity)
