"""`disk replace`: which disk is meant, which one takes its place, and that the spec says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import ApplianceError, InvalidInputError, NotFoundError, RefusedError
from appliance.kinds.load import load_snapshot
from appliance.kinds.registry import all_kinds
from appliance.model.plan import PlanRequest
from appliance.model.pool import PoolSpec
from appliance.model.resource import ActionRequest, Resource
from appliance.planner.replace import replaced
from appliance.planner.site import parse_site
from appliance.planner.wish import Wish, wish_of

CASE = Path(__file__).parents[2] / "plans/storage.lvm/replace-missing.json"
GIB = 2**30


class Chassis:
    """Six disks of a raid6, the one of bay 3 lost; what else is in it is up to the test."""

    def __init__(self) -> None:
        self.case: dict[str, Any] = json.loads(CASE.read_text())
        self.disks: list[dict[str, Any]] = self.case["snapshot"]["disks"]
        self.disks[:] = [disk for disk in self.disks if disk["serial"] != "ZNEW0001"]

    def add(self, serial: str, bay: str, size: int = GIB, **more: object) -> None:
        plain = {"transport": "sas", "medium": "hdd", "node": f"sd-{serial}"}
        self.disks.append({"serial": serial, "bay": bay, "size": size, **plain, **more})

    def ask(self, disk: str, new: str = "", *, managed: bool = True) -> Wish:
        kinds = all_kinds()
        before = parse_site(kinds, self.case["before"]) if managed else ()
        arguments = {"with": new} if new else {}
        action = ActionRequest(resource=f"disk/{disk}", verb="replace", arguments=arguments)
        snapshot = load_snapshot(kinds, self.case["snapshot"])
        return replaced(snapshot, before, wish_of(kinds, PlanRequest(action=action), before))

    def chosen(self, disk: str = "3", new: str = "") -> str:
        """The serial that takes the place of the third disk."""
        (pool,) = self.ask(disk, new).after
        assert isinstance(pool.spec, PoolSpec)
        assert pool.spec.capacity
        return pool.spec.capacity.disks[2]


@pytest.fixture
def chassis() -> Chassis:
    return Chassis()


def test_the_spec_names_the_new_disk_in_the_old_ones_place(chassis: Chassis) -> None:
    chassis.add("NEW", "11")
    wish = chassis.ask("ZSAS0002")
    assert wish.action is None
    (pool,) = wish.after
    told = pool.spec.model_dump(mode="json")["capacity"]["disks"]
    assert told == ["ZSAS0000", "ZSAS0001", "NEW", "ZSAS0003", "ZSAS0004", "ZSAS0005"]


@pytest.mark.parametrize("reference", ["3", "bay:3", "ZSAS0002", "0x5000c50012340008"])
def test_a_lost_disk_by_any_name(chassis: Chassis, reference: str) -> None:
    chassis.add("NEW", "11")
    assert chassis.chosen(reference) == "NEW"


def test_the_new_disk_in_the_same_bay_is_not_the_one_that_is_meant(chassis: Chassis) -> None:
    chassis.add("OTHER", "11")
    chassis.add("NEW", "3", 2 * GIB, transport="nvme", medium="ssd")
    assert chassis.chosen("bay:3") == "NEW"


def test_the_like_comes_first_then_the_smallest(chassis: Chassis) -> None:
    chassis.add("FLASH", "9", medium="ssd")
    assert chassis.chosen() == "FLASH"
    chassis.add("LARGE", "11", 4 * GIB)
    assert chassis.chosen() == "LARGE"
    chassis.add("FITTING", "12", GIB)
    assert chassis.chosen() == "FITTING"


@pytest.mark.parametrize(
    "more",
    [
        {"size": GIB // 2},
        {"size": None},
        {"role": "foreign", "signatures": [{"type": "xfs"}]},
        {"role": "quarantined"},
        {"holders": ["dm-crypt"]},
        {"mounted_at": ["/mnt"]},
        {"pool": "other", "role": "pv"},
        {"missing": True},
    ],
    ids=str,
)
def test_what_is_not_chosen_by_itself(chassis: Chassis, more: dict[str, Any]) -> None:
    chassis.add("NEW", "11", **more)
    with pytest.raises(
        NotFoundError, match="No free disk can take the place of ZSAS0002: it needs 996 MiB"
    ):
        chassis.ask("3")


def test_a_named_disk_is_taken_as_it_is(chassis: Chassis) -> None:
    chassis.add("NEW", "11")
    chassis.add("SMALL", "12", GIB // 2)
    assert chassis.chosen("3", "bay:12") == "SMALL", "the pool's plan refuses it"


@pytest.mark.parametrize(
    ("disk", "new", "error"),
    [("99", "", NotFoundError), ("3", "99", NotFoundError), ("11", "", RefusedError)],
)
def test_what_there_is_not(
    chassis: Chassis, disk: str, new: str, error: type[ApplianceError]
) -> None:
    chassis.add("NEW", "11")
    with pytest.raises(error) as raised:
        chassis.ask(disk, new)
    assert raised.value.hint


def test_a_disk_that_is_being_replaced_already(chassis: Chassis) -> None:
    chassis.case["before"] = chassis.case["after"]
    with pytest.raises(RefusedError, match="being replaced already"):
        chassis.ask("3")


def test_an_argument_there_is_not(chassis: Chassis) -> None:
    act = ActionRequest(resource="disk/3", verb="replace", arguments={"onto": "11"})
    found = load_snapshot(all_kinds(), chassis.case["snapshot"])
    before = parse_site(all_kinds(), chassis.case["before"])
    with pytest.raises(InvalidInputError, match="takes no 'onto'"):
        replaced(found, before, Wish(before, act))


def test_a_pool_nobody_manages(chassis: Chassis) -> None:
    chassis.add("NEW", "11")
    with pytest.raises(RefusedError, match="not managed") as raised:
        chassis.ask("3", managed=False)
    assert "appliance pool import clinic" in raised.value.hint


def test_other_acts_pass_by(chassis: Chassis) -> None:
    before: tuple[Resource, ...] = ()
    wish = Wish(before, ActionRequest(resource="disk/3", verb="wipe"))
    assert replaced(load_snapshot(all_kinds(), chassis.case["snapshot"]), before, wish) is wish


def test_a_bay_of_two_shelves_names_neither_disk(chassis: Chassis) -> None:
    for disk in chassis.disks:
        disk["bay"] = "1" if disk.get("bay") == "2" else disk.get("bay", "")
    with pytest.raises(RefusedError, match="may be any of 2 disks"):
        chassis.ask("1")
    chassis.add("NEWA", "20")
    chassis.add("NEWB", "20")
    with pytest.raises(RefusedError, match="may be any of 2 disks: NEWA, NEWB"):
        chassis.ask("3", "20")


def test_a_boot_disk_is_named_in_its_own_wish(chassis: Chassis) -> None:
    chassis.add("SYS", "12", role="boot")
    with pytest.raises(RefusedError, match="is a boot disk") as refused:
        chassis.ask("12")
    assert "appliance boot set node --disks" in refused.value.hint
