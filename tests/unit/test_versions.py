"""Previous versions in line with the snapshots: what is missing comes, what is gone leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.node.apply.files import NodeFiles
from agents.node.versions import OPTIONS, Versions
from appliance.errors import NotFoundError, StepFailedError
from appliance.kinds.lvm_report import FULL_REPORT
from appliance.model.command import Command, Output

SHARE = "1 2 253:4 / /srv/shares/images rw - xfs /dev/mapper/vg_tank-vol_images rw"
MONDAY, TUESDAY = "@GMT-2026.11.23-22.00.00", "@GMT-2026.11.24-07.00.00"
FOLDER = "/srv/versions/images"


def volume(name: str, *tags: str, time: str = "2026-11-24 08:00:00 +0100") -> dict[str, object]:
    return {
        "lv_name": name, "lv_tags": [f"appliance.{tag}" for tag in tags], "lv_size": "1073741824",
        "lv_layout": ["thin"], "lv_role": [], "lv_active": 1, "lv_device_open": 0,
        "lv_health_status": "", "lv_time": time, "lv_merging": 0, "pool_lv": "capacity",
        "origin": "", "data_percent": "1", "metadata_percent": "", "sync_percent": None,
        "raid_sync_action": "", "raid_mismatch_count": None,
    }  # fmt: skip


def report(*snapshots: dict[str, object]) -> str:
    group = {"vg_name": "vg_tank", "vg_uuid": "u", "vg_tags": ["appliance.pool=tank"],
             "vg_size": "1", "vg_free": "1"}  # fmt: skip
    volumes = [volume("vol_images", "role=volume", "volume=images"), *snapshots]
    return json.dumps({"report": [{"vg": [group], "lv": volumes}]})


def snapshot(name: str, *tags: str, **time: str) -> dict[str, object]:
    marks = ("role=snapshot", "volume=images", f"snapshot={name}", *tags)
    return volume(f"snap_images_{name}", *marks, **time)


class Node:
    """A node that mounts and unmounts by its table of mounts."""

    def __init__(self, root: Path, lvm: str, shown: tuple[str, ...] = (), fails: str = "") -> None:
        self.root, self.lvm, self.fails = root, lvm, fails
        self.mounts = [f"{FOLDER}/{name}" for name in shown]
        for path in self.mounts:
            (root / path.lstrip("/")).mkdir(parents=True)
        self.ran: list[str] = []
        self.said: list[str] = []
        self._write()

    def _write(self) -> None:
        lines = [f"1 2 253:9 / {path} ro - xfs /dev/mapper/x ro" for path in self.mounts]
        table = self.root / "proc/self/mountinfo"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text("\n".join((SHARE, *lines)))

    def run(self, command: Command) -> Output:
        if command == FULL_REPORT:
            return Output(code=0, stdout=self.lvm)
        line = " ".join(command.argv)
        self.ran.append(line)
        if self.fails and self.fails in line:
            raise StepFailedError("It did not work.", hint="Look.", subject=line)
        path = command.argv[-1]
        match command.argv[0]:
            case "install":
                (self.root / path.lstrip("/")).mkdir(parents=True)
            case "mount":
                self.mounts.append(path)
            case "umount":
                self.mounts.remove(path)
            case "rmdir":
                (self.root / path.lstrip("/")).rmdir()
            case _:
                pass
        self._write()
        return Output(code=0, stdout="")

    def versions(self) -> Versions:
        return Versions(self, NodeFiles(self.root), self.said.append)

    def folders(self) -> list[str]:
        return sorted(item.name for item in (self.root / FOLDER.lstrip("/")).glob("*"))


def test_a_new_snapshot_is_mounted_read_only_under_its_utc_time(tmp_path: Path) -> None:
    kept = snapshot("kept", "created=2026-11-23T22:00:00Z")
    node = Node(tmp_path, report(kept, snapshot("tuesday")), shown=(MONDAY,))
    assert node.versions().show("images") == 0
    assert node.ran == [
        "lvchange --activate y --ignoreactivationskip vg_tank/snap_images_tuesday",
        f"install --directory --mode=0755 {FOLDER}/{TUESDAY}",
        f"mount --types xfs --options {OPTIONS} /dev/vg_tank/snap_images_tuesday {FOLDER}/{TUESDAY}",
    ]
    assert node.versions().show("images") == 0
    assert len(node.ran) == 3, "a second time there is nothing to do"


def test_a_deleted_snapshot_leaves_no_empty_version(tmp_path: Path) -> None:
    node = Node(tmp_path, report(snapshot("tuesday")), shown=(MONDAY, TUESDAY))
    (tmp_path / FOLDER.lstrip("/") / "@GMT-2026.11.01-00.00.00").mkdir()
    assert node.versions().show("images") == 0
    assert node.mounts == [f"{FOLDER}/{TUESDAY}"]
    assert node.folders() == [TUESDAY]


def test_one_snapshot_that_fails_stops_no_other(tmp_path: Path) -> None:
    monday = snapshot("monday", "created=2026-11-23T22:00:00Z")
    node = Node(tmp_path, report(monday, snapshot("tuesday")), fails="y --ignoreactivationskip vg_tank/snap_images_monday")  # fmt: skip
    assert node.versions().show("images") == 1
    assert node.mounts == [f"{FOLDER}/{TUESDAY}"]
    assert any(MONDAY in line and "did not work" in line for line in node.said)


def test_hiding_lets_go_of_all(tmp_path: Path) -> None:
    node = Node(tmp_path, report(), shown=(MONDAY, TUESDAY))
    assert node.versions().hide("images") == 0
    assert (node.mounts, node.folders()) == ([], [])


def test_a_share_that_is_not_mounted_has_no_versions(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="Share 'other' is not mounted"):
        Node(tmp_path, report()).versions().show("other")
