"""Pools on real LVM: built, healed, grown, cut off in the middle, imported, removed to blank disks.

One node serves the module; each test leaves the disks as the next one needs them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from images.clinic import Clinic, appliance
from images.machine import Machine

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500, func_only=True)]

SMALL = """
[pool.clinic.capacity]
disks = [{disks}]
raid = "raid1"
cache = "64 MiB"

[pool.clinic.performance]
disks = ["bay:7", "bay:9"]
raid = "raid1"

[volume.images]
pool = "clinic"
size = "512 MiB"
"""


def site(folder: Path, *bays: int) -> str:
    """A small pool, its capacity on these bays."""
    file = folder / f"site-{'-'.join(map(str, bays))}.toml"
    file.write_text(SMALL.format(disks=", ".join(f'"bay:{bay}"' for bay in bays)))
    return str(file)


@pytest.fixture(scope="module")
def box(node: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """The node with its host key pinned; background work bounded, as the emulated CPU is slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        clinic = Clinic(node, tmp_path_factory.mktemp("clinic"))
        clinic.trust()
        yield clinic


def preview(box: Clinic, *words: str) -> list[str]:
    ran = appliance(box.node, *words, "--preview", "--json")
    assert not ran.status, ran.text
    return [step["title"] for step in json.loads(ran.stdout)["steps"]]


def lvs(node: Machine, name: str, field: str) -> str:
    """A field of a logical volume, hidden or not."""
    return node.succeed(f"lvs --all --noheadings -o {field} -S 'lv_name={name}' vg_clinic").strip()


def fill(node: Machine) -> str:
    """Random bytes over the whole volume; their checksum."""
    node.succeed(
        "dd if=/dev/urandom of=/dev/vg_clinic/vol_images bs=1M count=96 oflag=direct status=none"
    )
    return checksum(node)


def checksum(node: Machine) -> str:
    return node.succeed(
        "dd if=/dev/vg_clinic/vol_images bs=1M count=96 iflag=direct status=none | sha256sum"
    ).split()[0]


def scrub(box: Clinic) -> None:
    """Scrub the pool and wait until the capacity tier is through."""
    box.run("pool", "scrub", "clinic", "--yes")
    box.node.wait_until_succeeds(
        "lvs --all --noheadings -o raid_sync_action -S lv_name=capacity_tdata_corig vg_clinic"
        " | grep -q idle",
        timeout_s=600,
    )


@pytest.fixture(scope="module")
def pool(box: Clinic, tmp_path_factory: pytest.TempPathFactory) -> tuple[Clinic, str, Path]:
    """A mirrored, cached pool on bays 1 and 2 with a filled volume, and its checksum."""
    folder = tmp_path_factory.mktemp("sites")
    box.run("apply", site(folder, 1, 2), "--yes")
    return box, fill(box.node), folder


Pool = tuple[Clinic, str, Path]


def standing(node: Machine, bay: str) -> tuple[str, str | None]:
    """Role of the disk in a bay, and why it is quarantined."""
    disks = json.loads(appliance(node, "disk", "list", "--json").stdout)["disks"]
    return next((disk["role"], disk["quarantine"]) for disk in disks if disk["bay"] == bay)


def test_new_disks_wait_to_be_admitted(box: Clinic) -> None:
    assert standing(box.node, "5") == ("quarantined", "new")
    box.run("disk", "admit", "5", "--depth", "full", "--yes")
    assert standing(box.node, "5") == ("free", None)
    shown = appliance(box.node, "disk", "show", "bay:5").stdout
    assert "depth full:" in shown
    assert "Every block was read without an error." in shown


def test_the_layers_are_where_they_should_be(pool: Pool) -> None:
    box, _, folder = pool
    node = box.node
    assert preview(box, "apply", site(folder, 1, 2)) == []
    assert lvs(node, "capacity_tdata_corig", "segtype") == "raid1"
    assert lvs(node, "capacity_tmeta", "segtype") == "raid1"
    on = node.succeed(
        "pvs --segments --noheadings -o pv_name -S 'lv_name=lvol0_pmspare || lv_name=~capacity_tmeta_rimage'"
    ).split()
    spinning = [device for device in on if "1" in node.succeed("lsblk", "-ndo", "ROTA", device)]
    assert on
    assert not spinning, "metadata or its spare lies on a hard disk"


def test_corruption_is_found_and_healed_by_a_scrub(pool: Pool) -> None:
    box, content, _ = pool
    node = box.node
    node.wait_until_succeeds(
        "lvs --all --noheadings -o sync_percent -S lv_name=capacity_tdata_corig vg_clinic"
        " | grep -q 100.00",
        timeout_s=300,
    )
    node.corrupt_disk("ZSAS0000", 64 << 20, 128 << 20)
    scrub(box)
    assert int(node.succeed("dmsetup status int-ZSAS0000").split()[3]) > 0
    findings = json.loads(appliance(node, "status", "--json").stdout)["findings"]
    assert any("ZSAS0000" in item["what"] and "checksum" in item["what"] for item in findings)
    assert checksum(node) == content
    scrub(box)
    assert lvs(node, "capacity_tdata_corig", "raid_mismatch_count") == "0", "healed for good"


