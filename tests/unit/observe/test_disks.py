"""Disks: identity, dual paths, what stands on them, and that one bad disk hides no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.node.observe.devices import BlockDevice, DeviceScan, is_virtual
from agents.node.observe.disks import observe_disks
from agents.node.observe.identity import identify
from appliance.errors import StepFailedError
from appliance.model.disk import Disk, DiskRole, Medium, Signature, Transport
from tests.unit.fakes import FakeProbe
from tests.unit.observe.chassis import (
    ROOT_MOUNTS,
    Rules,
    boot_disk,
    nvme,
    sas,
    wipefs_line,
    wipefs_report,
)

BROKEN = StepFailedError("'wipefs' ended with exit code 1: Input/output error", hint="-")


def seen(probe: FakeProbe, *devices: BlockDevice) -> dict[str, Disk]:
    disks, _ = observe_disks(probe, DeviceScan(devices), Rules())
    return {disk.node: disk for disk in disks}


def blank(*nodes: str) -> dict[str, str]:
    return {wipefs_line(*nodes): wipefs_report()}


def test_a_sas_disk_is_told_in_full():
    disk = identify(sas("sda", 3))
    assert disk == Disk(
        serial="VJG003X",
        wwn="0x5000cca261070003",
        model="HUH728080AL4200",
        vendor="HGST",
        firmware="A907",
        transport=Transport.SAS,
        medium=Medium.HDD,
        size=4 * 10**12 // 512 * 512,
        logical_block=512,
        node="sda",
        paths=("sda",),
        id_path="pci-0000:03:00.0-sas-phy3-lun-0",
    )


def test_an_nvme_is_solid_state_and_named_by_its_controller():
    disk = identify(nvme())
    assert (disk.transport, disk.medium, disk.firmware) == (
        Transport.NVME,
        Medium.SSD,
        "GDC5602Q",
    )
    assert disk.device == "/dev/disk/by-id/nvme-SAMSUNG_MZQL21T9HCJR-00A07_S64GNE0R000001"


def test_second_namespace_has_a_name_of_its_own():
    assert identify(nvme("nvme0n2")).serial == "S64GNE0R000001_2"


@pytest.mark.parametrize(
    ("changes", "transport"),
    [
        ({"ID_BUS": "ata", "ID_ATA": "1"}, Transport.SATA),
        ({"ID_BUS": "usb"}, Transport.USB),
        ({}, Transport.SAS),
    ],
)
def test_transport(changes: dict[str, str], transport: Transport):
    assert identify(sas("sda", 1, **changes)).transport is transport


def test_iscsi_disk_is_neither_sas_nor_sata():
    device = replace(
        sas("sda", 1, ID_PATH="ip-10.0.0.1:3260-iscsi-iqn.2026-01.x-lun-0"),
        sys_path="/sys/devices/platform/host9/session1/target9:0:0/9:0:0:0/block/sda",
    )
    assert identify(device).transport is Transport.OTHER


def test_a_disk_without_serial_is_shown_and_doubted():
    device = replace(sas("sda", 1), properties={"ID_PATH": "pci-0000:00:09.0"})
    disks, problems = observe_disks(FakeProbe(blank("sda")), DeviceScan((device,)), Rules())
    assert disks[0].serial == "path-pci-0000:00:09.0"
    assert "neither serial number nor WWN" in problems[0]


@pytest.mark.parametrize(
    ("node", "path", "virtual"),
    [
        ("loop0", "/devices/virtual/block/loop0", True),
        ("zram0", "/devices/virtual/block/zram0", True),
        ("dm-3", "/devices/virtual/block/dm-3", True),
        ("sr0", "/devices/pci0000:00/ata1/block/sr0", True),
        ("nvme0c1n1", "/devices/pci0000:00/nvme/nvme0/nvme0c1n1", True),
        ("nvme0n1", "/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", False),
        ("sdaa", "/devices/pci0000:00/block/sdaa", False),
        ("mmcblk0", "/devices/platform/mmc/block/mmcblk0", False),
    ],
)
def test_what_is_no_disk(node: str, path: str, virtual: bool):
    assert is_virtual(node, path) is virtual


def test_two_paths_are_one_disk_with_the_capacity_of_the_path_that_answers():
    dead = replace(sas("sda", 1), attributes={"size": "0"})
    disks = seen(FakeProbe(blank("sda")), dead, sas("sdz", 1))
    assert list(disks) == ["sda"]
    assert disks["sda"].paths == ("sda", "sdz")
    assert disks["sda"].size is not None


def test_two_disks_of_one_serial_are_told_apart():
    other = sas("sdb", 2, ID_SCSI_SERIAL="VJG001X")
    disks = seen(FakeProbe(blank("sda", "sdb")), sas("sda", 1), other)
    assert {disk.serial for disk in disks.values()} == {
        "VJG001X-0x5000cca261070001",
        "VJG001X-0x5000cca261070002",
    }


def test_a_disk_without_capacity_is_shown_and_not_read():
    dead = replace(sas("sdb", 2), attributes={"size": "0"})
    probe = FakeProbe(blank("sda"))
    disks, problems = observe_disks(probe, DeviceScan((sas("sda", 1), dead)), Rules())
    assert [disk.size is None for disk in disks] == [False, True]
    assert probe.ran == [wipefs_line("sda")]
    assert "sdb (serial VJG002X) tells no capacity" in problems[0]


def test_an_unreadable_disk_is_not_taken_for_blank_and_hides_no_other():
    probe = FakeProbe(
        {
            wipefs_line("sda", "sdb"): BROKEN,
            wipefs_line("sda"): BROKEN,
            wipefs_line("sdb"): wipefs_report(("sdb", "xfs")),
        }
    )
    disks, problems = observe_disks(probe, DeviceScan((sas("sda", 1), sas("sdb", 2))), Rules())
    assert [disk.signatures[0].type for disk in disks] == ["unreadable", "xfs"]
    assert [disk.role for disk in disks] == [DiskRole.FOREIGN, DiskRole.FOREIGN]
    assert problems == (f"What is written on sda cannot be read: {BROKEN}",)


def test_all_signatures_are_told_a_gpt_once():
    report = wipefs_report(("sda", "gpt"), ("sda", "gpt"), ("sda", "PMBR"), ("sda", "LVM2_member"))
    disks = seen(FakeProbe({wipefs_line("sda"): report}), sas("sda", 1))
    assert [item.type for item in disks["sda"].signatures] == ["gpt", "LVM2_member"]


def test_protective_mbr_alone_is_told():
    disks = seen(FakeProbe({wipefs_line("sda"): wipefs_report(("sda", "PMBR"))}), sas("sda", 1))
    assert disks["sda"].signatures == (Signature(type="PMBR", node="sda"),)


def test_the_boot_disk_by_its_partitions():
    probe = FakeProbe(
        {wipefs_line("vda", "vda1", "vda2"): wipefs_report(("vda", "gpt"), ("vda2", "ext4"))},
        files={"/proc/self/mountinfo": ROOT_MOUNTS},
    )
    disk = seen(probe, boot_disk())["vda"]
    assert disk.role is DiskRole.BOOT
    assert disk.mounted_at == ("/", "/boot/efi")
    assert disk.signatures[1] == Signature(type="ext4", node="vda2")
    assert disk.serial == "appliance-boot"


def integrity_stack(mounts: str, swaps: str = "") -> FakeProbe:
    """sda under dm-integrity, a logical volume on that, a thin volume on that."""
    block = "/sys/class/block"
    return FakeProbe(
        {wipefs_line("sda", "dm-0"): wipefs_report(("sda", "DM_integrity"), ("dm-0", "LVM2_member"))},
        files={
            f"{block}/dm-0/dm/name": "int-VJG001X\n",
            f"{block}/dm-0/dm/uuid": "CRYPT-INTEGRITY-int-VJG001X\n",
            f"{block}/dm-0/dev": "253:0\n",
            f"{block}/dm-1/dm/name": "vg_tank-data\n",
            f"{block}/dm-1/dm/uuid": "LVM-abc\n",
            f"{block}/dm-1/dev": "253:1\n",
            f"{block}/dm-2/dm/name": "vg_tank-vol_images\n",
            f"{block}/dm-2/dm/uuid": "LVM-def\n",
            f"{block}/dm-2/dev": "253:2\n",
            "/proc/self/mountinfo": mounts,
            "/proc/swaps": swaps,
        },
        dirs={
            f"{block}/sda/holders": ("dm-0",),
            f"{block}/dm-0/holders": ("dm-1",),
            f"{block}/dm-1/holders": ("dm-2",),
        },
    )  # fmt: skip


def test_layers_are_followed_down_to_logical_volumes_and_mounts_through_them():
    probe = integrity_stack("30 1 253:2 / /srv/my\\040share rw - xfs /dev/mapper/x rw\n")
    disk = seen(probe, sas("sda", 1))["sda"]
    assert disk.holders == ("int-VJG001X", "vg_tank-data")
    assert disk.mounted_at == ("/srv/my share",)
    assert disk.role is DiskRole.FOREIGN
    assert [(item.type, item.node) for item in disk.signatures] == [
        ("DM_integrity", "sda"),
        ("LVM2_member", "dm-0"),
    ]


@pytest.mark.parametrize("device", ["/dev/dm-2", "/dev/mapper/vg_tank-vol_images"])
def test_swap_and_file_systems_without_a_number_are_found_by_name(device: str):
    swapping = integrity_stack("", f"Filename Type Size\n{device} partition 1 0 -2\n")
    assert seen(swapping, sas("sda", 1))["sda"].role is DiskRole.BOOT
    btrfs = integrity_stack(f"30 1 0:44 /@ / rw - btrfs {device} rw\n")
    assert seen(btrfs, sas("sda", 1))["sda"].mounted_at == ("/",)


def test_many_mounts_are_told_as_a_few():
    mounts = "".join(f"{n} 1 253:2 / /srv/{n:03d} rw - xfs x rw\n" for n in range(100))
    disk = seen(integrity_stack(mounts), sas("sda", 1))["sda"]
    assert disk.mounted_at == tuple(f"/srv/{n:03d}" for n in range(8))


def test_an_nvme_that_came_back_under_another_name_is_the_same_disk():
    """Its old device was still held open, so the kernel called the same namespace n2."""
    first = identify(replace(nvme(), attributes={**nvme().attributes, "nsid": "1"}))
    again = identify(replace(nvme(), node="nvme0n2", attributes={**nvme().attributes, "nsid": "1"}))
    other = identify(replace(nvme(), node="nvme0n2", attributes={**nvme().attributes, "nsid": "2"}))
    assert again.serial == first.serial
    assert other.serial == f"{first.serial}_2"
