"""Discovery and plan for 84 bays, 500 volumes and 200 shares, and ten times that, in CPU seconds.

The node is in memory, so that ten times as much fits: disks with LVM over half of them and shares
mounted, read by the real observer; then one plan that builds everything on blank disks. What the
real udev costs for 84 bays is measured on a mocked chassis (umockdev) and added.
"""

from __future__ import annotations

import gc
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agents.node.observe.devices import BlockDevice, DeviceScan
from agents.node.observe.snapshot import observe_node
from agents.node.profiles import GENERIC
from appliance.kinds.registry import all_kinds
from appliance.model.command import Command, Output
from appliance.model.guest import GuestRecord
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.plan import make_plan
from appliance.planner.site import parse_site
from tests.benchmarks.table import show

T = TypeVar("T")
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
BAYS, VOLUMES, SHARES, MEMBERS = 84, 500, 200, 24
TEN = 10
LIMIT_S = 1.0
LINEAR = 1.5
"""Ten times the node may cost fifteen times as much: caches and the allocator have their part."""
ROOT = Path(__file__).parents[2]
GEN_BAYS = ROOT.parent / "shared" / "captures" / "udev" / "gen_bays.py"


@dataclass(frozen=True)
class MemoryNode:
    """A node's /sys and /proc; every disk is blank."""

    files: Mapping[str, str]
    dirs: Mapping[str, tuple[str, ...]]

    def run(self, command: Command) -> Output:
        return Output(code=0, stdout='{"signatures": []}')

    def read_text(self, path: str) -> str | None:
        return self.files.get(path)

    def list_dir(self, path: str) -> tuple[str, ...]:
        return self.dirs.get(path, ())

    def guests(self) -> tuple[GuestRecord, ...]:
        return ()


def disk(number: int) -> BlockDevice:
    """A SAS disk of 4 TB behind an expander."""
    wwn = f"0x5000cca2{number:08x}"
    return BlockDevice(
        node=f"sd{number}",
        sys_path=f"/sys/devices/pci0000:00/0000:03:00.0/host7/end_device-7:{number}/block/sd{number}",
        number=f"8:{number}",
        properties={
            "ID_BUS": "scsi",
            "ID_MODEL": "HUH728080AL4200",
            "ID_VENDOR": "HGST",
            "ID_SCSI_SERIAL": f"VJG{number:05d}X",
            "ID_WWN": wwn,
            "ID_PATH": f"pci-0000:03:00.0-sas-exp0x5000ccab0200947f-phy{number}-lun-0",
        },
        attributes={
            "size": "7814037168",
            "queue/rotational": "1",
            "queue/logical_block_size": "512",
        },
    )


def chassis(times: int, *, built: bool) -> tuple[DeviceScan, MemoryNode]:
    """Disks in enclosures; when built, a pool's volumes stand on the first disks of each 84."""
    scan = DeviceScan(tuple(disk(number) for number in range(BAYS * times)))
    files: dict[str, str] = {}
    dirs: dict[str, tuple[str, ...]] = {"/sys/class/enclosure": tuple(map(str, range(times)))}
    for enclosure in range(times):
        folder = f"/sys/class/enclosure/{enclosure}"
        files[f"{folder}/id"] = f"0x5000ccab{enclosure:08x}"
        dirs[folder] = tuple(f"Slot {slot:02d}" for slot in range(BAYS))
        for slot in range(BAYS):
            files[f"{folder}/Slot {slot:02d}/slot"] = str(slot)
            dirs[f"{folder}/Slot {slot:02d}/device/block"] = (f"sd{enclosure * BAYS + slot}",)
        if built:
            _build_pool(enclosure, files, dirs)
    return scan, MemoryNode(files, dirs)


def _build_pool(pool: int, files: dict[str, str], dirs: dict[str, tuple[str, ...]]) -> None:
    """A RAID over the members, a thin pool on it, thin volumes on that, shares mounted."""
    base = pool * 10_000

    def mapping(number: int, name: str) -> str:
        node = f"dm-{base + number}"
        folder = f"/sys/class/block/{node}"
        files[f"{folder}/dm/name"], files[f"{folder}/dm/uuid"] = name, f"LVM-{node}"
        files[f"{folder}/dev"] = f"253:{base + number}"
        return node

    thin_pool = mapping(0, f"vg_p{pool}-data-tpool")
    for member in range(MEMBERS):
        image = mapping(1 + member, f"vg_p{pool}-data_rimage_{member}")
        dirs[f"/sys/class/block/sd{pool * BAYS + member}/holders"] = (image,)
        dirs[f"/sys/class/block/{image}/holders"] = (thin_pool,)
    volumes = [mapping(100 + number, f"vg_p{pool}-vol_v{number}") for number in range(VOLUMES)]
    dirs[f"/sys/class/block/{thin_pool}/holders"] = tuple(volumes)
    files["/proc/self/mountinfo"] = files.get("/proc/self/mountinfo", "") + "".join(
        f"1 1 253:{base + 100 + number} / /srv/shares/p{pool}-{number} rw - xfs x rw\n"
        for number in range(SHARES)
    )


