"""What a pool costs and what its cache gains, by fio inside one emulated node.

Overhead: thin XFS on a pool beside a bare RAID of two like disks, without the checksum layer;
reported, for emulation bounds both. Cache: the pool's hard disks are throttled to a real disk's
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


def throttle(node: Machine, iops: int) -> None:
    for bay in ("1", "2"):
        node.throttle_disk(bay, iops)


def test_thin_xfs_beside_the_bare_raid(box: Clinic) -> None:
    node = box.node
    settle(node)
    for device, folder in ((VOLUME, "/mnt/pool"), (BARE, "/mnt/bare")):
        node.succeed(f"mkfs.xfs -q -f {device} && mkdir -p {folder} && mount {device} {folder}")
    rows = []
    for name, pattern, block in (
        ("sequential write 1 MiB", "write", "1m"),
        ("sequential read 1 MiB", "read", "1m"),
        ("random read 4 KiB", "randread", "4k"),
        ("random write 4 KiB", "randwrite", "4k"),
    ):
        pool, bare = (
            fio(node, f"{folder}/f", pattern, block=block, seconds=SEQUENTIAL_S, span="64m")
            for folder in ("/mnt/pool", "/mnt/bare")
        )
        assert pool > 0
        rows.append((name, pool, bare, pool / bare))
    node.succeed("umount /mnt/pool /mnt/bare && wipefs -qa " + VOLUME)
    show("Thin XFS on a cached pool beside XFS on a bare RAID 1 (operations/s)",
         ("load", "pool", "bare RAID", "ratio"), *rows)  # fmt: skip


def test_a_warm_cache_beside_none(box: Clinic) -> None:
    node = box.node
    fio(node, VOLUME, "write", block="1m", seconds=3, span=SPAN)
    throttle(node, SLOW_IOPS)
    fio(node, VOLUME, "randread", block="4k", seconds=WARM_S, span=SPAN)
    warm = fio(node, VOLUME, "randread", block="4k", seconds=RANDOM_S, span=SPAN)
    throttle(node, 0)
    apply(box, "")
    throttle(node, SLOW_IOPS)
    without = fio(node, VOLUME, "randread", block="4k", seconds=RANDOM_S, span=SPAN)
    throttle(node, 0)
    show(
        f"Random reads of 4 KiB, hard disks at {SLOW_IOPS} operations/s each",
        ("", "operations/s", "ratio"),
        ("without a cache", without, 1.0),
        ("warm cache", warm, warm / without),
    )
    assert warm >= AGAINST_UNCACHED * without
