"""Which spare takes a lost disk's place, and what the wish is then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import NotFoundError, RefusedError
from appliance.kinds.load import load_snapshot
from appliance.kinds.registry import all_kinds
from appliance.model.pool import PoolSpec
from appliance.model.resource import Resource
from appliance.model.spare import SpareSpec
from appliance.planner.site import parse_site
from appliance.planner.spares import Takeover, has_spares, refilled, takeover

CASE = Path(__file__).parents[2] / "plans/storage.lvm/replace-missing.json"
GIB = 2**30


class Chassis:
    """A raid6 that has lost the disk of bay 3; the spares are up to the test."""

    def __init__(self) -> None:
        self.case: dict[str, Any] = json.loads(CASE.read_text())
        self.disks: list[dict[str, Any]] = self.case["snapshot"]["disks"]
        self.disks[:] = [disk for disk in self.disks if disk["serial"] != "ZNEW0001"]
        self.site: dict[str, Any] = self.case["before"]

    def add(self, serial: str, *, pool: bool = True, size: int = GIB, **more: object) -> None:
        plain = {"transport": "sas", "medium": "hdd", "node": f"sd-{serial}", "role": "spare"}
        mine = {"pool": "clinic"} if pool else {}
        self.disks.append({"serial": serial, "bay": serial, "size": size, **plain, **mine, **more})
        if pool:
            self.site["pool"]["clinic"].setdefault("spares", []).append(serial)
        else:
            self.site.setdefault("spare", {})[f"any-{serial.lower()}"] = {"disk": serial}

    @property
    def before(self) -> tuple[Resource, ...]:
        return parse_site(all_kinds(), self.site)

    def take(self, serial: str = "ZSAS0002", *, managed: bool = True) -> Takeover:
        snapshot = load_snapshot(all_kinds(), self.case["snapshot"])
        old = snapshot.disk(serial)
        assert old is not None
        return takeover(snapshot, self.before if managed else (), old)


@pytest.fixture
def chassis() -> Chassis:
    return Chassis()


def pool_of(resources: tuple[Resource, ...]) -> PoolSpec:
    (spec,) = (item.spec for item in resources if item.kind == "pool")
    assert isinstance(spec, PoolSpec)
    return spec


def test_the_pools_own_spare_is_used_up(chassis: Chassis) -> None:
    chassis.add("S1")
    taken = chassis.take()
    spec = pool_of(taken.wish.after)
    assert (taken.new.serial, taken.spare, spec.spares) == ("S1", "", ())
    assert spec.capacity
    assert spec.capacity.disks[2] == "S1"


def test_a_global_spare_serves_when_no_own_one_fits_and_is_wanted_no_more(chassis: Chassis) -> None:
    chassis.add("ANY", pool=False)
    chassis.add("SMALL", size=GIB // 2)
    taken = chassis.take()
    assert (taken.new.serial, taken.spare) == ("ANY", "any-any")
    assert [item.id for item in taken.wish.after] == ["pool/clinic"]
    assert pool_of(taken.wish.after).spares == ("SMALL",)


def test_own_ones_come_first_then_the_smallest_that_fits(chassis: Chassis) -> None:
    chassis.add("ANY", pool=False)
    chassis.add("LARGE", size=4 * GIB)
    assert chassis.take().new.serial == "LARGE"
    chassis.add("FITTING")
    assert chassis.take().new.serial == "FITTING"


@pytest.mark.parametrize(
    "more",
    [
        {"medium": "ssd"},
        {"size": GIB // 2},
        {"role": "foreign", "signatures": [{"type": "xfs"}]},
        {"missing": True},
        {"size": None},
    ],
    ids=str,
)
def test_what_does_not_take_over(chassis: Chassis, more: dict[str, Any]) -> None:
    chassis.add("S1", **more)
    with pytest.raises(NotFoundError, match="it needs an hdd of 996 MiB"):
        chassis.take()


def test_a_disk_nobody_ever_saw_is_of_its_neighbours_kind(chassis: Chassis) -> None:
    next(disk for disk in chassis.disks if disk["serial"] == "ZSAS0002")["medium"] = "unknown"
    chassis.add("FLASH", medium="ssd")
    chassis.add("S1", size=2 * GIB)
    assert chassis.take().new.serial == "S1"


def test_a_pool_nobody_manages_and_a_disk_that_is_replaced_already(chassis: Chassis) -> None:
    chassis.add("S1")
    with pytest.raises(RefusedError, match="is not managed here"):
        chassis.take(managed=False)
    chassis.site["pool"]["clinic"]["capacity"]["disks"][2] = "OTHER"
    with pytest.raises(RefusedError, match="it is being replaced already"):
        chassis.take()


def test_a_new_disk_becomes_the_spare_that_was(chassis: Chassis) -> None:
    chassis.add("S1")
    after = chassis.take().wish.after
    new = load_snapshot(all_kinds(), chassis.case["snapshot"]).disk("S1")
    assert new is not None
    assert pool_of(refilled(after, "clinic", "", new)).spares == ("S1",)
    (spare,) = (item for item in refilled(after, "clinic", "any", new) if item.kind == "spare")
    assert (spare.name, spare.spec) == ("any", SpareSpec(disk="S1"))


def test_whether_anybody_meant_a_spare(chassis: Chassis) -> None:
    assert not has_spares(chassis.before, "clinic")
    chassis.add("S1")
    assert has_spares(chassis.before, "clinic")
    assert not has_spares(chassis.before, "other")
    chassis.add("ANY", pool=False)
    assert has_spares(chassis.before, "other")
