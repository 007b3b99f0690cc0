"""The kernel's mount and swap tables."""

from __future__ import annotations

from agents.node.observe.mounts import SWAP, observe_mounts, parse_mounts
from tests.unit.fakes import FakeProbe

MOUNTINFO = """\
22 1 254:2 / / rw,relatime shared:1 - ext4 /dev/vda2 rw
30 22 254:2 /home /srv/with\\040blank rw shared:1 - ext4 /dev/vda2 rw
31 22 0:45 /@ /data rw - btrfs /dev/sdb rw
32 22 0:21 / /proc rw - proc proc rw
a broken line
"""
SWAPS = """\
Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority
/dev/vda3                               partition\t1048572\t\t0\t\t-2
/var/swapfile                           file\t\t1048572\t\t0\t\t-3
"""


def test_mount_points_by_number_and_by_source():
    table = parse_mounts(MOUNTINFO, SWAPS)
    assert table.on("254:2", ()) == {"/", "/srv/with blank"}
    assert table.on("8:16", ("/dev/sdb",)) == {"/data"}
    assert table.on("254:3", ("/dev/vda3",)) == {SWAP}
    assert table.on("8:0", ("/dev/sda",)) == frozenset()


def test_a_swap_file_is_no_device():
    assert list(parse_mounts("", SWAPS).by_source) == ["/dev/vda3"]


def test_a_node_without_the_tables_has_no_mounts():
    assert observe_mounts(FakeProbe()).by_number == {}
