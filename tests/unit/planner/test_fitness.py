"""Whether a disk is fit: each check on both of its sides."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.model.admission import Check, Outcome
from appliance.model.disk import DiskRole, Medium, Zoned
from appliance.model.pool import MemberFound, PoolFound, TierFound, TierName
from appliance.model.verdict import Grade, Part
from appliance.planner.fitness import doubts, examine, sector_words, shingled_models, unfit
from tests.unit.planner.quarantine import GIB, a_disk, a_node, a_verdict


def checks(disk_facts: dict[str, Any], *others: Any, **node: Any) -> dict[str, Check]:
    disk = a_disk(1, **disk_facts)
    found = examine(disk, a_node(disk, *others, **node))
    return {item.name: item for item in found}


def test_a_good_disk_is_fit() -> None:
    found = checks({}, verdicts={"S1": a_verdict(Grade.HEALTHY)})
    assert {item.outcome for item in found.values()} == {Outcome.OK}
    assert unfit(tuple(found.values())) is None
    assert list(doubts(tuple(found.values()))) == []
    assert found["sectors"].words == "Its sectors are 512n."


@pytest.mark.parametrize(
    ("facts", "name", "outcome", "words"),
    [
        ({"role": DiskRole.BOOT}, "identity", "refused", "boot disk"),
        ({"serial": "path-pci-1"}, "identity", "refused", "neither a serial nor a WWN"),
        ({"wwn": "0x5000c50000000002"}, "identity", "refused", "that of bay 2"),
        ({"wwn": ""}, "identity", "ok", "no WWN"),
        ({"size": None}, "size", "refused", "no capacity"),
        ({"zoned": Zoned.HOST_MANAGED}, "smr", "refused", "host-managed"),
        ({"zoned": Zoned.HOST_AWARE}, "smr", "warning", "host-aware"),
        ({"model": "WDC WD40EFAX-68JH4N1"}, "smr", "warning", "drive-managed"),
        ({"model": "ST8000DM004-2CX188"}, "smr", "warning", "BarraCuda"),
        ({"model": "WDC WD40EFRX-68N32N0"}, "smr", "ok", "Nothing tells"),
    ],
)
def test_one_check(facts: dict[str, Any], name: str, outcome: str, words: str) -> None:
    found = checks(facts, a_disk(2))[name]
    assert found.outcome == outcome
    assert words in found.words
    assert bool(found.next_step) == (outcome == "refused")


@pytest.mark.parametrize(
    ("grade", "part", "outcome", "words"),
    [
        (Grade.FAILING, Part.DISK, "refused", "failing: 9 sectors wait"),
        (Grade.PREFAIL, Part.DISK, "refused", "prefail"),
        (Grade.WATCH, Part.CABLE, "warning", "(the cable): 9 sectors wait"),
        (Grade.WATCH, Part.DISK, "warning", "watching: 9"),
        (Grade.UNKNOWN, Part.NONE, "warning", "cannot be told: 9 sectors wait"),
        (None, Part.NONE, "warning", "cannot be told."),
    ],
)
def test_the_verdict(grade: Grade | None, part: Part, outcome: str, words: str) -> None:
    verdicts = {"S1": a_verdict(grade, part)} if grade else {}
    found = checks({}, verdicts=verdicts)["smart"]
    assert (found.outcome, words in found.words) == (outcome, True)
    told = list(doubts((found,)))
    assert told == ([found.words] if outcome == "warning" else [])


@pytest.mark.parametrize(("size", "outcome"), [(GIB // 2, "warning"), (GIB, "ok")])
def test_the_size_is_held_against_pools_of_the_same_medium(size: int, outcome: str) -> None:
    """Too small for one pool only is no reason to say anything."""

    def pool(*serials: str) -> PoolFound:
        members = tuple(MemberFound(serial=item, pv="", pv_uuid=item) for item in serials)
        return PoolFound(vg_uuid="u", tiers={TierName.CAPACITY: TierFound(members=members)})

    others = (a_disk(2), a_disk(3), a_disk(4, medium=Medium.SSD, size=GIB // 4))
    found = {"pool": {"films": pool("S2", "S3", "S4")}}
    check = checks({"size": size}, *others, found=found)["size"]
    assert check.outcome == outcome
    assert ("'films' (1 GiB)" in check.words) == (outcome == "warning")
    found["pool"]["small"] = pool("S5")
    small = a_disk(5, size=GIB // 8)
    assert checks({"size": size}, *others, small, found=found)["size"].outcome == "ok"


def test_sectors_have_the_names_of_the_field() -> None:
    assert sector_words(a_disk(physical_block=4096)) == "512e"
    assert sector_words(a_disk(logical_block=4096, physical_block=4096)) == "4Kn"
    assert sector_words(a_disk(logical_block=520)) == "520 bytes (512 physical)"


def test_every_shingled_model_has_its_makers_word() -> None:
    assert all(item.source and item.compiled for item in shingled_models())
