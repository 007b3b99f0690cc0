"""Opening the layers at boot: only ours, one bad disk stops nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.node.apply.files import NodeFiles
from agents.node.apply.handles import Clock
from agents.node.boot import DeviceOpening, is_ours
from agents.node.observe.devices import BlockDevice, DeviceScan
from appliance.errors import StepFailedError
from appliance.model.command import Command, Output

OURS = """Info for integrity device /dev/sda.
superblock_version 5
log2_interleave_sectors 15
integrity_tag_size 4
journal_sections 41
provided_data_sectors 2079024
sector_size 4096
recalc_sector 2079024
log2_blocks_per_bitmap 12
flags recalculating dirty_bitmap fix_padding fix_hmac
"""


class Node:
    """A node where some disks carry superblocks and some commands fail."""

    def __init__(self, dumps: dict[str, str], *, fails: tuple[str, ...] = (), missing: str = "0\n"):
        self.dumps = dumps
        self.fails = fails
        self.missing = missing
        self.ran: list[str] = []

    def run(self, command: Command) -> Output:
        line = command.line()
        self.ran.append(line)
        if any(word in line for word in self.fails):
            raise StepFailedError("It did not end.", hint="Look at the disk.", subject=line)
        if command.argv[:2] == ("integritysetup", "dump"):
            text = self.dumps.get(command.argv[2], "")
            return Output(code=0 if text else 1, stdout=text)
        if command.argv[0] == "vgs":
            return Output(code=0, stdout=self.missing)
        return Output(code=0, stdout="")

    def opened(self) -> list[str]:
        return [line.split()[-1] for line in self.ran if line.startswith("integritysetup open")]


def disks(*serials: str) -> DeviceScan:
    return DeviceScan(
        tuple(
            BlockDevice(
                node=f"sd{'abc'[n]}", sys_path=f"/sys/devices/x/sd{'abc'[n]}",
                properties={"ID_SCSI_SERIAL": serial, "DEVTYPE": "disk"},
                attributes={"size": "2097152"},
            )
            for n, serial in enumerate(serials)
        )
    )  # fmt: skip


def opening(node: Node, root: Path) -> tuple[DeviceOpening, list[str], list[float]]:
    said: list[str] = []
    slept: list[float] = []
    clock = Clock(now_s=lambda: sum(slept), sleep=slept.append)
    return DeviceOpening(node, NodeFiles(root), said.append, clock), said, slept


@pytest.mark.parametrize(
    "dump",
    [
        OURS.replace("integrity_tag_size 4", "integrity_tag_size 32"),
        OURS.replace("sector_size 4096", "sector_size 512"),
        OURS.replace("flags recalculating ", "flags "),
        "",
    ],
)
def test_only_our_own_superblock_is_ours(dump: str):
    assert is_ours(OURS)
    assert not is_ours(dump)


def test_ours_are_opened_by_serial_strangers_are_not(tmp_path: Path):
    node = Node({"/dev/sda": OURS, "/dev/sdb": OURS.replace("tag_size 4", "tag_size 32")})
    opener, said, _ = opening(node, tmp_path)
    assert opener.run(lambda: disks("Z0", "Z1", "Z2")) == 0
    assert node.opened() == ["int-Z0"]
    assert node.ran[-1] == "vgchange --activate ay"
    assert said[-1] == "3 disks looked at, 1 layers open, 0 failures"


def test_two_actuators_of_one_serial_are_opened_by_the_names_a_look_gives_them(tmp_path: Path):
    halves = tuple(
        BlockDevice(
            node=node, sys_path=f"/sys/devices/x/{node}",
            properties={"ID_SCSI_SERIAL": "Z0", "DEVTYPE": "disk", "ID_WWN": wwn},
            attributes={"size": "2097152"},
        )
        for node, wwn in (("sda", "0x5000c500a1"), ("sdb", "0x5000c500a2"))
    )  # fmt: skip
    links = [f"/dev/disk/by-id/wwn-0x5000c500a{half}" for half in (1, 2)]
    node = Node(dict.fromkeys(links, OURS))
    opening(node, tmp_path)[0].run(lambda: DeviceScan(halves))
    assert sorted(node.opened()) == ["int-Z00x5000c500a1", "int-Z00x5000c500a2"]


def test_one_that_is_open_is_left(tmp_path: Path):
    (tmp_path / "dev/mapper").mkdir(parents=True)
    (tmp_path / "dev/mapper/int-Z0").touch()
    node = Node({"/dev/sda": OURS})
    assert opening(node, tmp_path)[0].run(lambda: disks("Z0")) == 0
    assert node.opened() == []


def test_a_bad_disk_does_not_stop_the_others(tmp_path: Path):
    node = Node({"/dev/sda": OURS, "/dev/sdb": OURS}, fails=("dump /dev/sda",))
    opener, said, _ = opening(node, tmp_path)
    assert opener.run(lambda: disks("Z0", "Z1")) == 0
    assert node.opened() == ["int-Z1"]
    assert "Z0: It did not end." in said


def test_nothing_could_be_opened(tmp_path: Path):
    node = Node({"/dev/sda": OURS}, fails=("integritysetup open",))
    assert opening(node, tmp_path)[0].run(lambda: disks("Z0")) == 1


def test_lvm_that_does_not_answer_is_told(tmp_path: Path):
    node = Node({}, fails=("vgs",))
    opener, said, _ = opening(node, tmp_path)
    assert opener.run(lambda: disks("Z0")) == 1
    assert "LVM: It did not end." in said


def test_a_degraded_pool_is_activated_after_a_while(tmp_path: Path):
    node = Node({}, missing="1\n0\n")
    opener, _, slept = opening(node, tmp_path)
    assert opener.run(lambda: disks("Z0")) == 0
    assert 10 < sum(slept) < 30
    assert node.ran[-1] == "vgchange --activate ay"


def test_a_disk_that_spins_up_late_is_opened_as_well(tmp_path: Path):
    node = Node({"/dev/sda": OURS, "/dev/sdb": OURS}, missing="1\n")
    opener, said, _ = opening(node, tmp_path)
    scans = iter((disks("Z0"), disks("Z0")))
    assert opener.run(lambda: next(scans, disks("Z0", "Z1"))) == 0
    assert node.opened() == ["int-Z0", "int-Z1"]
    assert "Z1: int-Z1 opened" in said


def test_luks_needs_a_key_file_of_its_own(tmp_path: Path):
    keys = tmp_path / "etc/appliance/keys"
    keys.mkdir(parents=True)
    (keys / "Z0").touch()
    node = Node({"/dev/sda": OURS, "/dev/sdb": OURS})
    opening(node, tmp_path)[0].run(lambda: disks("Z0", "Z1"))
    luks = [line for line in node.ran if line.startswith("cryptsetup open")]
    assert luks == [
        "cryptsetup open --type luks2 --key-file /etc/appliance/keys/Z0 /dev/mapper/int-Z0 luks-Z0"
    ]
