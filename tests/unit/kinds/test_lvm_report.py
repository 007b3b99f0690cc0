"""LVM's words of a real node, read back."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.errors import RefusedError
from appliance.kinds.base import Change, View
from appliance.kinds.lvm_report import (
    FULL_REPORT,
    INTEGRITY_STATUS,
    parse_full_report,
    parse_integrity_status,
    tag_value,
)
from appliance.kinds.pool_parts import hollow_images
from appliance.kinds.storage.lvm import KIND as POOL
from appliance.kinds.storage.volume import KIND as VOLUME
from appliance.model.command import Effect
from appliance.model.pool import RaidLevel, TierName
from appliance.model.snapshot import Host, NodeSnapshot
from appliance.model.volume import VolumeSpec
from tests.unit.fakes import FakeProbe

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
RECORDED = Path(__file__).parents[2] / "recorded/storage.lvm"
REPORT = (RECORDED / "fullreport-clinic.json").read_text()
STATUS = (RECORDED / "dmsetup-integrity.txt").read_text()


def probe(report: str = REPORT, status: str = STATUS) -> FakeProbe:
    return FakeProbe(outputs={FULL_REPORT.line(): report, INTEGRITY_STATUS.line(): status})


def changed(**fields: object) -> str:
    """The recorded report with fields of its rows replaced: {"pv:/dev/sdg": {...}}."""
    report = json.loads(REPORT)
    for key, values in fields.items():
        section, _, name = key.partition(":")
        for row in report["report"][0][section]:
            if row[f"{section}_name"] == name:
                row.update(values)
    return json.dumps(report)


def test_both_commands_only_look():
    assert FULL_REPORT.effect is Effect.READ
    assert INTEGRITY_STATUS.effect is Effect.READ


def test_the_group_and_its_parts():
    (group,) = parse_full_report(REPORT)
    assert tag_value(group.tags, "pool") == "clinic"
    assert group.size == 10645143552
    assert len(group.physical_volumes) == 10
    assert group.logical_volumes["capacity_tdata_corig"].hidden
    assert group.logical_volumes["vol_images"].created_at == "2026-11-24T08:49:10Z"
    spare = [pv for pv in group.physical_volumes if "lvol0_pmspare" in pv.logical_volumes]
    assert [tag_value(pv.tags, "tier") for pv in spare] == ["performance"]


def test_what_nobody_knows_is_not_true():
    (group,) = parse_full_report(REPORT)
    assert not group.logical_volumes["lvol0_pmspare"].is_open


def test_times_are_told_in_utc():
    (group,) = parse_full_report(
        changed(**{"lv:vol_images": {"lv_time": "2026-11-24 09:49:10 +0100"}})
    )
    assert group.logical_volumes["vol_images"].created_at == "2026-11-24T08:49:10Z"


def test_a_volume_of_an_old_system_has_no_time():
    (group,) = parse_full_report(changed(**{"lv:vol_images": {"lv_time": ""}}))
    assert group.logical_volumes["vol_images"].created_at == ""


@pytest.mark.parametrize("text", ["", '{"report": []}', '{"report": [{"vg": [], "pv": []}]}'])
def test_a_node_without_groups(text: str):
    assert parse_full_report(text) == ()


def test_mismatches_by_device():
    found = parse_integrity_status(STATUS)
    assert found == {"int-ZSAS0000": 0, "int-ZSAS0001": 7368, "int-ZSAS0002": 0}


def test_no_integrity_device():
    assert parse_integrity_status("No devices found\n") == {}


def test_the_pool_of_a_real_node():
    pool = POOL.observe(probe())["clinic"]
    capacity, performance = pool.tiers[TierName.CAPACITY], pool.tiers[TierName.PERFORMANCE]
    assert (capacity.raid, capacity.images, capacity.raid_lv) == (
        RaidLevel.RAID6, 6, "capacity_tdata_corig",
    )  # fmt: skip
    assert capacity.cached
    assert capacity.thin_pool
    assert capacity.cache_size == 128 * 2**20
    assert [item.mismatches for item in capacity.members[:2]] == [0, 7368]
    assert all(item.integrity and item.holds_data for item in capacity.members)
    assert (performance.raid, performance.images) == (RaidLevel.RAID10, 4)
    assert {item.serial for item in performance.members if item.holds_cache} == {
        "ZNVME0000", "ZNVME0001",
    }  # fmt: skip
    assert not pool.untagged


def test_a_missing_member_keeps_its_serial_by_its_tag():
    report = changed(**{"pv:/dev/mapper/int-ZSAS0003": {"pv_missing": 1, "pv_name": "[unknown]"}})
    tier = POOL.observe(probe(report))["clinic"].tiers[TierName.CAPACITY]
    (lost,) = [item for item in tier.members if item.missing]
    assert (lost.serial, lost.pv, lost.integrity) == ("ZSAS0003", "", True)
    assert tier.degraded


def test_untagged_members_are_told_apart_from_tiers():
    report = changed(
        **{"pv:/dev/sdg": {"pv_tags": []}, "pv:/dev/mapper/int-ZSAS0000": {"pv_tags": []}}
    )
    pool = POOL.observe(probe(report))["clinic"]
    assert {item.serial for item in pool.untagged} == {"", "ZSAS0000"}
    assert all(item.holds_data for item in pool.untagged), "or the pool would grow by them again"
    assert POOL.adopt("clinic", pool) is None


def test_a_group_of_somebody_else_is_no_pool():
    report = REPORT.replace('"appliance.pool=clinic"', "")
    assert POOL.observe(probe(report)) == {}
    assert VOLUME.observe(probe(report)) == {}


@pytest.mark.parametrize("unknown", [None, ""])
def test_a_volume_lvm_cannot_tell_the_fill_of_is_not_blank(unknown: str | None):
    report = changed(**{"lv:vol_images": {"data_percent": unknown}})
    look = "blkid -c /dev/null -o export /dev/vg_clinic/vol_images"
    seeing = FakeProbe(
        outputs={
            FULL_REPORT.line(): report,
            INTEGRITY_STATUS.line(): STATUS,
            look: "DEVNAME=/dev/vg_clinic/vol_images\nTYPE=xfs\n",
        }
    )
    found = VOLUME.observe(seeing)["images"]
    assert (found.used_percent, found.filesystem) == (100, "xfs")
    assert seeing.ran[-1] == look


def brought_along(group: str) -> str:
    """The recorded report twice: once as another node's, all closed, of which two disks came."""
    report = json.loads(REPORT)
    other = copy.deepcopy(report["report"][0])
    other["vg"][0] |= {"vg_name": group, "vg_uuid": "StrAng-er"}
    for row in other["lv"]:
        row["lv_device_open"] = 0
    for row in other["pv"][2:]:
        row["pv_missing"] = 1
    report["report"].append(other)
    return json.dumps(report)


