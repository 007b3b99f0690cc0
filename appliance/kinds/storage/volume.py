"""Volumes: thin logical volumes in a tier, with snapshots, roll-back and clones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from pydantic import ValidationError
from typing_extensions import override

from appliance.errors import InvalidInputError, NotFoundError
from appliance.kinds.base import Change, Kind, Needs, Probe, View
from appliance.kinds.lvm_report import (
    LogicalVolume,
    VolumeGroup,
    pool_names,
    tag_value,
    volume_groups,
)
from appliance.kinds.pool_words import HARD_STOP
from appliance.kinds.share_versions import hide_one, settle_versions, show_again
from appliance.kinds.signatures import observe_signatures
from appliance.kinds.volume_rules import (
    beside,
    check_marks,
    check_size,
    refuse_incomplete,
    refuse_mistaken,
    refuse_moves,
    tier_found,
)
from appliance.kinds.volume_snapshots import (
    delete_snapshot,
    roll_back,
    snapshot_of,
    snapshots_in,
    take_snapshot,
)
from appliance.kinds.volume_steps import (
    activate_step,
    clone_steps,
    contents,
    create_step,
    grow_step,
    remove_step,
    whole_extents,
)
from appliance.model.base import format_size
from appliance.model.names import logical_volume, volume_device
from appliance.model.pool import PoolFound, PoolSpec, TierName
from appliance.model.resource import Finding, Resource, Severity, Spec
from appliance.model.steps import Step
from appliance.model.volume import VolumeFound, VolumeSpec

FULL: Final = 100.0


class VolumeKind(Kind[VolumeSpec, VolumeFound]):
    """A thin volume."""

    noun = "volume"
    title = "room in a pool for a share, a LUN or a VM's disk"
    rank = 20
    spec_type = VolumeSpec
    found_type = VolumeFound
    needs = Needs(packages=frozenset({"lvm2", "thin-provisioning-tools"}))
    verbs: ClassVar[Mapping[str, str]] = {
        "snapshot": "Keep the volume as it is now: name=NAME",
        "rollback": "Put the volume back to a snapshot: name=NAME; what came after is gone",
        "delete-snapshot": "Delete a snapshot: name=NAME",
        "clone": "Make a new volume that begins as this one: name=NEW, of=SNAPSHOT; then import it",
    }
    columns = ("pool", "tier", "size", "used_percent", "device")

    @override
    def observe(self, probe: Probe) -> Mapping[str, VolumeFound]:
        """Every logical volume whose tags say that it is a volume of ours."""
        groups = volume_groups(probe)
        names = pool_names(groups)
        found: dict[str, VolumeFound] = {}
        for group in sorted(groups, key=lambda item: item.standing, reverse=True):
            pool = names.get(group.uuid, "")
            for item in group.logical_volumes.values() if pool else ():
                if _is_volume(item):
                    name = tag_value(item.tags, "volume")
                    found[name] = beside(_volume_found(pool, name, item, group), found.get(name))
        # A volume without a single block written holds nothing.
        written = {
            item.device: name for name, item in found.items() if item.active and item.used_percent
        }
        for device, type_ in observe_signatures(probe, written).items():
            if device in written:
                found[written[device]] = found[written[device]].model_copy(
                    update={"filesystem": type_}
                )
        return found

    @override
    def refers(self, name: str, spec: VolumeSpec) -> tuple[str, ...]:
        """Its pool."""
        return (f"pool/{spec.pool}",)

    @override
    def resolve(self, name: str, spec: VolumeSpec, view: View) -> VolumeSpec:
        """Check that the tier is there; a clone keeps the size it was given."""
        pool = view.specs("pool").get(spec.pool)
        found = view.found("pool").get(spec.pool)
        tiers = {tier for tier in TierName if isinstance(pool, PoolSpec) and _has(pool, tier)}
        tiers |= set(found.tiers) if isinstance(found, PoolFound) else set()
        if spec.tier not in tiers:
            raise InvalidInputError(
                f"Pool '{spec.pool}' has no tier '{spec.tier}', which volume '{name}' wants.",
                hint=f"Tiers of it: {', '.join(sorted(tiers)) or 'none'}.",
                subject=f"volume/{name}",
            )
        return spec

    @override
    def plan(self, change: Change[VolumeSpec, VolumeFound], view: View) -> Iterator[Step]:
        """Create, clone, grow, activate or remove."""
        name, found, wanted = change.name, change.found, change.wanted
        if wanted is None:
            if found is not None:
                refuse_mistaken(name, found, None)
                yield remove_step(name, found)
        elif found is None:
            refuse_incomplete(f"volume/{name}", wanted.pool, view)
            check_marks(f"volume/{name}", wanted.pool, wanted.tier, view)
            check_size(name, wanted, view)
            yield from (
                _clone(name, wanted, view) if wanted.clone_of else (create_step(name, wanted),)
            )
        else:
            refuse_mistaken(name, found, wanted)
            refuse_moves(name, found, wanted)
            if not found.active:
                yield activate_step(name, found.pool)
            if whole_extents(wanted.size) > found.size:
                refuse_incomplete(f"volume/{name}", wanted.pool, view)
                check_size(name, wanted, view)
                yield grow_step(name, wanted)

    @override
    def act(
        self, verb: str, name: str, arguments: Mapping[str, object], view: View
    ) -> Iterator[Step]:
        """Snapshot, roll back, delete a snapshot, clone."""
        found = view.found(self.noun).get(name)
        if verb not in self.verbs or not isinstance(found, VolumeFound):
            yield from super().act(verb, name, arguments, view)
            return
        refuse_mistaken(name, found, view.specs(self.noun).get(name))
        label = _argument(name, verb, arguments, "name")
        if verb != "delete-snapshot":
            refuse_incomplete(f"volume/{name}", found.pool, view)
        if verb in ("snapshot", "clone"):
            check_marks(f"volume/{name}", found.pool, found.tier, view)
        match verb:
            case "snapshot":
                yield from settle_versions(name, view)
                yield from take_snapshot(name, label, found)
                yield from show_again(name, view)
            case "rollback":
                yield from roll_back(name, label, found)
            case "delete-snapshot":
                yield from hide_one(name, snapshot_of(name, label, found), view)
                yield from delete_snapshot(name, label, found)
                yield from show_again(name, view)
            case _:
                yield from _clone(label, _clone_spec(name, label, arguments, found, view), view)

    @override
    def confirmations(
        self, change: Change[VolumeSpec, VolumeFound], view: View
    ) -> tuple[tuple[str, str], ...]:
        """The volume's name, told with how much is in it."""
        if change.wanted is not None or change.found is None:
            return ()
        return ((change.name, f"the volume and {contents(change.found)} will be gone"),)

    @override
    def notes(self, change: Change[VolumeSpec, VolumeFound], view: View) -> tuple[str, ...]:
        """When all volumes of a tier together promise more than it holds."""
        wanted = change.wanted
        tier = tier_found(wanted.pool, wanted.tier, view) if wanted else None
        if wanted is None or tier is None:
            return ()
        promised = sum(
            spec.size
            for spec in view.specs(self.noun).values()
            if isinstance(spec, VolumeSpec) and (spec.pool, spec.tier) == (wanted.pool, wanted.tier)
        )
        if promised <= tier.data_size:
            return ()
        warning = (
            f"The volumes in tier {wanted.tier} of pool '{wanted.pool}' promise "
            f"{format_size(promised)}, the tier holds {format_size(tier.data_size)}: watch how "
            f"full it gets, from {HARD_STOP} % on no new volume is made."
        )
        return (warning,)

    @override
    def health(self, name: str, found: VolumeFound) -> tuple[Finding, ...]:
        """Inactive, or in the middle of a roll-back."""
        findings = []
        if not found.active:
            findings.append(
                Finding(
                    severity=Severity.CRITICAL,
                    subject=f"volume/{name}",
                    what="The volume is not active.",
                    why="Its pool was not complete at the start, or someone deactivated it.",
                    next_step="Apply the spec again: appliance apply SPEC.toml",
                )
            )
        label = found.rolling_back.partition("/")[0]
        if label:
            findings.append(
                Finding(
                    severity=Severity.WARNING,
                    subject=f"volume/{name}",
                    what=f"A roll-back to snapshot '{label}' is not finished.",
                    next_step=f"Finish it: appliance volume rollback {name} name={label}",
                )
            )
        return tuple(findings)

    @override
    def adopt(self, name: str, found: VolumeFound) -> VolumeSpec | None:
        """A found volume is wanted as it is."""
        return VolumeSpec(pool=found.pool, size=found.size, tier=found.tier)


