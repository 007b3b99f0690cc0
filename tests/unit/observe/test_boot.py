"""Boot disks among the disks: by LVM's tags, and one that is away is shown in its place."""

from __future__ import annotations

from agents.node.observe.boot import as_boot, missing_boot
from agents.node.watch.concerns import missing_disk
from appliance.model.boot import BootDisk, BootFound, BootGroup
from appliance.model.disk import Disk, DiskRole, Medium, Transport
from appliance.model.resource import Severity

HERE = BootDisk(serial="S1", pv="/dev/sda2", holds_root=True, loader=True)
UNNAMED = BootDisk(pv="/dev/nvme0n1p2")
AWAY = BootDisk(serial="S2", missing=True, holds_root=True, loader=True)
OTHER = BootGroup(name="approot_x", disks=(BootDisk(serial="X", pv="/dev/sdx2"),), whole=True)
GROUP = BootGroup(name="approot_s1", disks=(HERE, AWAY, UNNAMED), copies=2, whole=True)


def disk(serial: str, node: str = "sdq", role: DiskRole = DiskRole.FOREIGN) -> Disk:
    return Disk(serial=serial, transport=Transport.SATA, medium=Medium.SSD, node=node, role=role)


def test_what_carries_an_installed_system_is_a_boot_disk() -> None:
    found = BootFound(groups=(GROUP,))
    seen = as_boot((disk("S1"), disk("N", "nvme0n1"), disk("Y", "sda"), disk("X")), found)
    assert [item.role is DiskRole.BOOT for item in seen] == [True, True, False, False]


def test_beside_the_system_that_runs_another_one_is_a_stranger() -> None:
    running = GROUP.model_copy(update={"running": True})
    found = BootFound(running=True, groups=(running, OTHER))
    one, other = as_boot((disk("S1"), disk("X")), found)
    assert (one.role, other.role) == (DiskRole.BOOT, DiskRole.FOREIGN)
    medium = BootFound(groups=(GROUP, OTHER))
    assert {item.role for item in as_boot((disk("S1"), disk("X")), medium)} == {DiskRole.BOOT}


def test_a_boot_disk_that_is_away_is_missing_and_told() -> None:
    found = BootFound(groups=(GROUP,))
    known = disk("S2").model_copy(update={"bay": "8"})
    (gone,) = missing_boot((disk("S1"),), found, {"S2": known})
    assert (gone.missing, gone.role, gone.bay, gone.node) == (True, DiskRole.BOOT, "8", "")
    (never_seen,) = missing_boot((), found, {})
    assert (never_seen.serial, never_seen.missing) == ("S2", True)
    assert not list(missing_boot((disk("S2"),), found, {}))
    told = missing_disk(gone)
    assert told.severity is Severity.CRITICAL
    assert "the boot disk in bay 8" in told.what
