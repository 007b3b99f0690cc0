"""How fast a replaced disk is rebuilt: `disk replace` beside plain `lvconvert --repair`.

Two mirrors of like disks in one emulated node lose a disk each, one after the other. What is timed
is the same for both: from the repair until all is in sync, in bytes of the lost disk a second.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime

import pytest

from agents.node.profiles import profile_named
from appliance.model.disk import Transport
from images.clinic import Clinic, appliance
from images.frozen import golden
from images.machine import Machine
from tests.benchmarks.table import show

pytestmark = [pytest.mark.bench, pytest.mark.lab, pytest.mark.timeout(1800, func_only=True)]

SIZE = 4 << 30
AGAINST_PLAIN = 0.9
POOL_BAYS, PLAIN_BAYS = ("3", "4"), ("5", "6")
SITE = """
[pool.bench.capacity]
disks = ["bay:3", "bay:4"]
raid = "raid1"
integrity = false
"""
RAID = "vg_bench/capacity_tdata"
PLAIN = "plain/raid"
IN_SYNC = "test \"$(lvs --noheadings -o sync_percent {0} | tr -d ' ')\" = 100.00"
REPAIR = f"""\
set -eu
vgextend -q -y plain {{0}}
begun=$(date +%s.%N)
lvconvert -q -y --repair {PLAIN} {{0}}
until {IN_SYNC.format(PLAIN)}; do sleep 2; done
echo "$begun $(date +%s.%N)"
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """A node with a pool's mirror and a plain one, both in sync."""
    node = golden(profile_named("lab-12bay")).clone(f"rebuild-{os.getpid()}", number=1)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
            clinic = Clinic(node, tmp_path_factory.mktemp("rebuild"))
            clinic.trust()
            build(clinic)
            yield clinic
    finally:
        node.remove()


def build(box: Clinic) -> None:
    node = box.node
    for bay in (*POOL_BAYS, *PLAIN_BAYS):
        node.pull_disk(bay)
    wwns = [add(node, bay) for bay in (*POOL_BAYS, *PLAIN_BAYS)]
    site = box.folder / "site.toml"
    site.write_text(SITE)
    box.run("apply", str(site), "--yes")
    extents = node.succeed(
        f"lvs --all --noheadings -o seg_size_pe -S lv_name=capacity_tdata {RAID}"
    )
    plain = " ".join(f"/dev/disk/by-id/wwn-{wwn}" for wwn in wwns[2:])
    node.succeed(
        f"vgcreate -q plain {plain} && lvcreate -q -y --type raid1 -m1"
        f" -l {extents.split()[0]} -n raid plain",
        timeout_s=300,
    )
    for raid in (RAID, PLAIN):
        node.wait_until_succeeds(IN_SYNC.format(raid), timeout_s=900)


def add(node: Machine, bay: str) -> str:
    """A new large disk in a bay; its WWN."""
    return node.add_disk(bay, serial=f"LARGE{bay}", transport=Transport.SAS, size=SIZE).wwn


def replaced(box: Clinic) -> float:
    """Seconds of the rebuild in a replacement by the appliance."""
    node = box.node
    node.pull_disk(POOL_BAYS[1])
    add(node, "11")
    lost = f"LARGE{POOL_BAYS[1]}"
    words = ("disk", "replace", POOL_BAYS[1], "--with", "11", "--confirm", lost, "--yes")
    box.run(*words)
    (job, *_) = json.loads(appliance(node, "job", "list", "--json").stdout)["jobs"]
    shown = json.loads(appliance(node, "job", "show", str(job["number"]), "--json").stdout)
    steps = [step for step in shown["steps"] if "capacity_tdata" in step["title"]]
    begun, ended = steps[0]["begun_at"], steps[-1]["ended_at"]
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()


def repaired(node: Machine) -> float:
    """Seconds of the rebuild by LVM's own command."""
    node.pull_disk(PLAIN_BAYS[1])
    target = f"/dev/disk/by-id/wwn-{add(node, '12')}"
    begun, ended = node.succeed(REPAIR.format(target), timeout_s=900).split()[-2:]
    return float(ended) - float(begun)


def test_a_rebuild_beside_lvconvert(box: Clinic) -> None:
    size = int(
        box.node.succeed(f"lvs --noheadings --nosuffix --units m -o lv_size {RAID}").split(".")[0]
    )
    ours = size / replaced(box)
    plain = size / repaired(box.node)
    show(
        f"Rebuild of a lost disk of a mirror, {size} MiB",
        ("", "MiB/s", "ratio"),
        ("lvconvert --repair", plain, 1.0),
        ("appliance disk replace", ours, ours / plain),
    )
    assert ours >= AGAINST_PLAIN * plain