def _is_volume(item: LogicalVolume) -> bool:
    """Of a tier that is known: disks from a node with others must not hide what is here."""
    is_volume = tag_value(item.tags, "role") == "volume"
    return is_volume and tag_value(item.tags, "tier") in set(TierName)


def _volume_found(pool: str, name: str, item: LogicalVolume, group: VolumeGroup) -> VolumeFound:
    return VolumeFound(
        pool=pool,
        tier=TierName(tag_value(item.tags, "tier")),
        size=item.size,
        device=volume_device(pool, name),
        active=item.active,
        used_percent=_used(item),
        snapshots=snapshots_in(group, name),
        in_use=item.is_open,
        merging=item.merging,
        rolling_back=tag_value(item.tags, "rolling-back"),
    )


def _used(item: LogicalVolume) -> float:
    """All of it where LVM does not tell: what seems blank gets a file system or a guest's image."""
    if item.data_percent is None:
        return FULL if item.active else 0
    return item.data_percent


def _has(spec: PoolSpec, tier: TierName) -> bool:
    return (spec.capacity if tier is TierName.CAPACITY else spec.performance) is not None


# --- clones and arguments


def _clone(name: str, wanted: VolumeSpec, view: View) -> Iterator[Step]:
    source, _, label = wanted.clone_of.partition("@")
    found = view.found("volume").get(source)
    if not isinstance(found, VolumeFound):
        raise NotFoundError(
            f"Volume '{name}' is to be a clone of '{source}', which is not there yet.",
            hint=f"Make '{source}' first, then the clone.",
            subject=f"volume/{name}",
        )
    if (found.pool, found.tier) != (wanted.pool, wanted.tier) or found.size > wanted.size:
        raise InvalidInputError(
            f"Volume '{name}' cannot be a clone of '{source}': a clone shares the blocks of its "
            f"origin, so it stands in tier {found.tier} of pool '{found.pool}' and has at least "
            f"{format_size(found.size)}.",
            hint="Correct pool, tier or size.",
            subject=f"volume/{name}",
        )
    origin = snapshot_of(source, label, found).logical_volume if label else logical_volume(source)
    yield from clone_steps(name, wanted, origin, found.size)


def _clone_spec(
    name: str, label: str, arguments: Mapping[str, object], found: VolumeFound, view: View
) -> VolumeSpec:
    try:
        new = Resource(kind="volume", name=label, spec=Spec()).name
    except ValidationError as error:
        raise InvalidInputError(
            f"'{label}' is no name for a volume.",
            hint="Use 1 to 31 small letters, digits and inner hyphens, a letter first.",
            subject=f"volume/{name}",
        ) from error
    if new in view.found("volume") or new in view.specs("volume"):
        raise InvalidInputError(
            f"There already is a volume '{new}'.",
            hint="Choose another name for the clone.",
            subject=f"volume/{new}",
        )
    point = str(arguments.get("of", ""))
    source = f"{name}@{point}" if point else name
    return VolumeSpec(pool=found.pool, size=found.size, tier=found.tier, clone_of=source)


def _argument(name: str, verb: str, arguments: Mapping[str, object], key: str) -> str:
    value = arguments.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidInputError(
            f"'{verb}' of volume '{name}' needs {key}=TEXT.",
            hint=f"appliance volume {verb} {name} {key}=before-update",
            subject=f"volume/{name}",
        )
    return value


KIND = VolumeKind()
