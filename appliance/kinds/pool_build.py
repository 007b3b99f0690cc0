"""From whatever stands of a pool to the pool that is wanted, each layer asked for by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from appliance.errors import RefusedError
from appliance.kinds.pool_layout import (
    CHUNK_NEEDS,
    EXTENT,
    MIB,
    Placed,
    PoolLayout,
    TierWish,
    carve,
    chunk_behind,
    disk_extents,
    extents_of,
    metadata_extents,
    reserve,
    stripes,
)
from appliance.kinds.pool_parts import spare_of
from appliance.kinds.pool_steps import Part, PoolSteps, pv_device, tag_text
from appliance.model.base import format_size
from appliance.model.disk import Disk, Transport
from appliance.model.pool import MemberFound, PoolFound, PoolSpec, RaidLevel, TierFound, TierName
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import RunStep


def wanted_tiers(spec: PoolSpec) -> Iterator[TierName]:
    """The tiers of a wish; performance first, because the other's metadata lies on its disks."""
    if spec.performance is not None:
        yield TierName.PERFORMANCE
    if spec.capacity is not None:
        yield TierName.CAPACITY


@dataclass(frozen=True)
class Place:
    """A wanted disk: what is known of it and where in the pool it belongs."""

    serial: str
    tier: TierName
    integrity: bool
    disk: Disk | None
    """None when it is not in the node now."""
    member: MemberFound | None
    """None when it is not in the volume group yet."""
    tagged: bool

    @property
    def device(self) -> str:
        """Device of its physical volume; empty when the disk is away."""
        return pv_device(self.disk, integrity=self.integrity) if self.disk else ""

    @property
    def total(self) -> int:
        """Extents on it, known or reckoned from its size."""
        if self.member is not None:
            return self.member.size // EXTENT
        size = self.disk.size if self.disk and self.disk.size else 0
        return max(0, disk_extents(size, integrity=self.integrity))

    @property
    def free(self) -> int:
        """Extents nothing has taken yet."""
        return self.total if self.member is None else self.member.free // EXTENT