def site(times: int, snapshot: NodeSnapshot) -> dict[str, Any]:
    """A pool of 24 disks for each 84 bays, with its volumes and shares."""
    wish: dict[str, Any] = {"pool": {}, "volume": {}, "share": {}}
    for pool in range(times):
        members = snapshot.disks[pool * BAYS : pool * BAYS + MEMBERS]
        tier = {"disks": [item.serial for item in members], "raid": "raid6"}
        wish["pool"][f"p{pool}"] = {"capacity": tier}
        for number in range(VOLUMES):
            name = f"v{pool}-{number}"
            wish["volume"][name] = {"pool": f"p{pool}", "size": "10 GiB"}
            if number < SHARES:
                clients = [{"address": "10.9.0.0/24"}]
                wish["share"][name] = {"volume": name, "nfs": {"clients": clients}}
    return wish


def cpu(work: Callable[[], T]) -> tuple[float, T]:
    """Processor seconds of this process, and what came of it; the better of two."""
    times, result = [], None
    for _ in range(2):
        begun = time.process_time()
        result = work()
        times.append(time.process_time() - begun)
    assert result is not None
    return min(times), result


def observe(scan: DeviceScan, node: MemoryNode) -> NodeSnapshot:
    return observe_node(
        node, scan, kinds=(), profile=GENERIC, last_known={}, claims={}, secrets=(), now=NOW
    )


def measure(times: int) -> tuple[float, float, float, int]:
    """CPU seconds of observing, of reading the spec and of planning; how many steps came out."""
    kinds = all_kinds()
    built = chassis(times, built=True)
    observing, seen = cpu(lambda: observe(*built))
    assert len(seen.disks) == BAYS * times
    assert seen.disks[0].mounted_at
    blank = observe(*chassis(times, built=False))
    wish = site(times, blank)
    parsing, after = cpu(lambda: parse_site(kinds, wish))
    planning, plan = cpu(lambda: make_plan(kinds, blank, (), after, None, plan_id="bench", now=NOW))
    return observing, parsing, planning, len(plan.steps)


def udev_cpu(tmp_path: Path) -> float:
    """CPU seconds of reading 84 mocked bays through the real udev, imports apart."""
    if shutil.which("umockdev-run") is None or not GEN_BAYS.exists():
        pytest.fail("This needs umockdev (Debian) and ../shared/captures/udev/gen_bays.py.")
    text = tmp_path / "84bays.umockdev"
    words = [sys.executable, str(GEN_BAYS), "3", "28"]
    text.write_text(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    words = ["umockdev-run", "-d", str(text), "--", sys.executable, "-m", "tests.recorded.udev.discover", ""]  # fmt: skip
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(json.loads(ended.stdout)["cpu_s"])


@pytest.fixture
def _collector_paused() -> Iterator[None]:
    """Python's cycle collector looks at all live objects now and then: a factor of two on a big
    plan and none on a small one, which would be taken for growth."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def as_rows(*parts: tuple[str, float, float]) -> list[tuple[str, float, float, float]]:
    return [(name, once, ten, ten / once) for name, once, ten in parts]


HEAD = ("part", "once", "ten times", "factor")
NODE = f"{BAYS} bays, {VOLUMES} volumes, {SHARES} shares: CPU seconds"


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_discovery_and_plan_take_under_a_second(tmp_path: Path):
    udev = udev_cpu(tmp_path)
    observing, parsing, planning, steps = measure(1)
    together = udev + observing + parsing + planning
    show(
        NODE,
        ("part", "CPU s"),
        ("84 bays through udev (umockdev)", udev),
        ("disks, bays, what stands on them", observing),
        ("site spec read", parsing),
        (f"plan of {steps} steps", planning),
        ("together", together),
    )
    assert together < LIMIT_S


@pytest.mark.bench
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("_collector_paused")
def test_ten_times_the_node_is_ten_times_the_work():
    *once, _ = measure(1)
    *ten, _ = measure(TEN)
    names = ("disks, bays, what stands on them", "site spec read", "plan", "together")
    parts = zip(names, (*once, sum(once)), (*ten, sum(ten)), strict=True)
    show(f"{NODE}, the cycle collector paused", HEAD, *as_rows(*parts))
    assert sum(ten) < TEN * LINEAR * sum(once)
