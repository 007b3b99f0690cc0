"""Where a pool's volumes go: minimum disks, room, waste, sizes."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import InvalidInputError
from appliance.kinds.pool_layout import (
    EXTENT,
    GIB,
    MIB,
    MINIMUM_DISKS,
    TIB,
    PoolLayout,
    TierWish,
    carve,
    chunk_behind,
    chunk_size,
    disk_extents,
    extents_of,
    fits,
    integrity_payload,
    metadata_extents,
    reserve,
    stripes,
)
from appliance.model.pool import RaidLevel, TierName

MEASURED = {GIB: 2079024 * 512, 100 * GIB: 209379784 * 512, 2 * TIB: 4290646248 * 512}
"""Disk size -> provided data of `integritysetup dump`, kernel 7.3, cryptsetup 2.7."""


@pytest.mark.parametrize(("size", "provided"), MEASURED.items())
def test_integrity_payload_is_a_little_less_than_what_the_kernel_gives(size: int, provided: int):
    assert 0 <= provided - integrity_payload(size) <= 4 * MIB


@pytest.mark.parametrize(
    ("raid", "disks", "room"),
    [(RaidLevel.RAID1, 3, 1), (RaidLevel.RAID5, 4, 3), (RaidLevel.RAID6, 6, 4),
     (RaidLevel.RAID10, 6, 3)],
)  # fmt: skip
def test_stripes(raid: RaidLevel, disks: int, room: int):
    assert stripes(raid, disks) == room


def test_what_lvm_makes():
    assert [n for n in range(1, 8) if fits(RaidLevel.RAID10, n)] == [4, 6]
    assert not fits(RaidLevel.RAID6, 4)
    assert fits(RaidLevel.RAID6, 5)


def test_metadata_grows_with_the_data_up_to_the_formats_end():
    assert metadata_extents(GIB) * EXTENT == 32 * MIB
    assert metadata_extents(4 * TIB) * EXTENT == 4 * GIB
    assert metadata_extents(4000 * TIB) * EXTENT == 63 * GIB // 4
    sizes = [metadata_extents(n * TIB) for n in (1, 2, 4)]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("begun", [GIB, 3 * TIB, 30 * TIB, 90 * TIB])
def test_a_pool_that_grows_keeps_its_chunk_and_room_for_each(begun: int):
    chunk = chunk_behind(begun, metadata_extents(begun) * EXTENT)
    assert chunk == chunk_size(begun)
    for grown in (2 * begun, 10 * begun):
        need = min(grown // chunk * 64, 63 * GIB // 4)
        assert metadata_extents(grown, chunk) * EXTENT >= need


@pytest.mark.parametrize(
    ("data", "chunk"), [(GIB, 128), (4 * TIB, 128), (8 * TIB, 256), (500 * TIB, 4096)]
)
def test_chunk_size(data: int, chunk: int):
    assert chunk_size(data) == chunk * 1024


def wish(tier: TierName, raid: RaidLevel, *disks: str, cache: int = 0) -> TierWish:
    return TierWish(tier, raid, disks, data=True, metadata=True, cache=cache)


def test_cache_goes_to_the_fastest_and_everything_else_beside_it():
    total = dict.fromkeys(("h1", "h2", "s1", "s2", "n1", "n2"), 250)
    wishes = (
        wish(TierName.PERFORMANCE, RaidLevel.RAID10, "s1", "s2", "n1", "n2"),
        wish(TierName.CAPACITY, RaidLevel.RAID1, "h1", "h2", cache=64 * MIB),
    )
    layout = carve(total, total, wishes, spare=True, fastest=frozenset({"n1", "n2"}))
    capacity = layout.tiers[TierName.CAPACITY]
    assert capacity.cache is not None
    assert capacity.metadata is not None
    assert capacity.data is not None
    assert set(capacity.cache.disks) == {"n1", "n2"}
    assert set(capacity.metadata.disks) <= {"s1", "s2", "n1", "n2"}
    assert layout.spare_disk in {"s1", "s2", "n1", "n2"}
    assert capacity.data.extents == 250 - reserve(250) - 1


def test_without_fast_disks_metadata_and_spare_lie_on_the_tier_itself():
    total = {"a": 250, "b": 250, "c": 300}
    layout = carve(total, total, (wish(TierName.CAPACITY, RaidLevel.RAID5, *total),), spare=True)
    metadata = layout.tiers[TierName.CAPACITY].metadata
    assert metadata is not None
    assert "c" in metadata.disks
    assert layout.spare_disk in total


def test_the_smallest_disk_sets_the_size_and_the_rest_is_told():
    total = {"a": 250, "b": 250, "c": 1000}
    layout = carve(total, total, (wish(TierName.CAPACITY, RaidLevel.RAID5, *total),), spare=True)
    assert layout.left["c"] > 700
    assert layout.left["a"] < 20


def test_a_cache_that_does_not_fit_is_told():
    total = {"a": 250, "b": 250, "s1": 50, "s2": 50}
    wishes = (
        wish(TierName.PERFORMANCE, RaidLevel.RAID1, "s1", "s2"),
        wish(TierName.CAPACITY, RaidLevel.RAID1, "a", "b", cache=GIB),
    )
    with pytest.raises(InvalidInputError, match="no room for the cache"):
        carve(total, total, wishes, spare=True)


def test_data_that_does_not_fit_is_told():
    total = {"a": 12, "b": 12}
    with pytest.raises(InvalidInputError, match="no room for the data"):
        carve(total, total, (wish(TierName.CAPACITY, RaidLevel.RAID1, "a", "b"),), spare=True)


LEVELS = [
    (raid, n)
    for raid, n in product(RaidLevel, range(2, 9))
    if n >= MINIMUM_DISKS[raid] and fits(raid, n)
]


@given(
    level=st.sampled_from(LEVELS),
    sizes=st.lists(st.integers(GIB, 4 * TIB), min_size=8, max_size=8),
    fast=st.lists(st.integers(GIB, TIB), min_size=2, max_size=2),
    integrity=st.booleans(),
)
def test_nothing_is_ever_placed_twice(level, sizes, fast, integrity):
    raid, count = level
    total = {f"h{n}": disk_extents(sizes[n], integrity=integrity) for n in range(count)}
    total |= {f"s{n}": disk_extents(size, integrity=False) for n, size in enumerate(fast)}
    wishes = (
        wish(TierName.PERFORMANCE, RaidLevel.RAID1, "s0", "s1"),
        wish(TierName.CAPACITY, raid, *(f"h{n}" for n in range(count)), cache=64 * MIB),
    )
    try:
        layout = carve(total, total, wishes, spare=True)
    except InvalidInputError:
        assert min(fast) // EXTENT < 2 * metadata_extents(sum(sizes)) + extents_of(64 * MIB) + 600
        return
    for disk, extents in taken(layout, wishes).items():
        assert extents + reserve(total[disk]) <= total[disk]


def taken(layout: PoolLayout, wishes: tuple[TierWish, ...]) -> Counter[str]:
    used: Counter[str] = Counter()
    for tier in layout.tiers.values():
        for part in (tier.metadata, tier.cache):
            if part is not None:
                for disk in part.disks:
                    used[disk] += part.extents + 1
    for one in wishes:
        data = layout.tiers[one.tier].data
        assert data is not None
        for disk in one.disks:
            used[disk] += data.extents // stripes(one.raid, len(one.disks)) + 1
    return used
