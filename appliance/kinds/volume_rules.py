"""What is refused of a volume, and why: it would lose data, or LVM could not do it."""

from __future__ import annotations

from typing import Final

from appliance.errors import RefusedError
from appliance.kinds.base import View
from appliance.kinds.pool_closed import closed_disk
from appliance.kinds.pool_disks import disks_of
from appliance.kinds.pool_steps import tag_text
from appliance.kinds.pool_words import HARD_STOP
from appliance.kinds.volume_steps import whole_extents
from appliance.model.base import format_size
from appliance.model.pool import MemberFound, PoolFound, PoolSpec, TierFound, TierName
from appliance.model.resource import Spec
from appliance.model.volume import VolumeFound, VolumeSpec

OVERCOMMIT: Final = 10
"""A single volume may promise so many times what its tier holds; more is taken for a typo."""


def tier_found(pool: str, tier: TierName, view: View) -> TierFound | None:
    """A tier as it stands; None when there is nothing of it."""
    found = view.found("pool").get(pool)
    return found.tiers.get(tier) if isinstance(found, PoolFound) else None


def check_size(name: str, wanted: VolumeSpec, view: View) -> None:
    """Raises RefusedError for a volume that is many times what its tier holds."""
    tier = tier_found(wanted.pool, wanted.tier, view)
    if tier is not None and tier.data_size and wanted.size > OVERCOMMIT * tier.data_size:
        raise RefusedError(
            f"Volume '{name}' of {format_size(wanted.size)} is more than {OVERCOMMIT} times what "
            f"tier {wanted.tier} of pool '{wanted.pool}' holds "
            f"({format_size(tier.data_size)}).",
            hint=f"Ask for at most {format_size(OVERCOMMIT * tier.data_size)}, or add disks first.",
            subject=f"volume/{name}",
        )


def check_marks(subject: str, pool: str, tier: TierName, view: View) -> None:
    """Raises RefusedError where a tier is too full for anything new."""
    found = tier_found(pool, tier, view)
    if found is None:
        return
    for what, percent in (("data", found.data_percent), ("metadata", found.metadata_percent)):
        if percent >= HARD_STOP:
            raise RefusedError(
                f"The {what} of tier {tier} of pool '{pool}' is {percent:.0f} % full; from "
                f"{HARD_STOP} % on no new volume, snapshot or clone is made.",
                hint="Delete snapshots or volumes, or add disks to the tier.",
                subject=subject,
            )


def beside(new: VolumeFound, known: VolumeFound | None) -> VolumeFound:
    """One of two volumes of a name, the one in use if one is, and where the other lies."""
    if known is None:
        return new
    kept, other = (new, known) if new.in_use and not known.in_use else (known, new)
    return kept.model_copy(update={"elsewhere": (*known.elsewhere, other.pool)})


def refuse_mistaken(name: str, found: VolumeFound, wanted: Spec | None) -> None:
    """Raises RefusedError where two pools have a volume of the name and the wish does not say that
    the one found is meant."""
    meant = isinstance(wanted, VolumeSpec) and wanted.pool == found.pool
    if found.elsewhere and not meant:
        others = ", ".join(f"'{pool}'" for pool in found.elsewhere)
        raise RefusedError(
            f"There is a volume '{name}' in pool '{found.pool}' and one in pool {others}; "
            f"nothing is done to either, as it is not certain which is meant.",
            hint="Take out the disks that came from another node: appliance disk list",
            subject=f"volume/{name}",
        )


def refuse_moves(name: str, found: VolumeFound, wanted: VolumeSpec) -> None:
    """Raises RefusedError for another tier or a smaller size."""
    if (found.pool, found.tier) != (wanted.pool, wanted.tier):
        raise RefusedError(
            f"Volume '{name}' lies in tier {found.tier} of pool '{found.pool}'; moving it to tier "
            f"{wanted.tier} of pool '{wanted.pool}' is not done by changing the spec.",
            hint="Make a new volume there and copy the data, then remove this one.",
            subject=f"volume/{name}",
        )
    if whole_extents(wanted.size) < found.size:
        raise RefusedError(
            f"Volume '{name}' has {format_size(found.size)}; making it "
            f"{format_size(wanted.size)} would cut off what lies at its end.",
            hint=f'Keep size = "{format_size(found.size)}" or more. A thin volume takes only what '
            f"is written to it.",
            subject=f"volume/{name}",
        )


def refuse_incomplete(subject: str, pool: str, view: View) -> None:
    """LVM makes and grows nothing in a group that misses a disk; its own advice there loses data.

    A disk that the plan itself replaces or takes in again is not missed by then; one that another
    job replaces is, until that job has come so far.
    """
    found, spec = view.found("pool").get(pool), view.specs("pool").get(pool)
    if not isinstance(found, PoolFound) or not isinstance(spec, PoolSpec):
        return
    kept = {tag_text(serial) for serial in disks_of(spec)}

    waits = f"pool/{pool}" in view.aside

    def stays_away(member: MemberFound) -> bool:
        if waits:
            return member.missing
        back = member.flagged or closed_disk(member, view.snapshot) is not None
        return member.missing and member.serial in kept and not back

    lost = ", ".join(member.serial for member in found.members if stays_away(member))
    if lost:
        raise RefusedError(
            f"Pool '{pool}' misses {lost}; until it is complete no volume or snapshot is made in "
            f"it, grown or rolled back. What is in it is served all the while.",
            hint="It is being replaced; wait for the end of that job: appliance job list"
            if waits
            else "Put the disk back, or have it replaced: appliance disk replace BAY",
            subject=subject,
        )
