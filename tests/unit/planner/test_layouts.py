"""Layouts of real chassis: what each gives, what survives, and that the planner agrees."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from agents.node.profiles import profile_named
from appliance.kinds.pool_layout import TIB
from appliance.kinds.registry import all_kinds
from appliance.model.base import format_size
from appliance.model.disk import Disk, DiskRole, Medium, Quarantine, Signature, Transport
from appliance.model.link import LinkFound
from appliance.model.pool import RaidLevel
from appliance.model.profile import Bay
from appliance.model.setup import ChassisSeen, Layout
from appliance.model.snapshot import Host, NodeSnapshot
from appliance.model.verdict import Confidence, Grade, Part, Verdict
from appliance.planner.layouts import WIDEST, layouts, survives
from appliance.planner.plan import make_plan
from appliance.planner.proposal import by_bay, check, propose
from appliance.planner.site import parse_site

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
TB = 10**12
HDD, SSD = Medium.HDD, Medium.SSD


def disk(serial: str, size: int = 16 * TB, medium: Medium = HDD, **facts: object) -> Disk:
    given = {"transport": Transport.SAS, "node": serial.lower(), "wwn": "", **facts}
    return Disk.model_validate({"serial": serial, "size": size, "medium": medium, **given})


def hdds(count: int, size: int = 16 * TB, mark: str = "H") -> list[Disk]:
    return [disk(f"{mark}{number:03}", size, bay=str(number)) for number in range(count)]


def ssds(count: int, size: int = TB, mark: str = "S") -> list[Disk]:
    return [disk(f"{mark}{number:03}", size, SSD) for number in range(count)]


def filled(profile: str) -> Iterator[Disk]:
    """A disk in every bay of a chassis we know: flash where only NVMe fits."""
    for number, bay in enumerate(profile_named(profile).bays):
        flash = _flash(bay)
        yield disk(
            f"D{number:03}", TB if flash else 16 * TB, SSD if flash else HDD, bay=bay.label,
            transport=Transport.NVME if flash else Transport.SAS,
        )  # fmt: skip


def _flash(bay: Bay) -> bool:
    return Transport.SAS not in bay.accepts and Transport.SATA not in bay.accepts


def named(found: tuple[Layout, ...]) -> dict[str, Layout]:
    return {layout.name: layout for layout in found}


CHASSIS = [
    # profile, pools of the recommended layout, disks in each capacity tier, spares
    ("supermicro-e1cr12", 1, [11], 1),
    ("supermicro-e1cr24", 2, [11, 12], 1),
    ("storinator-q30", 2, [14, 14], 2),
    ("supermicro-e1cr36", 3, [11, 11, 12], 2),
    ("storinator-s45", 3, [14, 14, 14], 3),
    ("storinator-xl60", 4, [14, 14, 14, 14], 4),
]


@pytest.mark.parametrize(("profile", "pools", "widths", "spares"), CHASSIS)
def test_a_full_chassis(profile: str, pools: int, widths: list[int], spares: int) -> None:
    disks = list(filled(profile))
    best, *others = layouts(disks)
    assert best.recommended
    assert best.name == "raid6"
    assert not any(layout.recommended for layout in others)
    assert len(best.site["pool"]) == pools
    assert sorted(len(tier.disks) for tier in best.tiers) == widths
    assert max(widths) <= WIDEST
    assert (best.survives, len(best.spares)) == (2, spares)
    mirrored = named((best, *others))["raid10"]
    assert mirrored.usable < best.usable
    assert mirrored.usable * 2 <= mirrored.raw
    for layout in (best, *others):
        used = [serial for tier in layout.tiers for serial in tier.disks]
        assert sorted((*used, *layout.spares, *layout.unused)) == sorted(d.serial for d in disks)
        assert layout.usable < layout.raw


SHELVES = [
    (hdds(2), {"raid1": 1}),
    (hdds(3), {"raid5": 1, "raid1": 1}),
    (hdds(4), {"raid10": 1, "raid5": 1}),
    (hdds(5), {"raid6": 2, "raid10": 1, "raid5": 1}),
    (hdds(9), {"raid6": 2, "raid10": 1}),
    (ssds(2), {"raid1": 1}),
    ([*hdds(1), *ssds(4)], {"raid10": 1, "raid5": 1}),
    ([*hdds(1), *ssds(1)], {}),
    (hdds(1), {}),
    ([], {}),
    (hdds(6, 20 * 2**20), {}),
]


@pytest.mark.parametrize(("disks", "wanted"), SHELVES)
def test_what_is_offered_to_few_disks(disks: list[Disk], wanted: dict[str, int]) -> None:
    assert {layout.name: layout.survives for layout in layouts(disks)} == wanted


def test_flash_beside_hard_disks_is_a_tier_and_a_cache() -> None:
    best = layouts([*hdds(12), *ssds(3)])[0]
    (pool,) = best.site["pool"].values()
    assert pool["performance"] == {"disks": ["S000", "S001"], "raid": "raid1"}
    assert 0 < pool["capacity"]["cache"] <= TB // 4
    assert best.unused == ("S002",)
    assert len(best.spares) == 1
    assert best.survives == 1, "the mirror of two is the weakest part"


def test_flash_is_shared_out_in_pairs() -> None:
    best = layouts([*hdds(24), *ssds(6)])[0]
    pools = best.site["pool"]
    assert [len(pool["performance"]["disks"]) for pool in pools.values()] == [4, 2]
    few = layouts([*hdds(24), *ssds(2)])[0].site["pool"]
    assert ["performance" in pool for pool in few.values()] == [True, False]


def test_small_disks_stay_out_where_they_cost_more_than_they_give() -> None:
    best = layouts([*hdds(6), *hdds(4, 4 * TB, "X")])[0]
    assert {serial[0] for tier in best.tiers for serial in tier.disks} == {"H"}
    assert len(best.unused) == 4
    assert any("too small beside the others" in note for note in best.notes)
    near = layouts([*hdds(6), *hdds(3, 14 * TB, "X")])[0]
    assert len(near.tiers[0].disks) == 9


def test_what_is_promised_is_what_the_plan_gives() -> None:
    """The planner's own arithmetic, over the site that the layout stands for."""
    disks = (*hdds(12), *ssds(2))
    kinds = all_kinds()
    snapshot = NodeSnapshot(host=Host(hostname="n", profile="generic"), taken_at=NOW, disks=disks)
    for layout in layouts(disks):
        wish = parse_site(kinds, layout.site)
        plan = make_plan(kinds, snapshot, (), wish, plan_id="p", now=NOW)
        assert not plan.confirmations
        said = " ".join(plan.notes)
        for tier in layout.tiers:
            assert (
                f"Tier {tier.tier}: {len(tier.disks)} disks as {tier.raid} give "
                f"{format_size(tier.usable)} usable" in said
            )


