"""Installed systems as LVM tells of them, and what is said of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.kinds.base import Change, View
from appliance.kinds.boot_found import group_name, is_on
from appliance.kinds.boot_steps import root_size
from appliance.kinds.host.boot import KIND
from appliance.kinds.lvm_report import FULL_REPORT
from appliance.model.boot import GIB, LEAST_DISK, ROOT_LEAST, ROOT_SIZE, BootDisk, BootFound
from appliance.model.disk import Disk, Medium, Transport
from appliance.model.resource import Severity
from appliance.model.snapshot import NodeSnapshot
from tests.unit.fakes import FakeProbe

LV: dict[str, Any] = {
    "lv_uuid": "", "lv_tags": [], "lv_size": "1073741824", "lv_layout": ["raid", "raid1"],
    "lv_role": ["public"], "lv_active": 1, "lv_device_open": 1, "lv_health_status": "",
    "lv_time": "2026-11-24 09:30:00 +0100", "lv_merging": 0, "pool_lv": "", "origin": "",
    "data_percent": None, "metadata_percent": None, "sync_percent": 100, "raid_sync_action": "idle",
    "raid_mismatch_count": 0,
}  # fmt: skip


def report(*, health: str = "", lost: bool = False, copied: bool = True) -> str:
    names = ("root", "[root_rimage_0]", "[root_rimage_1]", "[root_rmeta_0]", "[root_rmeta_1]")
    volumes = [{**LV, "lv_name": name, "lv_health_status": health} for name in names]
    disks = [
        {"pv_name": name, "pv_uuid": f"u{n}", "pv_size": "1", "pv_free": "0",
         "pv_tags": [f"appliance.serial=S{n}", "appliance.loader=whole"],
         "pv_missing": int(lost and n == 1)}
        for n, name in enumerate(("/dev/sda2", "[unknown]" if lost else "/dev/sdb2"))
    ]  # fmt: skip
    group = {
        "vg_name": "approot_s0", "vg_uuid": "v", "vg_size": "1", "vg_free": "0",
        "vg_tags": ["appliance.boot=system", *(["appliance.system=whole"] if copied else [])],
    }  # fmt: skip
    used = [{"pv_uuid": f"u{n}", "lv_name": f"[root_rimage_{n}]"} for n in (0, 1)]
    part = {"vg": [group], "pv": disks, "lv": volumes, "pvseg": used}
    return json.dumps({"report": [part]})


def found(text: str = "", *, cmdline: str = "quiet") -> BootFound:
    probe = FakeProbe(
        outputs={FULL_REPORT.line(): text or report()},
        files={"/proc/cmdline": f"root=LABEL=approot {cmdline}\n"},
        dirs={"/dev/disk/by-partlabel": ("appesp-S0", "appsys-S0", "esp", "root")},
    )
    return KIND.observe(probe)["node"]


RUNS = "root=/dev/mapper/approot_s0-root"


def disk(serial: str, **more: object) -> Disk:
    return Disk.model_validate(
        {"serial": serial, "transport": Transport.SATA, "medium": Medium.SSD, "node": "sda", **more}
    )


def test_a_system_on_a_mirror_is_found_by_its_tags() -> None:
    seen = found()
    (group,) = seen.groups
    assert (seen.running, seen.disks, group.running) == (False, (), False)
    assert (group.name, group.copies, group.whole, group.complete) == ("approot_s0", 2, True, True)
    assert [item.serial for item in group.disks] == ["S0", "S1"]
    assert seen.labels == {"appesp-S0", "appsys-S0"}
    assert not found(report(copied=False)).groups[0].complete


def test_the_kernels_words_tell_whether_it_runs() -> None:
    seen = found(cmdline=RUNS)
    assert (seen.running, seen.disks) == (True, ("S0", "S1"))
    assert KIND.foreign("node", seen)
    assert not KIND.foreign("node", found()), "nobody wants it: it can be imported"
    assert KIND.foreign("node", BootFound())


def test_it_is_taken_over_as_it_is() -> None:
    spec = KIND.adopt("node", found())
    assert spec is not None
    assert spec.disks == ("S0", "S1")
    assert KIND.adopt("node", BootFound()) is None


@pytest.mark.parametrize(
    ("text", "cmdline", "said", "severity"),
    [
        (report(), "quiet", "the node still runs from the medium", Severity.INFO),
        (report(lost=True), RUNS, "disk S1 does not answer", Severity.CRITICAL),
        (report(health="refresh needed"), RUNS, "is back, but not used", Severity.WARNING),
    ],
)
def test_what_is_not_well_is_told(text: str, cmdline: str, said: str, severity: Severity) -> None:
    (finding,) = KIND.health("node", found(text, cmdline=cmdline))
    assert said in finding.what
    assert finding.severity is severity
    assert finding.next_step


def test_a_mirror_that_is_well_says_nothing() -> None:
    assert KIND.health("node", found(cmdline=RUNS)) == ()


def test_a_disk_without_its_tag_yet_is_known_by_its_device() -> None:
    item = BootDisk(pv="/dev/nvme0n1p2")
    assert is_on(disk("N", node="nvme0n1"), item)
    assert not is_on(disk("N", node="nvme0n10"), item)
    assert not is_on(disk("N", node="", missing=True), item)


def test_the_root_has_what_the_smaller_disk_has_room_for() -> None:
    sizes = [root_size([disk("A", size=size)]) for size in (LEAST_DISK, 480 * 10**9)]
    assert sizes[0] >= ROOT_LEAST
    assert sizes[1] == ROOT_SIZE
    assert root_size([disk("A", size=480 * 10**9), disk("B", size=4 * GIB)]) < 4 * GIB


def test_nothing_found_and_nothing_wanted_is_nothing_to_do() -> None:
    view = View(NodeSnapshot.model_validate(
        {"host": {"hostname": "n", "profile": "p"}, "taken_at": "2026-11-24T08:00:00Z"}
    ))  # fmt: skip
    nothing: Change[Any, Any] = Change("node", None, None)
    assert list(KIND.plan(nothing, view)) == []
    assert not KIND.notes(nothing, view)
    assert not KIND.given_up(nothing, view)
    assert not KIND.confirmations(nothing, view)
    assert group_name("WD-X_1") == "approot_wdx1"