@dataclass(frozen=True)
class PoolBuild:
    """One pool's way from found to wanted."""

    name: str
    spec: PoolSpec
    found: PoolFound | None
    snapshot: NodeSnapshot

    @property
    def make(self) -> PoolSteps:
        """The steps' maker."""
        return PoolSteps(self.name)

    def tier_found(self, tier: TierName) -> TierFound:
        """The tier as it stands; an empty one when there is nothing of it."""
        return (self.found.tiers.get(tier) if self.found else None) or TierFound()

    def places(self) -> tuple[Place, ...]:
        """Every wanted disk, in the order of the wish."""
        return tuple(
            self._place(serial, tier) for tier in wanted_tiers(self.spec)
            for serial in self.spec.tier(tier).disks
        )  # fmt: skip

    def layout(self) -> PoolLayout:
        """Where everything still missing goes. Raises InvalidInputError when it does not fit."""
        places = self.places()
        free = {place.serial: place.free for place in places}
        for place in places:
            if place.member and place.member.holds_cache and self._old_cache():
                free[place.serial] += extents_of(self._old_cache()) + 1
        return carve(
            free,
            {place.serial: place.total for place in places},
            tuple(self._wish(tier) for tier in wanted_tiers(self.spec)),
            spare=not self._has_spare(),
            fastest=frozenset(
                place.serial
                for place in places
                if place.disk is not None and place.disk.transport is Transport.NVME
            ),
        )

    def steps(self) -> Iterator[RunStep]:
        """What is left to do, in order, once all that is there is open."""
        places = self.places()
        yield from self.prepare(tuple(item for item in places if item.member is None))
        yield from self._group(places)
        for place in places:
            if not place.tagged and place.disk is not None:
                yield self.make.tag_pv(place.disk, place.tier, integrity=place.integrity)
        yield from self._drop_old_cache()
        yield from self._volumes()
        for tier in wanted_tiers(self.spec):
            yield from self._grow(tier, [item for item in places if item.tier is tier])
        # Last, as LVM extends no thin pool's data below a cache.
        caps = self.tier_found(TierName.CAPACITY)
        grows = any(self._grows(item) for item in places if item.tier is TierName.CAPACITY)
        if caps.thin_pool and self.cache_wanted() and (grows or not self._attached()):
            yield self.make.attach_cache(TierName.CAPACITY)

    # --- the disks

    def _place(self, serial: str, tier: TierName) -> Place:
        disk = self.snapshot.disk(serial)
        if disk is not None and disk.missing:
            disk = None
        tagged, member = self._member(serial, disk)
        integrity = self.spec.has_integrity(tier) if member is None else member.integrity
        return Place(serial, tier, integrity, disk, member, tagged)

    def _member(self, serial: str, disk: Disk | None) -> tuple[bool, MemberFound | None]:
        if self.found is None:
            return False, None
        for tier in self.found.tiers.values():
            for member in tier.members:
                if member.serial == tag_text(serial):
                    return True, member
        for member in self.found.untagged:
            if is_on(member, serial, disk):
                return False, member
        return False, None

    def prepare(self, new: tuple[Place, ...]) -> Iterator[RunStep]:
        """Everything below the volume group on disks that are not in it yet."""
        unlabelled: dict[bool, list[Disk]] = {False: [], True: []}
        for place in new:
            disk = self._present(place)
            layers = self._usable_layers(disk, integrity=place.integrity)
            if disk.signatures and not layers:
                yield self.make.wipe(disk, f"what an earlier pool left on {disk.where}")
            if place.integrity and "DM_integrity" not in layers:
                yield self.make.format_integrity(disk)
            if place.integrity and not (layers and disk.holders):
                yield self.make.open_integrity(disk)
            if "LVM2_member" not in layers:
                unlabelled[place.integrity].append(disk)
        for integrity, disks in unlabelled.items():
            if disks:
                yield self.make.create_pvs(disks, integrity=integrity)

    def _usable_layers(self, disk: Disk, *, integrity: bool) -> frozenset[str]:
        """Half-built layers that an unfinished job of this very pool left: they are kept."""
        if self.snapshot.claims.get(disk.serial) != self.name:
            return frozenset()
        below = {item.type for item in disk.signatures if item.node in ("", disk.node)}
        if ("DM_integrity" in below) is not integrity:
            return frozenset()
        return frozenset(item.type for item in disk.signatures)

    def _group(self, places: tuple[Place, ...]) -> Iterator[RunStep]:
        new = [item for item in places if item.member is None]
        devices = tuple(item.device for item in new)
        claims = tuple(item.serial for item in new)
        if self.found is None:
            yield self.make.create_vg(devices, claims)
        elif new:
            self._refuse_if_degraded("take more disks into it")
            yield self.make.extend_vg(devices, claims)

    def _present(self, place: Place) -> Disk:
        if place.disk is None or place.disk.size is None:
            raise self._refused(
                f"Disk {place.serial}, which pool '{self.name}' wants, does not answer.",
                "Put it in, or name another disk: appliance disk list",
            )
        return place.disk

    def _refuse_if_degraded(self, purpose: str) -> None:
        away = [item for item in self.found.members if item.missing] if self.found else []
        if away:
            names = ", ".join(item.serial or item.pv_uuid for item in away)
            raise self._refused(
                f"Pool '{self.name}' misses {names}; LVM cannot {purpose} until it is complete.",
                "Put the disk back or have it replaced, then try again.",
            )

    # --- the logical volumes

    def _old_cache(self) -> int:
        """Bytes of a cache that is to go: no longer wanted, or of another size."""
        have = self.tier_found(TierName.CAPACITY).cache_size
        return 0 if have == self.cache_wanted() else have

    def cache_wanted(self) -> int:
        """Bytes of the wanted cache, whole extents; 0 for none."""
        cache = self.spec.capacity.cache if self.spec.capacity else None
        return extents_of(cache) * EXTENT if cache else 0

    def _attached(self) -> bool:
        """The cache is where it should be and as it should be."""
        return self.tier_found(TierName.CAPACITY).cached and not self._old_cache()

    def _has_spare(self) -> bool:
        return self.found is not None and bool(spare_of(self.found))

    def _wish(self, tier: TierName) -> TierWish:
        spec, found = self.spec.tier(tier), self.tier_found(tier)
        wanted = self.cache_wanted() if tier is TierName.CAPACITY else 0
        return TierWish(
            tier=tier,
            raid=spec.raid,
            disks=spec.disks,
            data=found.raid is None,
            metadata=not found.metadata_size,
            cache=wanted if found.cache_size != wanted else 0,
        )

    def _drop_old_cache(self) -> Iterator[RunStep]:
        if not self._old_cache():
            return
        tier = TierName.CAPACITY
        if self.tier_found(tier).cached:
            yield self._split(tier)
        yield self.make.run(f"Remove the old cache of tier {tier}",
                            *self.make.remove_words(f"{tier}_cache"))  # fmt: skip

    def _split(self, tier: TierName) -> RunStep:
        return self.make.run(
            f"Take the cache off tier {tier}",
            *self.make.split_words(tier),
            undo=self.make.attach_cache(tier).command.argv,
        )

    def _volumes(self) -> Iterator[RunStep]:
        wishes = tuple(self._wish(tier) for tier in wanted_tiers(self.spec))
        missing = any(wish.data or wish.metadata or wish.cache for wish in wishes)
        bare = [w.tier for w in wishes if not self.tier_found(w.tier).thin_pool]
        layout = self.layout() if missing or bare else None
        if layout is not None:
            self._refuse_if_degraded("make volumes in it")
            yield from self._create(layout)
        caps = self.tier_found(TierName.CAPACITY)
        if self.cache_wanted() and not caps.thin_pool and not self._attached():
            yield self.make.attach_cache(TierName.CAPACITY)
        # The larger metadata first: LVM makes the spare with the first pool, as large as that.
        for tier in sorted(bare, key=lambda tier: tier is TierName.PERFORMANCE):
            if layout is not None:
                yield self._thin_pool(tier, layout)

    def _create(self, layout: PoolLayout) -> Iterator[RunStep]:
        mirror = RaidLevel.RAID1
        for tier, parts in layout.tiers.items():
            if parts.metadata:
                yield self._lv(tier, Part.METADATA, mirror, parts.metadata)
        for tier, parts in layout.tiers.items():
            if parts.cache:
                yield self._lv(tier, Part.CACHE, mirror, parts.cache)
        for tier, parts in layout.tiers.items():
            if parts.data:
                yield self._lv(tier, Part.DATA, self.spec.tier(tier).raid, parts.data)

    def _lv(self, tier: TierName, part: Part, raid: RaidLevel, placed: Placed) -> RunStep:
        devices = self._devices(placed.disks)
        return self.make.create_lv(tier, part, raid, placed.extents, devices)

    def _thin_pool(self, tier: TierName, layout: PoolLayout) -> RunStep:
        data = layout.tiers[tier].data
        size = data.extents * EXTENT if data else self.tier_found(tier).data_size
        spare = (layout.spare_disk,) if layout.spare_disk else ()
        return self.make.make_thin_pool(tier, size, self._devices(spare))

    def _devices(self, serials: tuple[str, ...]) -> tuple[str, ...]:
        devices: Mapping[str, str] = {item.serial: item.device for item in self.places()}
        return tuple(devices[serial] for serial in serials)

    # --- growing

    def _grows(self, place: Place) -> bool:
        """A disk that a RAID which is there already has yet to go on on."""
        bare = place.member is None or not place.member.holds_data
        return bare and self.tier_found(place.tier).raid is not None

    def _grow(self, tier: TierName, places: list[Place]) -> Iterator[RunStep]:
        found = self.tier_found(tier)
        new = [item for item in places if self._grows(item)]
        if found.raid is None or not new:
            return
        self._refuse_if_degraded(f"grow tier {tier}")
        if len(new) % found.images:
            raise self._refused(
                f"Tier {tier} of pool '{self.name}' grows by {found.images} disks at a time, "
                f"not by {len(new)}.",
                f"LVM cannot reshape a RAID below a thin pool, but each of its {found.images} "
                f"images can go on on a disk of its own: add {found.images} disks, or as many "
                f"times that.",
            )
        image = min(item.free - reserve(item.total) for item in new) * (len(new) // found.images)
        if image < 1:
            raise self._refused(
                f"The new disks of tier {tier} in pool '{self.name}' have no room to grow onto.",
                "Give it larger disks.",
            )
        extents = image * stripes(found.raid, found.images)
        yield from self._grow_metadata(tier, found, extents)
        if tier is TierName.CAPACITY and self._attached():
            yield self._split(tier)
        yield self.make.run(
            f"Grow tier {tier} by {format_size(extents * EXTENT)} onto {len(new)} more disks",
            "lvextend", "--yes", "--extents", f"+{extents}", f"{self.make.vg}/{tier}",
            *(item.device for item in new),
        )  # fmt: skip

    def _grow_metadata(self, tier: TierName, found: TierFound, extents: int) -> Iterator[RunStep]:
        """More chunks need more metadata, on two fast disks with room."""
        data = found.data_size + extents * EXTENT
        chunk = chunk_behind(found.data_size, found.metadata_size)
        wanted = metadata_extents(data, chunk)
        more = wanted - found.metadata_size // EXTENT
        fast = self.spec.performance is not None
        home = TierName.PERFORMANCE if fast else tier
        roomy = [item for item in self.places() if item.tier is home and item.free > more]
        grows = found.thin_pool and more > 0 and len(roomy) > 1
        if found.thin_pool:
            size = wanted * EXTENT if grows else found.metadata_size
            self._refuse_beyond(tier, size, data, chunk)
        if grows:
            yield self.make.run(
                f"Grow the metadata of tier {tier} to {format_size(wanted * EXTENT)}",
                "lvextend", "--yes", "--poolmetadatasize", f"+{more * EXTENT // MIB}m",
                f"{self.make.vg}/{tier}", *(item.device for item in roomy),
            )  # fmt: skip

    def _refuse_beyond(self, tier: TierName, metadata: int, data: int, chunk: int) -> None:
        """A thin pool whose metadata is full takes no write any more, however empty its data is."""
        need = data // chunk * CHUNK_NEEDS
        if metadata < need:
            raise self._refused(
                f"Tier {tier} of pool '{self.name}' cannot grow to {format_size(data)}: it began "
                f"with chunks of {format_size(chunk)}, so its metadata would need "
                f"{format_size(need)}, and {format_size(metadata)} is what there is room for.",
                "Add fewer disks, give the performance tier larger ones, or make another pool.",
            )

    def _refused(self, message: str, hint: str) -> RefusedError:
        return RefusedError(message, hint=hint, subject=f"pool/{self.name}")


def is_on(member: MemberFound, serial: str, disk: Disk | None) -> bool:
    """Whether a physical volume without a serial tag lies on this disk."""
    if member.serial:
        return member.serial == tag_text(serial) or member.serial == "".join(
            letter for letter in serial if letter.isalnum()
        )
    if disk is None:
        return False
    return member.pv in {disk.device, *(f"/dev/{node}" for node in (disk.node, *disk.paths))}
