"""The lab proves itself: each verb on a real node."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.model.disk import Transport
from appliance.model.profile import Profile
from images.errors import CheckFailedError, RigError
from images.frozen import Frozen, freeze
from images.machine import Machine

pytestmark = pytest.mark.lab

SAS_1 = "/dev/disk/by-id/wwn-0x5000c50012340000"
MIB = 1 << 20


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long a part took."""
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.1f} s")


def test_succeed_and_fail_tell_the_command_apart_from_the_rig(node: Machine) -> None:
    assert node.succeed("echo", "two words").strip() == "two words"
    node.fail("false")
    with pytest.raises(CheckFailedError, match="no-such-file"):
        node.succeed("cat /no-such-file")
    with pytest.raises(CheckFailedError, match="should fail"):
        node.fail("true")


def test_wait_for_unit_fails_at_once_when_nothing_starts_it(node: Machine) -> None:
    node.wait_for_unit("ssh.service")
    began = time.monotonic()
    with pytest.raises(CheckFailedError, match="inactive"):
        node.wait_for_unit("smbd.service", timeout_s=300)
    assert time.monotonic() - began < 60


def test_files_go_in_and_come_out(node: Machine, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("text")
    node.copy_in(tmp_path / "folder", "/opt/copied")
    node.copy_out("/opt/copied/file", tmp_path / "back")
    assert (tmp_path / "back").read_text() == "text"


def test_each_disk_sits_in_the_bay_the_profile_says(node: Machine, profile: Profile) -> None:
    lines = node.succeed("cd /dev/disk/by-path && for p in *; do echo $p $(readlink -f $p); done")
    bays = {profile.bay_of(path): device for path, device in map(str.split, lines.splitlines())}
    serials = node.succeed("lsblk --nodeps --noheadings -o PATH,SERIAL").split()
    serial_of = dict(zip(serials[::2], serials[1::2], strict=True))
    found = {bay: serial_of[device] for bay, device in bays.items() if bay}
    assert found == {placed.bay: placed.disk.serial for placed in node.record.placed}


def test_the_firewall_lets_only_services_in(node: Machine) -> None:
    rules = node.succeed("nft", "list", "table", "inet", "appliance")
    assert "policy drop" in rules
    assert "tcp dport" in rules


def test_pulled_sas_disk_vanishes_and_comes_back_with_its_content(node: Machine) -> None:
    node.succeed(f"echo kept | dd of={SAS_1} bs=512 count=1 conv=sync,fsync status=none")
    with timed("pull a SAS disk"):
        disk = node.pull_disk("1")
    node.fail("test", "-e", SAS_1)
    with timed("insert it into another bay"):
        node.add_disk("11", serial=disk.serial)
    assert node.succeed(f"head -c 4 {SAS_1}") == "kept"
    node.pull_disk("11")
    node.add_disk("1", serial=disk.serial)


def test_nvme_comes_and_goes(node: Machine) -> None:
    with timed("insert an NVMe disk"):
        disk = node.add_disk("12", transport=Transport.NVME)
    with timed("pull it"):
        node.pull_disk("12")
    assert disk.serial in {known.serial for known in node.record.known}


def test_a_disk_that_cannot_bound_its_own_retries_is_given_time(node: Machine) -> None:
    """QEMU's SATA disks have no SCT error recovery control; the rule starts this for hard disks."""
    node.succeed("udevadm verify /etc/udev/rules.d/61-appliance.rules")
    name = node.succeed("lsblk -dno NAME,SERIAL | awk '$2 == \"ZSSD0000\" {print $1}'").strip()
    timeout = f"cat /sys/block/{name}/device/timeout"
    assert node.succeed(timeout).strip() == "30", "it is no hard disk, so nobody changed it"
    node.succeed(f"systemctl start appliance-patience@{name}")
    assert node.succeed(timeout).strip() == "180"


def test_sata_disk_is_pulled_and_put_back(node: Machine) -> None:
    disk = node.pull_disk("7")
    with pytest.raises(RigError, match="off"):
        node.add_disk("7", serial="ZNEWSATA")
    node.add_disk("7", serial=disk.serial)


def test_full_bay_takes_no_disk(node: Machine) -> None:
    with pytest.raises(RigError, match="taken"):
        node.add_disk("2")


def test_corrupted_bytes_are_what_the_node_reads(node: Machine) -> None:
    node.succeed(f"dd if=/dev/zero of={SAS_1} bs=1M count=4 oflag=direct status=none")
    before = node.succeed(f"head -c 4M {SAS_1} | sha256sum")
    node.corrupt_disk("ZSAS0000", MIB, MIB)
    assert node.succeed(f"head -c 4M {SAS_1} | sha256sum") != before
    assert node.succeed(f"head -c 1M {SAS_1} | tr -d '\\000' | wc -c").strip() == "0"


def test_throttled_disk_is_slow(node: Machine) -> None:
    read = f"dd if={SAS_1} of=/dev/null bs=4k count=60 iflag=direct status=none"
    node.throttle_disk("ZSAS0000", 20)
    began = time.monotonic()
    node.succeed(read)
    slow_s = time.monotonic() - began
    node.throttle_disk("ZSAS0000", 0)
    began = time.monotonic()
    node.succeed(read)
    assert slow_s > 1.5
    assert time.monotonic() - began < slow_s


def test_nodes_reach_each_other(node: Machine, peer: Machine) -> None:
    for machine, other in ((node, peer), (peer, node)):
        assert f"{other.address}/" not in machine.succeed("ip", "-4", "-oneline", "address")
        machine.wait_until_succeeds("ping", "-c", "1", "-W", "10", other.address)
    assert peer.succeed("hostname").strip() == peer.name


def test_frozen_node_wakes_with_its_disks(golden: Frozen, tmp_path: Path) -> None:
    machine = golden.clone(f"test-{os.getpid()}-froze", number=3, nvme=False)
    machine.succeed(f"echo frozen | dd of={SAS_1} bs=512 count=1 conv=sync,fsync status=none")
    machine.succeed("echo on-root > /opt/mark")
    with timed("freeze"):
        frozen = freeze(machine, tmp_path / "frozen")
    with timed("clone until a command is done"):
        clone = frozen.clone(f"test-{os.getpid()}-clone", number=4, nvme=False)
    assert clone.succeed(f"head -c 6 {SAS_1}; cat /opt/mark") == "frozenon-root\n"
    clone.remove()


def test_freezing_with_nvme_is_refused(node: Machine, tmp_path: Path) -> None:
    with pytest.raises(RigError, match="NVMe"):
        freeze(node, tmp_path / "frozen")


def test_power_cut_keeps_what_was_flushed(node: Machine) -> None:
    node.succeed("echo durable > /opt/durable && sync /opt/durable")
    node.succeed(f"echo onsas | dd of={SAS_1} bs=512 count=1 conv=sync,fsync status=none")
    node.cut_power()
    assert not node.record.running
    with timed("boot after a power cut"):
        node.start()
    assert node.succeed("cat /opt/durable").strip() == "durable"
    assert node.succeed(f"head -c 5 {SAS_1}") == "onsas"
    node.wait_for_file("/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_ZNVME0000")
    assert node.address in node.succeed("ip -br addr")


def test_image_boots_by_uefi(golden: Frozen, profile: Profile) -> None:
    image = golden.record.built
    machine = Machine.create(f"test-{os.getpid()}-uefi", profile, image, number=5, uefi=True)
    try:
        with timed("boot by UEFI"):
            machine.start(timeout_s=800)
        machine.succeed("test -d /sys/firmware/efi")
    finally:
        machine.remove()
