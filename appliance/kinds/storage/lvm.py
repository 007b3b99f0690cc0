"""Pools: disks, checksum layer, one volume group, a RAID for each tier, cache, thin pool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from typing_extensions import override

from appliance.errors import InvalidInputError, RefusedError
from appliance.kinds.base import Change, Kind, Needs, Probe, View
from appliance.kinds.lvm_report import INTEGRITY_STATUS, parse_integrity_status, volume_groups
from appliance.kinds.pool_build import PoolBuild, wanted_tiers
from appliance.kinds.pool_disks import resolved_disks
from appliance.kinds.pool_found import pools_in
from appliance.kinds.pool_hot_spares import spare_notes, spare_steps
from appliance.kinds.pool_layout import MINIMUM_DISKS, fits
from appliance.kinds.pool_leaving import Departure
from appliance.kinds.pool_removal import removal_steps
from appliance.kinds.pool_replace import PoolReplace
from appliance.kinds.pool_replace_words import leaving_words, replacement_notes
from appliance.kinds.pool_steps import PoolSteps
from appliance.kinds.pool_words import capacity_notes, pool_findings
from appliance.model.pool import PoolFound, PoolSpec, RaidLevel, TierFound, TierName, TierSpec
from appliance.model.resource import Finding
from appliance.model.steps import Step
from appliance.model.volume import VolumeFound

CACHE_DISKS: Final = 2
"""A cache is a mirror: one SSD less must not take data along that is only in flight."""


class PoolKind(Kind[PoolSpec, PoolFound]):
    """A pool of one or two tiers on LVM."""

    noun = "pool"
    title = "disks made into one pool of protected, checked storage"
    rank = 10
    spec_type = PoolSpec
    found_type = PoolFound
    needs = Needs(
        packages=frozenset({"lvm2", "thin-provisioning-tools", "cryptsetup-bin", "dmsetup"}),
        modules=frozenset({"dm-integrity", "dm-raid", "dm-cache", "dm-thin-pool"}),
    )
    verbs: ClassVar[Mapping[str, str]] = {
        "scrub": "Read every block of every tier; what fails its checksum is written anew",
    }
    columns = ("capacity", "performance")

    @override
    def observe(self, probe: Probe) -> Mapping[str, PoolFound]:
        """Every volume group with our tag; device-mapper tells the checksum mismatches."""
        status = probe.run(INTEGRITY_STATUS).stdout
        return pools_in(volume_groups(probe), parse_integrity_status(status))

    @override
    def resolve(self, name: str, spec: PoolSpec, view: View) -> PoolSpec:
        """Bays and WWNs become serials; each disk is wanted once, each level has its disks."""
        if not any(wanted_tiers(spec)):
            raise _invalid(name, "has no tier", "Give it [pool.NAME.capacity] with disks and raid.")
        resolved = resolved_disks(name, spec, view)
        tiers = {tier: resolved.tier(tier) for tier in wanted_tiers(resolved)}
        for tier, wish in tiers.items():
            _check_level(name, tier, wish)
        _check_cache(name, tiers)
        return resolved

    @override
    def plan(self, change: Change[PoolSpec, PoolFound], view: View) -> Iterator[Step]:
        """Build, grow, re-cache, replace disks or remove."""
        if change.wanted is None:
            _refuse_strays(change.name, view)
            yield from removal_steps(change.name, change.found, view.snapshot)
            return
        if change.found is not None:
            _refuse_changes(change.name, change.found, change.wanted)
        replace = PoolReplace(_build(change, change.wanted, view))
        yield from replace.steps()
        yield from spare_steps(replace.departure)

    @override
    def act(
        self, verb: str, name: str, arguments: Mapping[str, object], view: View
    ) -> Iterator[Step]:
        """Scrub: what the checksum layer refuses to return, the RAID writes anew.

        `check` and not `repair`: where two copies differ and no checksum tells which is right,
        lvmraid(7) would pick one; such places are counted and told instead.
        """
        found = view.found(self.noun).get(name)
        if verb != "scrub" or not isinstance(found, PoolFound):
            yield from super().act(verb, name, arguments, view)
            return
        make = PoolSteps(name)
        for tier, state in found.tiers.items():
            if state.raid is not None and state.sync_action in ("", "idle"):
                yield make.run(f"Scrub tier {tier}", "lvchange", "--syncaction", "check",
                               f"{make.vg}/{state.raid_lv}")  # fmt: skip

    @override
    def confirmations(
        self, change: Change[PoolSpec, PoolFound], view: View
    ) -> tuple[tuple[str, str], ...]:
        """The pool's name and every member's serial."""
        if change.wanted is not None or change.found is None:
            return ()
        serials = sorted({item.serial for item in change.found.members if item.serial})
        whole = f"all data of pool '{change.name}' will be gone"
        return ((change.name, whole), *((item, f"a disk of {change.name}") for item in serials))

    @override
    def given_up(
        self, change: Change[PoolSpec, PoolFound], view: View
    ) -> tuple[tuple[str, str], ...]:
        """The serial of each disk that leaves: typed again, so that the right one is meant."""
        if change.wanted is None:
            return ()
        departure = Departure.of(_build(change, change.wanted, view))
        return tuple((item.name, leaving_words(item, change.name)) for item in departure.leaving)

    @override
    def notes(self, change: Change[PoolSpec, PoolFound], view: View) -> tuple[str, ...]:
        """Usable capacity and waste of what will be made."""
        if change.wanted is None:
            return ()
        build = _build(change, change.wanted, view)
        departure = Departure.of(build)
        replacing = bool(departure.leaving or departure.hollow)
        told = replacement_notes(departure) if replacing else capacity_notes(build)
        return (*told, *spare_notes(build))

    @override
    def health(self, name: str, found: PoolFound) -> tuple[Finding, ...]:
        """Missing members, degraded or unsynced tiers, wrong checksums, fill marks."""
        return tuple(pool_findings(name, found))

    @override
    def adopt(self, name: str, found: PoolFound) -> PoolSpec | None:
        """The wish a found pool answers to; None while it is half-built, names no serials, or has a
        name that LVM cannot tell it by."""
        if found.twin or found.untagged or any(not item.serial for item in found.members):
            return None
        tiers = {tier: _adopted(tier, state) for tier, state in found.tiers.items()}
        if not tiers or None in tiers.values():
            return None
        return PoolSpec.model_validate({**tiers, "spares": found.spares})


def _build(change: Change[PoolSpec, PoolFound], wanted: PoolSpec, view: View) -> PoolBuild:
    return PoolBuild(change.name, wanted, change.found, view.snapshot)


def _adopted(tier: TierName, state: TierFound) -> TierSpec | None:
    if state.raid is None or not state.thin_pool:
        return None
    integrity = any(item.integrity for item in state.members)
    return TierSpec(
        disks=tuple(sorted(item.serial for item in state.members)),
        raid=state.raid,
        integrity=None if integrity is (tier is TierName.CAPACITY) else integrity,
        cache=state.cache_size if state.cached else None,
    )


def _check_level(name: str, tier: TierName, wish: TierSpec) -> None:
    count = len(wish.disks)
    if count < MINIMUM_DISKS[wish.raid]:
        choices = [level for level in RaidLevel if fits(level, count)]
        others = f", or use {' or '.join(choices)}" if choices else ""
        raise _invalid(
            name,
            f"has {count} disks in tier {tier}; {wish.raid} needs at least "
            f"{MINIMUM_DISKS[wish.raid]}",
            f"Add disks{others}.",
        )
    if not fits(wish.raid, count):
        raise _invalid(name, f"has {count} disks in tier {tier}; {wish.raid} needs an even number",
                       "Add or take away one disk.")  # fmt: skip


def _check_cache(name: str, tiers: Mapping[TierName, TierSpec]) -> None:
    fast = tiers.get(TierName.PERFORMANCE)
    slow = tiers.get(TierName.CAPACITY)
    if fast is not None and fast.cache is not None:
        raise _invalid(name, "has a cache on its performance tier",
                       "Only the capacity tier has one: move the key there.")  # fmt: skip
    if (
        slow is not None
        and slow.cache is not None
        and (fast is None or len(fast.disks) < CACHE_DISKS)
    ):
        raise _invalid(
            name,
            "wants a cache but has no performance tier of two disks to mirror it on",
            "Add [pool.NAME.performance] with SSDs, or leave the cache out.",
        )


def _refuse_changes(name: str, found: PoolFound, spec: PoolSpec) -> None:
    for tier, state in found.tiers.items():
        wish = spec.tier(tier) if tier in set(wanted_tiers(spec)) else None
        if wish is None:
            gone = sorted(item.serial or item.pv_uuid for item in state.members)
            raise _refused(
                name,
                f"Tier {tier} of pool '{name}' cannot give up {', '.join(gone)}.",
                "Keep its disks in the spec; a pool does not shrink. To start anew, remove the "
                "pool (its data will be gone).",
            )
        if state.raid is not None and state.raid is not wish.raid:
            raise _refused(
                name,
                f"Tier {tier} of pool '{name}' is {state.raid}; it cannot become {wish.raid} "
                f"while a thin pool lies on it.",
                f'Keep raid = "{state.raid}", or make another pool and move the data.',
            )
        layered = any(item.integrity for item in state.members)
        if state.members and layered is not spec.has_integrity(tier):
            raise _refused(
                name,
                f"Tier {tier} of pool '{name}' was made {'with' if layered else 'without'} "
                f"checksums; that lies below its data and stays so.",
                f"Write integrity = {str(layered).lower()} in the spec.",
            )


def _refuse_strays(name: str, view: View) -> None:
    """Volumes nobody manages would vanish unseen with the pool."""
    strays = sorted(
        volume
        for volume, found in view.found("volume").items()
        if isinstance(found, VolumeFound)
        and found.pool == name
        and f"volume/{volume}" not in view.managed
    )
    if strays:
        raise _refused(
            name,
            f"Pool '{name}' holds volumes that are not managed here: {', '.join(strays)}.",
            f"Import them or delete them first: appliance volume import {strays[0]}",
        )


def _invalid(name: str, what: str, hint: str) -> InvalidInputError:
    return InvalidInputError(f"Pool '{name}' {what}.", hint=hint, subject=f"pool/{name}")


def _refused(name: str, message: str, hint: str) -> RefusedError:
    return RefusedError(message, hint=hint, subject=f"pool/{name}")


KIND = PoolKind()
