"""What lies on a disk by LVM's names, how much of a RAID may be lost, what is only closed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.kinds.pool_closed import closed_disk, is_back, once_opened
from appliance.kinds.pool_parts import (
    goes_on,
    images_of,
    images_on,
    loose_on,
    spare_of,
    spare_on,
    spared_losses,
)
from appliance.model.disk import Disk, Medium, Signature, Transport
from appliance.model.pool import MemberFound, PoolFound, RaidLevel, TierFound, TierName
from appliance.model.snapshot import Host, NodeSnapshot

LAYER = (Signature(type="DM_integrity", node="sda"),)


def member(*volumes: str, **more: Any) -> MemberFound:
    return MemberFound(serial="S1", pv="", pv_uuid="u1", volumes=volumes, **more)


def pool(state: TierFound) -> PoolFound:
    return PoolFound(vg_uuid="vg", tiers={TierName.CAPACITY: state})


def test_images_and_what_no_raid_protects() -> None:
    found = member(
        "capacity_tdata_corig_rimage_2", "capacity_tdata_corig_rmeta_2", "capacity_tmeta_rimage_0",
        "lvol0_pmspare", "pvmove0", "pvmove0_mimage_1", "scratch",
    )  # fmt: skip
    assert images_on(found) == {
        "capacity_tdata_corig": frozenset({2}),
        "capacity_tmeta": frozenset({0}),
    }
    assert loose_on(found) == ("scratch",)


@pytest.mark.parametrize("name", ["lvol0_pmspare", "lvol12_pmspare"])
def test_the_spare_is_known_under_any_number(name: str) -> None:
    found = pool(TierFound()).model_copy(update={"logical_volumes": ("capacity", f"[{name}]")})
    assert spare_of(found) == spare_on(member("capacity_tmeta_rimage_0", name)) == name
    assert loose_on(member(name)) == ()


def test_a_volume_of_a_person_is_no_spare() -> None:
    found = pool(TierFound()).model_copy(update={"logical_volumes": ("lvol0",)})
    assert not spare_of(found)
    assert not spare_on(member("lvol0"))
    assert loose_on(member("lvol0")) == ("lvol0",)


def test_an_image_that_goes_on_on_another_disk() -> None:
    members = tuple(
        MemberFound(serial=f"S{n}", pv="", pv_uuid=f"u{n}", volumes=(f"capacity_rimage_{n % 2}",))
        for n in range(3)
    )
    found = pool(TierFound(members=members))
    assert images_of("capacity", found) == {0, 1}
    assert goes_on("capacity", frozenset({0}), found) == {"u0", "u2"}
    assert goes_on("capacity", frozenset({1}), found) == frozenset()


@pytest.mark.parametrize(
    ("raid", "images", "bears"),
    [
        (RaidLevel.RAID1, 3, 2),
        (RaidLevel.RAID5, 4, 1),
        (RaidLevel.RAID6, 6, 2),
        (RaidLevel.RAID10, 6, 3),
    ],
)
def test_what_a_raid_bears(raid: RaidLevel, images: int, bears: int) -> None:
    found = pool(TierFound(raid=raid, raid_lv="capacity_tdata", images=images))
    assert spared_losses("capacity_tdata", found) == bears
    assert spared_losses("capacity_tmeta", found) == 1, "metadata is a mirror of two"


@pytest.mark.parametrize(
    ("disk", "lost", "closed"),
    [
        ({}, {}, True),
        ({"missing": True}, {}, False),
        ({"holders": ("int-S1",)}, {}, False),
        ({"signatures": ()}, {}, False),
        ({"serial": "S2"}, {}, False),
        ({}, {"layer_open": True}, True),
        ({}, {"missing": False}, False),
        ({}, {"integrity": False}, False),
    ],
    ids=str,
)
def test_what_only_has_to_be_opened(
    disk: dict[str, Any], lost: dict[str, Any], closed: bool
) -> None:
    plain = Disk(serial="S1", transport=Transport.SAS, medium=Medium.HDD, node="sda", size=2**30,
                 signatures=LAYER)  # fmt: skip
    snapshot = NodeSnapshot(
        host=Host(hostname="n", profile="p"), taken_at=datetime(2026, 11, 24, tzinfo=UTC),
        disks=(plain.model_copy(update=disk),),
    )  # fmt: skip
    away = member("capacity_tdata_rimage_0", **{"missing": True, "integrity": True} | lost)
    found = pool(TierFound(members=(away,)))
    assert bool(closed_disk(away, snapshot)) is closed
    assert is_back(found, snapshot) is (closed and away.layer_open)
    (after,) = once_opened(found, snapshot).members
    if closed:
        assert (after.missing, after.pv, after.layer_open) == (False, "/dev/mapper/int-S1", True)
    else:
        assert after == away
