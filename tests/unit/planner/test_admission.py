"""Admitting disks: by an act, by the plan that takes them; refused with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import ApplianceError, InvalidInputError, RefusedError
from appliance.kinds.registry import all_kinds
from appliance.model.admission import Standing
from appliance.model.disk import Disk, DiskRole, Quarantine, Signature
from appliance.model.plan import Plan
from appliance.model.resource import ActionRequest
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import BookStep, SurfaceAct, SurfaceStep
from appliance.model.verdict import Grade
from appliance.planner.plan import make_plan
from appliance.planner.site import parse_site
from tests.unit.fakehost import NOW
from tests.unit.planner.quarantine import LEFT, NEW, a_disk, a_node, a_verdict

KINDS = all_kinds()


def admit(disk: Disk, depth: str | None = None, **node: Any) -> Plan:
    arguments = {"depth": depth} if depth else {}
    act = ActionRequest(resource=f"disk/{disk.serial}", verb="admit", arguments=arguments)
    return make_plan(KINDS, a_node(disk, **node), (), (), act, plan_id="p1", now=NOW)


def mirror(node: NodeSnapshot, **tier: Any) -> Plan:
    wish = {"disks": [disk.serial for disk in node.disks], "raid": "raid1"} | tier
    after = parse_site(KINDS, {"pool": {"films": {"capacity": wish}}})
    return make_plan(KINDS, node, (), after, plan_id="p1", now=NOW)


def test_a_new_disk_is_sampled_and_admitted() -> None:
    made = admit(a_disk(**NEW))
    read, book = made.steps
    assert isinstance(read, SurfaceStep)
    assert (read.act, read.claims, read.destroys) == (SurfaceAct.SAMPLE, (), "")
    assert isinstance(book, BookStep)
    (entry,) = book.entries
    assert (entry.standing, entry.depth) == (Standing.ADMITTED, "sample")
    assert [check.name for check in entry.checks] == [
        "identity", "size", "smart", "smr", "sectors", "surface",
    ]  # fmt: skip
    assert made.confirmations == ()
    assert any("cannot be told" in line for line in made.warnings)


def test_the_depth_says_how_it_is_tried() -> None:
    assert [step.type for step in admit(a_disk(**NEW), "identity").steps] == ["book"]
    full = admit(a_disk(**NEW), "full").steps[0]
    assert isinstance(full, SurfaceStep)
    assert full.act is SurfaceAct.READ
    pattern = admit(a_disk(**NEW), "pattern")
    assert pattern.steps[0].destroys
    assert [item.token for item in pattern.confirmations] == ["S1"], "only with the serial typed"
    assert [item.serial for item in pattern.claims] == ["S1"]


@pytest.mark.parametrize(
    ("facts", "words", "hint"),
    [
        ({"missing": True}, "does not answer", "Put it back"),
        (LEFT, "was pool films and was not erased", "appliance disk erase S1"),
        ({**LEFT, "was": ""}, "was in use", "appliance disk erase S1"),
        (
            {"role": DiskRole.FOREIGN, "signatures": (Signature(type="xfs"),)},
            "is foreign and holds xfs",
            "appliance disk erase S1",
        ),
        ({"role": DiskRole.PV, "pool": "films"}, "is in pool 'films'", "no admission"),
        ({**NEW, "size": None}, "is not fit for a pool. It tells no capacity", "another disk"),
    ],
)
def test_what_cannot_be_admitted(facts: dict[str, Any], words: str, hint: str) -> None:
    with pytest.raises(RefusedError) as raised:
        admit(a_disk(**facts))
    assert words in raised.value.message
    assert hint in raised.value.hint


@pytest.mark.parametrize("arguments", [{"depth": "deep"}, {"speed": "9"}])
def test_what_is_no_depth(arguments: dict[str, Any]) -> None:
    act = ActionRequest(resource="disk/S1", verb="admit", arguments=arguments)
    with pytest.raises(InvalidInputError, match="not admitted by") as raised:
        make_plan(KINDS, a_node(a_disk(**NEW)), (), (), act, plan_id="p1", now=NOW)
    assert "identity, sample, full, pattern" in raised.value.hint


def test_new_disks_are_admitted_by_the_plan_that_takes_them() -> None:
    made = mirror(a_node(a_disk(2, **NEW), a_disk(1, **NEW)))
    book = made.steps[0]
    assert isinstance(book, BookStep)
    assert book.title == "Admit the disks in bays 1, 2"
    assert {entry.serial: entry.depth for entry in book.entries} == {
        "S1": "identity",
        "S2": "identity",
    }
    assert [step.type for step in made.steps].count("book") == 1
    told = [line for line in made.warnings if "cannot be told" in line]
    assert told == ["The disks in bays 1, 2: Its health cannot be told."]
    assert made.confirmations == ()


def test_free_disks_need_no_admission_and_are_judged_all_the_same() -> None:
    disks = (a_disk(1), a_disk(2))
    assert not any(step.type == "book" for step in mirror(a_node(*disks)).steps)
    with pytest.raises(RefusedError, match="failing: 9 sectors wait") as raised:
        mirror(a_node(*disks, verdicts={"S2": a_verdict(Grade.FAILING)}))
    assert raised.value.hint == "Replace it."
    assert raised.value.subject == "disk/S2"


def test_a_disk_that_was_in_use_may_be_named_and_that_is_told() -> None:
    made = mirror(a_node(a_disk(1, **LEFT, bay=""), a_disk(2, **{**LEFT, "was": ""}, bay="")))
    assert made.steps[0].title == "Admit the disks S1, S2"
    assert "The disk with serial S1: It was pool films and was not erased." in made.warnings
    assert "The disk with serial S2: It was in use and was not erased." in made.warnings


def test_what_picks_by_itself_takes_free_and_new_disks_only() -> None:
    assert a_disk().on_hand
    assert a_disk(**NEW).on_hand
    for facts in (LEFT, {**NEW, "quarantine": Quarantine.NOT_ADMITTED}, {"pool": "p"},
                  {"missing": True}, {"size": None}, {"holders": ("md0",)}):  # fmt: skip
        assert not a_disk(**facts).on_hand


BIG = {"logical_block": 4096, "physical_block": 4096}


def test_sectors_of_two_sizes_are_refused_without_checksums_and_told_with_them() -> None:
    node = a_node(a_disk(1, **NEW), a_disk(2, **NEW, **BIG))
    with pytest.raises(RefusedError, match="4Kn in 2; 512n in 1"):
        mirror(node, integrity=False)
    assert any("mixes sectors: 4Kn in 2; 512n in 1" in line for line in mirror(node).warnings)


def test_spares_are_admitted_with_the_plan_that_keeps_them() -> None:
    disks = [a_disk(number, **NEW) for number in (1, 2, 3, 4)]
    tier = {"disks": ["S1", "S2"], "raid": "raid1"}
    site = {
        "pool": {"films": {"capacity": tier, "spares": ["S3"]}},
        "spare": {"any": {"disk": "S4"}},
    }
    made = make_plan(KINDS, a_node(*disks), (), parse_site(KINDS, site), plan_id="p1", now=NOW)
    admitted = {
        step.resource: [entry.serial for entry in step.entries]
        for step in made.steps[:2]
        if isinstance(step, BookStep)
    }
    assert admitted == {"pool/films": ["S1", "S2", "S3"], "spare/any": ["S4"]}


def test_an_act_on_a_disk_there_is_not_says_so() -> None:
    with pytest.raises(ApplianceError, match="no disk 'S2'"):
        admit(a_disk(2), None, disks=())