def test_disks_are_taken_in_the_order_of_their_bays() -> None:
    shuffled = [disk(f"D{bay}", bay=bay) for bay in ("2-10", "10", "1", "", "2", "2-9")]
    places = [item.bay for item in sorted(shuffled, key=by_bay)]
    assert places == ["1", "2", "2-9", "2-10", "10", ""]


def test_how_many_may_be_lost() -> None:
    assert [survives(raid, 4) for raid in RaidLevel] == [3, 1, 2, 1]


def judged(word: Grade) -> Verdict:
    return Verdict(
        verdict=word, part=Part.DISK, confidence=Confidence.HIGH, next_step="Replace it.", evidence=(),
    )  # fmt: skip


def seen(*disks: Disk, **verdicts: Grade) -> NodeSnapshot:
    return NodeSnapshot(
        host=Host(hostname="n", profile="generic"),
        taken_at=NOW,
        disks=disks,
        verdicts={serial: judged(word) for serial, word in verdicts.items()},
    )


@pytest.mark.parametrize(
    ("facts", "verdict", "why"),
    [
        ({}, Grade.HEALTHY, ""),
        ({}, Grade.WATCH, ""),
        ({"role": DiskRole.QUARANTINED, "quarantine": Quarantine.NEW}, Grade.HEALTHY, ""),
        ({"role": DiskRole.BOOT}, Grade.HEALTHY, "starts from it"),
        ({"size": None}, Grade.UNKNOWN, "does not answer"),
        ({"missing": True}, Grade.UNKNOWN, "does not answer"),
        ({"role": DiskRole.PV, "pool": "old"}, Grade.HEALTHY, "in use (old)"),
        ({"mounted_at": ("/mnt",)}, Grade.HEALTHY, "mounted at /mnt"),
        ({"signatures": (Signature(type="xfs"),)}, Grade.HEALTHY, "holds xfs"),
        ({"holders": ("md0",)}, Grade.HEALTHY, "holds md0"),
        ({"transport": Transport.USB}, Grade.HEALTHY, "USB"),
        ({"quarantine": Quarantine.NOT_ERASED}, Grade.HEALTHY, "appliance disk erase A"),
        ({"quarantine": Quarantine.NOT_ADMITTED}, Grade.HEALTHY, "appliance disk admit A"),
        ({}, Grade.FAILING, "Its health is failing"),
    ],
)
def test_a_disk_is_checked(facts: dict[str, object], verdict: Grade, why: str) -> None:
    one = disk("A", wwn="0x5000c50012340000").model_copy(update=facts)
    checked = check(one, seen(one, A=verdict))
    assert checked.usable is (why == "")
    assert why in checked.why
    assert (checked.serial, checked.verdict) == ("A", verdict.value)
    assert bool(checked.doubts) is (verdict is Grade.WATCH)


def test_a_proposal_has_all_the_installer_asks_about() -> None:
    links = {
        "eno1": LinkFound(interface="eno1", mac="52:54:00:00:00:01", physical=True, state="up"),
        "lan": LinkFound(interface="lan", files={"/x": "y"}),
    }
    boot = disk("BOOT", TB, SSD, role=DiskRole.BOOT)
    snapshot = NodeSnapshot(
        host=Host(hostname="n", profile="generic"), taken_at=NOW, disks=(*hdds(5), boot),
        found={"link": links},
    )  # fmt: skip
    chassis = ChassisSeen(profile="generic", title="x", score=0, bays=0)
    snapshot = snapshot.model_copy(update={"verdicts": {"H000": judged(Grade.FAILING)}})
    proposal = propose(chassis, snapshot)
    assert [item.interface for item in proposal.cards] == ["eno1"]
    assert {item.serial for item in proposal.disks if not item.usable} == {"H000", "BOOT"}
    assert [item.name for item in proposal.layouts] == ["raid10", "raid5"]
    assert proposal.layouts[0].usable > 28 * TIB