def test_growing_by_disks_goes_on_while_in_use(pool: Pool) -> None:
    box, content, folder = pool
    node = box.node
    before = int(lvs(node, "capacity", "lv_size --units b --nosuffix"))
    refused = appliance(node, "apply", site(folder, 1, 2, 3), "--preview")
    assert refused.status == 65
    assert "grows by 2 disks at a time" in refused.text
    holder = "exec 9</dev/vg_clinic/vol_images; sleep 900"
    node.succeed(f"systemd-run --unit=holder sh -c '{holder}'")
    box.run("apply", site(folder, 1, 2, 3, 4), "--yes")
    node.succeed("systemctl stop holder")
    assert int(lvs(node, "capacity", "lv_size --units b --nosuffix")) > 1.9 * before
    assert lvs(node, "capacity_tdata_corig", "segtype") == "raid1", "the cache is attached again"
    assert checksum(node) == content
    assert preview(box, "apply", site(folder, 1, 2, 3, 4)) == []


def test_disks_moved_to_a_new_box_are_imported(pool: Pool) -> None:
    """A box that never heard of the pool: no database, layers closed, another start."""
    box, content, folder = pool
    node = box.node
    node.succeed("systemctl stop appliance-agent; rm -f /var/lib/appliance/state.db*")
    node.stop()
    node.start()
    box.trust()
    node.wait_for_agent(timeout_s=180)
    assert "not managed" in appliance(node, "pool", "list").stdout
    box.run("pool", "import", "clinic", "--yes")
    box.run("volume", "import", "images", "--yes")
    assert checksum(node) == content
    assert preview(box, "apply", site(folder, 1, 2, 3, 4)) == []


def test_removing_leaves_blank_disks(pool: Pool, tmp_path: Path) -> None:
    box, _, _ = pool
    node = box.node
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    refused = appliance(node, "apply", str(empty), "--yes")
    assert refused.status == 65, refused.text
    plan = json.loads(appliance(node, "apply", str(empty), "--preview", "--json").stdout)
    tokens = [item["token"] for item in plan["confirmations"]]
    assert {"clinic", "images", "ZSAS0000", "ZNVME0000"} <= set(tokens)
    confirmed = [word for token in tokens for word in ("--confirm", token)]
    box.run("apply", str(empty), "--yes", *confirmed)
    assert node.succeed("wipefs --noheadings /dev/sd[a-h] /dev/nvme?n1").strip() == ""
    assert node.succeed("dmsetup ls").strip() == "No devices found"
    disks = json.loads(appliance(node, "disk", "list", "--json").stdout)["disks"]
    assert {disk["role"] for disk in disks} <= {"free", "quarantined", "boot"}


@pytest.mark.parametrize(
    ("bay", "method", "category"),
    [
        ("9", "nvme-format", "purge"),
        # bay 1 was corrupted: its disk counts as failing, and is no pool's any more
        ("2", "overwrite", "clear"),
    ],
)
def test_a_disk_that_left_is_erased_by_the_best_it_has(
    box: Clinic, bay: str, method: str, category: str
) -> None:
    node = box.node
    assert standing(node, bay) == ("quarantined", "not-erased")
    serial = json.loads(appliance(node, "disk", "show", f"bay:{bay}", "--json").stdout)["disk"][
        "serial"
    ]
    device = node.succeed(f"lsblk -dno PATH,SERIAL | awk '/{serial}/ {{print $1}}'").strip()
    blank = f"cmp -n {1 << 30} {device} /dev/zero"
    assert node.execute(blank).status, "what the pool wrote is still there"
    unsure = appliance(node, "disk", "erase", bay, "--yes")
    assert f"--confirm {serial}" in unsure.text
    box.run("disk", "erase", bay, "--yes", "--confirm", serial)
    node.succeed(blank)
    assert standing(node, bay) == ("free", None)
    paper = json.loads(appliance(node, "disk", "certificate", serial, "--json").stdout)
    assert (paper["method"], paper["category"], paper["serial"]) == (method, category, serial)
    assert paper["digest"] in appliance(node, "audit", "list").stdout
    assert "intact" in appliance(node, "audit", "verify").text


def test_a_power_cut_between_steps_is_planned_on_from(box: Clinic, tmp_path: Path) -> None:
    """Cut while the pool is being made; what is left is shown, finished, and the plan is empty."""
    node = box.node
    spec = site(tmp_path, 2, 4)
    started = appliance(node, "apply", spec, "--yes", "--no-wait", "--json")
    assert not started.status, started.text
    number = json.loads(started.stdout)["number"]
    deadline = time.monotonic() + 300
    while json.loads(appliance(node, "job", "show", str(number), "--json").stdout)["steps"][6][
        "state"
    ] not in ("begun", "ended"):
        assert time.monotonic() < deadline, "the job did not get on"
        time.sleep(0.3)
    node.cut_power()
    node.start()
    box.trust()
    node.wait_for_agent(timeout_s=180)
    shown = json.loads(appliance(node, "job", "show", str(number), "--json").stdout)
    assert shown["state"] == "unknown"
    box.run("job", "finish", str(number), "--yes")
    assert preview(box, "apply", spec) == []
    fill(node)
