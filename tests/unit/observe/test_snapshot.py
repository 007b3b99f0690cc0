"""The node as one value: roles from pools, members that are gone, isolation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from typing_extensions import override

from agents.node.observe.devices import DeviceScan
from agents.node.observe.snapshot import missing_members, observe_node
from appliance.errors import StepFailedError
from appliance.kinds.base import Change, Kind, Probe, View
from appliance.model.disk import Disk, DiskRole, Smart, Transport
from appliance.model.pool import MemberFound, PoolFound, PoolSpec, TierFound, TierName
from appliance.model.resource import Found
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import Step
from tests.unit.fakes import FakeProbe
from tests.unit.observe.chassis import Rules, nvme, sas, wipefs_line, wipefs_report

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def pool(*members: MemberFound) -> PoolFound:
    return PoolFound(vg_uuid="u", tiers={TierName.CAPACITY: TierFound(members=members)})


def member(serial: str, *, missing: bool = False) -> MemberFound:
    return MemberFound(serial=serial, pv=f"/dev/x{serial}", pv_uuid=serial, missing=missing)


class FoundKind(Kind[PoolSpec, Found]):
    """Finds what it was made with, or fails."""

    title = "Test kind"
    rank = 10
    spec_type = PoolSpec
    found_type = Found

    def __init__(self, noun: str, found: Mapping[str, Found] | Exception) -> None:
        self.__class__.noun = noun
        self._found = found

    @override
    def observe(self, probe: Probe) -> Mapping[str, Found]:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found

    @override
    def plan(self, change: Change[PoolSpec, Found], view: View) -> Iterator[Step]:
        yield from ()


def observed(probe: FakeProbe, kind: Kind[Any, Any] | None = None, **kwargs: Any) -> NodeSnapshot:
    scan = kwargs.pop("scan", DeviceScan((sas("sda", 1), sas("sdb", 2))))
    defaults: dict[str, Any] = {
        "kinds": [kind] if kind else [],
        "profile": Rules(),
        "last_known": {},
        "claims": {},
        "secrets": (),
        "now": NOW,
    }
    return observe_node(probe, scan, **defaults | kwargs)


def two_disks() -> FakeProbe:
    return FakeProbe({wipefs_line("sda", "sdb"): wipefs_report(("sda", "LVM2_member"))})


def test_members_of_a_pool_have_its_role_and_others_keep_theirs():
    found = observed(two_disks(), FoundKind("pool", {"tank": pool(member("VJG001X"))}))
    first, second = found.disks
    assert (first.role, first.pool, first.tier) == (DiskRole.PV, "tank", "capacity")
    assert (second.role, second.pool) == (DiskRole.FREE, "")


def test_a_serial_that_no_tag_can_hold_as_it_is_is_a_members_all_the_same():
    odd = sas("sda", 1, ID_SCSI_SERIAL="3SL0ABCD  9108")
    probe = FakeProbe({wipefs_line("sda"): wipefs_report(("sda", "LVM2_member"))})
    here = FoundKind("pool", {"tank": pool(member("3SL0ABCD9108"))})
    (disk,) = observed(probe, here, scan=DeviceScan((odd,))).disks
    assert (disk.serial, disk.role, disk.pool) == ("3SL0ABCD  9108", DiskRole.PV, "tank")
    lost = {"tank": pool(member("3SL0ABCD9108", missing=True))}
    (gone,) = missing_members([], lost, {disk.serial: disk})
    assert (gone.serial, gone.model, gone.missing) == (disk.serial, disk.model, True)


def test_a_disk_of_a_half_made_pool_belongs_to_it_before_its_tier_is_known():
    half = PoolFound(vg_uuid="u", tiers={}, untagged=(member("VJG001X"), member("")))
    found = observed(two_disks(), FoundKind("pool", {"tank": half}))
    assert [(disk.role, disk.pool, disk.tier) for disk in found.disks] == [
        (DiskRole.PV, "tank", ""),
        (DiskRole.FREE, "", ""),
    ]


def test_a_kind_that_fails_is_told_of_and_hides_nothing():
    error = StepFailedError("'vgs' ended with exit code 5.", hint="Try it by hand.")
    found = observed(two_disks(), FoundKind("pool", error))
    assert found.problems == (
        "pool: Test kind could not be read: 'vgs' ended with exit code 5. Try it by hand.",
    )
    assert "pool" not in found.found
    assert found.unread == {"pool"}
    assert [disk.role for disk in found.disks] == [DiskRole.FOREIGN, DiskRole.FREE]


def test_what_makes_no_sense_is_told_of_and_hides_nothing():
    found = observed(two_disks(), FoundKind("pool", ValueError("year 11970 is out of range")))
    assert found.problems == ("pool: Test kind could not be read: year 11970 is out of range",)
    assert found.unread == {"pool"}
    assert len(found.disks) == 2


def test_host_claims_secrets_time_and_smart_are_in_it():
    probe = two_disks()
    probe.files = {
        "/proc/sys/kernel/hostname": "node1\n",
        "/proc/sys/kernel/osrelease": "7.3.4+deb13-amd64\n",
        "/proc/meminfo": "MemTotal:        3067652 kB\nMemFree: 1 kB\n",
        "/sys/devices/system/cpu/online": "0-3,6\n",
    }
    reading = Smart(passed=True, temperature_c=31)
    found = observed(
        probe, claims={"S": "tank"}, secrets=["chap"], smart={"VJG002X": reading}, last_known={}
    )
    assert (found.host.hostname, found.host.cpus) == ("node1", 5)
    assert found.host.memory == 3067652 * 1024
    assert found.host.memory_reserved == 2**30
    assert found.host.root_free > 0
    assert (found.claims, found.secrets) == ({"S": "tank"}, frozenset({"chap"}))
    assert found.taken_at == NOW
    assert [disk.smart for disk in found.disks] == [None, reading]


def known(serial: str, pool_name: str) -> Disk:
    disk = observed(FakeProbe({wipefs_line("nvme0n1"): ""}), scan=DeviceScan((nvme(),))).disks[0]
    return disk.model_copy(update={"serial": serial, "pool": pool_name, "bay": "9"})


def test_a_member_lvm_names_as_missing_is_shown_from_memory():
    gone = missing_members(
        [], {"tank": pool(member("S1", missing=True))}, {"S1": known("S1", "tank")}
    )
    assert [(disk.serial, disk.bay, disk.missing, disk.node) for disk in gone] == [
        ("S1", "9", True, "")
    ]


def test_a_member_lvm_has_no_name_for_is_the_remembered_one():
    gone = missing_members(
        [], {"tank": pool(member("", missing=True))}, {"S1": known("S1", "tank")}
    )
    assert [disk.serial for disk in gone] == ["S1"]


def test_a_member_nobody_remembers_is_shown_by_its_serial():
    gone = missing_members([], {"tank": pool(member("S1", missing=True))}, {})
    assert [(disk.serial, disk.pool, disk.tier, disk.size) for disk in gone] == [
        ("S1", "tank", "capacity", None)
    ]


def test_a_disk_that_left_its_pool_in_order_is_not_missed():
    gone = missing_members([], {"tank": pool(member("S2"))}, {"S1": known("S1", "tank")})
    assert gone == ()


def test_a_pool_pulled_as_a_whole_is_missed_and_a_free_disk_is_not():
    memory = {"S1": known("S1", "tank"), "S2": known("S2", "")}
    assert [disk.serial for disk in missing_members([], {}, memory)] == ["S1"]


def test_a_disk_that_is_there_is_not_missed():
    here = known("S1", "tank")
    assert missing_members([here], {"tank": pool(member("S1", missing=True))}, {"S1": here}) == ()


def test_the_digest_does_not_move_with_temperature_and_node_names():
    one = observed(two_disks(), smart={"VJG001X": Smart(temperature_c=30)})
    two = observed(two_disks(), smart={"VJG001X": Smart(temperature_c=40)})
    assert one.digest() == two.digest()


def test_the_digest_moves_with_the_kernel_name_a_plan_would_use():
    now = observed(FakeProbe({wipefs_line("nvme0n1"): ""}), scan=DeviceScan((nvme(),)))
    named = [
        now.model_copy(update={"disks": (now.disks[0].model_copy(update={"node": node, **names}),)})
        for names in ({"wwn": "0x5000c50012340000"}, {"wwn": "", "transport": Transport.SATA})
        for node in ("sdc", "sdd")
    ]
    by_wwn, by_wwn_later, by_node, by_node_later = (item.digest() for item in named)
    assert by_wwn == by_wwn_later
    assert by_node != by_node_later
