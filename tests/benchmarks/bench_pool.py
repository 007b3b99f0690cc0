"""What a pool costs and what its cache gains, by fio inside one emulated node.

Overhead: thin XFS on a pool beside XFS on a bare RAID of two like disks, without the checksum
layer. Once with the disks at a hard disk's pace, which is what a client of such disks sees; once
without any bound, where an emulated CPU is all that counts, which shows the layers' own cost. Both
are reported. Cache: the pool's hard disks are throttled to a real disk's
pace by QEMU, and warm random reads with a cache must be at least five times those without.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.node.profiles import profile_named
from images.clinic import Clinic
from images.frozen import golden
from images.machine import Machine
from tests.benchmarks.table import show

pytestmark = [pytest.mark.bench, pytest.mark.lab, pytest.mark.timeout(1800, func_only=True)]

SEQUENTIAL_S, RANDOM_S, WARM_S = 8, 15, 40
SLOW_IOPS = 20
DISK_IOPS, DISK_RATE = 150, 100_000_000
"""Chosen, not measured: of a hard disk's order, and slow enough for an emulated CPU."""
AGAINST_UNCACHED = 5.0
SPAN = "16m"
VOLUME = "/dev/vg_bench/vol_data"
BARE = "/dev/bare/raid"
SITE = """
[pool.bench.capacity]
disks = ["bay:1", "bay:2"]
raid = "raid1"
integrity = false
{cache}
[pool.bench.performance]
disks = ["bay:7", "bay:8"]
raid = "raid1"

[volume.data]
pool = "bench"
size = "512 MiB"
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """A node with a cached pool on two disks and a bare mirror on two others, both filled."""
    node = golden(profile_named("lab-12bay")).clone(f"bench-{os.getpid()}", number=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        clinic = Clinic(node, tmp_path_factory.mktemp("bench"))
        clinic.trust()
        apply(clinic, 'cache = "64 MiB"')
        disks = "/dev/disk/by-id/wwn-0x5000c50012340010 /dev/disk/by-id/wwn-0x5000c50012340014"
        node.succeed(
            f"vgcreate -q bare {disks} && lvcreate -q -y --type raid1 -m1 -L 512m -n raid bare",
            timeout_s=300,
        )
        yield clinic
    node.remove()


def apply(box: Clinic, cache: str) -> None:
    site = Path(box.folder) / "site.toml"
    site.parent.mkdir(parents=True, exist_ok=True)
    site.write_text(SITE.format(cache=cache))
    box.run("apply", str(site), "--yes")


def fio(node: Machine, target: str, pattern: str, *, block: str, seconds: int, span: str) -> float:
    """Operations a second of one fio job."""
    ran = node.succeed(
        f"fio --name=b --filename={target} --rw={pattern} --bs={block} --size={span} --direct=1"
        f" --ioengine=libaio --iodepth=8 --time_based --runtime={seconds} --output-format=json",
        timeout_s=seconds + 120,
    )
    (job,) = json.loads(ran[ran.index("{") :])["jobs"]
    return float(job["write" if "write" in pattern else "read"]["iops"])


def settle(node: Machine) -> None:
    """Wait for the mirrors' first synchronisation, which would share the disks with fio."""
    node.wait_until_succeeds(
        "! lvs --all --noheadings -o sync_percent -S 'segtype=~raid' | grep -qv 100.00",
        timeout_s=600,
    )


def throttle(node: Machine, iops: int = 0, *, rate: int = 0) -> None:
    """Bound the hard disks of the pool and those of the bare RAID alike."""
    for bay in ("1", "2", "5", "6"):
        node.throttle_disk(bay, iops, rate=rate)


@pytest.fixture
def mounted(box: Clinic) -> Iterator[Machine]:
    """The node with a file system on the pool's volume and one on the bare RAID."""
    settle(box.node)
    for device, folder in ((VOLUME, "/mnt/pool"), (BARE, "/mnt/bare")):
        box.node.succeed(f"mkfs.xfs -q -f {device} && mkdir -p {folder} && mount {device} {folder}")
    yield box.node
    throttle(box.node)
    box.node.succeed("umount /mnt/pool /mnt/bare && wipefs -qa " + VOLUME)


def beside(node: Machine, name: str, pattern: str, block: str) -> tuple[str, float, float, float]:
    """One row: the pool's operations a second, the bare RAID's, and their ratio."""
    pool, bare = (
        fio(node, f"{folder}/f", pattern, block=block, seconds=SEQUENTIAL_S, span="64m")
        for folder in ("/mnt/pool", "/mnt/bare")
    )
    assert pool > 0
    return name, pool, bare, pool / bare


SEQUENTIAL = (("sequential write 1 MiB", "write", "1m"), ("sequential read 1 MiB", "read", "1m"))
RANDOM = (("random read 4 KiB", "randread", "4k"), ("random write 4 KiB", "randwrite", "4k"))
HEAD = ("load", "pool", "bare RAID", "ratio")


def test_thin_xfs_beside_the_bare_raid(mounted: Machine) -> None:
    rows = [beside(mounted, *load) for load in (*SEQUENTIAL, *RANDOM)]
    show("Thin XFS on a cached pool beside XFS on a bare RAID 1, disks without bound: the emulated"
         " CPU's cost (operations/s)", HEAD, *rows)  # fmt: skip


def test_thin_xfs_beside_the_bare_raid_at_a_disks_pace(mounted: Machine) -> None:
    throttle(mounted, rate=DISK_RATE)
    rows = [beside(mounted, *load) for load in SEQUENTIAL]
    throttle(mounted, DISK_IOPS)
    rows += [beside(mounted, *load) for load in RANDOM]
    show(f"The same with hard disks of {DISK_RATE // 1_000_000} MB/s and {DISK_IOPS} random"
         " operations/s each (operations/s)", HEAD, *rows)  # fmt: skip


def test_a_warm_cache_beside_none(box: Clinic) -> None:
    node = box.node
    fio(node, VOLUME, "write", block="1m", seconds=3, span=SPAN)
    throttle(node, SLOW_IOPS)
    fio(node, VOLUME, "randread", block="4k", seconds=WARM_S, span=SPAN)
    warm = fio(node, VOLUME, "randread", block="4k", seconds=RANDOM_S, span=SPAN)
    throttle(node)
    apply(box, "")
    throttle(node, SLOW_IOPS)
    without = fio(node, VOLUME, "randread", block="4k", seconds=RANDOM_S, span=SPAN)
    throttle(node)
    show(
        f"Random reads of 4 KiB, hard disks at {SLOW_IOPS} operations/s each",
        ("", "operations/s", "ratio"),
        ("without a cache", without, 1.0),
        ("warm cache", warm, warm / without),
    )
    assert warm >= AGAINST_UNCACHED * without