def test_a_pool_of_the_same_name_from_elsewhere_does_not_stand_for_our_own():
    own = POOL.observe(probe())["clinic"]
    pools = POOL.observe(probe(brought_along("vg_clinic")))
    assert set(pools) == {"clinic", "clinic-strang"}
    assert pools["clinic"] == own.model_copy(update={"twin": True})
    assert all(POOL.adopt(name, pool) is None for name, pool in pools.items())
    assert all("vgrename" in POOL.health(name, pool)[0].next_step for name, pool in pools.items())


def test_a_group_that_was_given_another_name_is_the_pool_of_that_name():
    pools = POOL.observe(probe(brought_along("vg_old")))
    assert set(pools) == {"clinic", "old"}
    assert not any(pool.twin for pool in pools.values())


@pytest.mark.parametrize("group", ["vg_clinic", "vg_old"])
def test_of_two_volumes_of_a_name_neither_is_removed_and_the_one_in_use_is_kept(group: str):
    found = VOLUME.observe(probe(brought_along(group)))["images"]
    assert (found.pool, len(found.elsewhere)) == ("clinic", 1)
    view = View(NodeSnapshot(host=Host(hostname="n", profile="p"), taken_at=NOW))
    with pytest.raises(RefusedError, match="not certain which is meant"):
        list(VOLUME.plan(Change("images", found, None), view))
    wanted = VolumeSpec(pool="old", size=found.size)
    with pytest.raises(RefusedError, match="not certain which is meant"):
        list(VOLUME.plan(Change("images", found, wanted), view))
    wanted = VolumeSpec(pool="clinic", size=found.size, tier=found.tier)
    assert list(VOLUME.plan(Change("images", found, wanted), view)) == []


def test_import_gives_the_wish_the_pool_answers_to():
    spec = POOL.adopt("clinic", POOL.observe(probe())["clinic"])
    assert spec is not None
    assert spec.capacity is not None
    assert spec.performance is not None
    assert spec.capacity.disks == tuple(f"ZSAS000{n}" for n in range(6))
    assert (spec.capacity.raid, spec.capacity.cache) == (RaidLevel.RAID6, 128 * 2**20)
    assert (spec.capacity.integrity, spec.performance.integrity) == (None, None)


def test_a_volume_of_a_tier_nobody_knows_hides_no_other():
    """Disks from a node with tiers of a later version."""
    tags = ["appliance.role=volume", "appliance.tier=glacier", "appliance.volume=database"]
    assert set(VOLUME.observe(probe(changed(**{"lv:vol_database": {"lv_tags": tags}})))) == {
        "images"
    }


def test_volumes_of_a_real_node():
    found = VOLUME.observe(probe())
    assert set(found) == {"database", "images"}
    assert found["database"].tier is TierName.PERFORMANCE
    assert found["images"].device == "/dev/vg_clinic/vol_images"
    spec = VOLUME.adopt("images", found["images"])
    assert spec is not None
    assert spec.size == found["images"].size


def test_an_image_that_was_let_go_degrades_and_waits_for_no_refresh():
    report = json.loads(
        changed(**{"lv:[capacity_tdata_corig]": {"lv_health_status": "refresh needed"}})
    )
    whole = POOL.observe(probe(json.dumps(report)))["clinic"].tiers[TierName.CAPACITY]
    assert (whole.degraded, whole.returned) == (False, True)
    (parts,) = report["report"]
    parts["pvseg"] = [
        row
        for row in parts["pvseg"]
        if "capacity_tdata_corig_r" not in row["lv_name"] or "_2" not in row["lv_name"]
    ]
    pool = POOL.observe(probe(json.dumps(report)))["clinic"]
    tier = pool.tiers[TierName.CAPACITY]
    assert (tier.degraded, tier.returned) == (True, False)
    assert hollow_images(pool) == {"capacity_tdata_corig": frozenset({2})}
    assert any(
        "without a disk that was given up" in item.what for item in POOL.health("clinic", pool)
    )
