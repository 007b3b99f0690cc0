"""Volumes on real thin LVM: grow online, snapshot, roll back, clone, delete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from images.clinic import Clinic, appliance
from images.machine import Machine

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900, func_only=True)]

SPEC = """
[pool.fast.performance]
disks = ["bay:7", "bay:9"]
raid = "raid1"

[volume.base]
pool = "fast"
tier = "performance"
size = "{size}"
"""
DEVICE = "/dev/vg_fast/vol_base"


@pytest.fixture(scope="module")
def box(node: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """A mirrored pool with one volume."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        clinic = Clinic(node, tmp_path_factory.mktemp("clinic"))
        clinic.trust()
        clinic.run("apply", spec(clinic.folder, "320 MiB"), "--yes")
        yield clinic


def spec(folder: Path, size: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "volumes.toml"
    file.write_text(SPEC.format(size=size))
    return str(file)


def write(node: Machine, text: str, device: str = DEVICE) -> None:
    node.succeed(f"echo {text} | dd of={device} bs=4096 conv=sync,fsync oflag=direct status=none")


def read(node: Machine, device: str = DEVICE) -> str:
    return node.succeed(
        f"dd if={device} bs=4096 count=1 iflag=direct status=none | tr -d '\\0'"
    ).strip()


def act(box: Clinic, *words: str) -> None:
    box.run("volume", *words, "--yes")


def test_growing_online(box: Clinic) -> None:
    box.node.succeed("mkfs.xfs -q /dev/vg_fast/vol_base && mount /dev/vg_fast/vol_base /mnt")
    box.run("apply", spec(box.folder, "400 MiB"), "--yes")
    assert box.node.succeed(f"blockdev --getsize64 {DEVICE}").strip() == str(400 << 20)
    box.node.succeed("xfs_growfs /mnt && umount /mnt && wipefs -qa /dev/vg_fast/vol_base")
    refused = appliance(box.node, "apply", spec(box.folder, "320 MiB"), "--preview")
    assert refused.status == 65
    assert "cut off" in refused.text
    spec(box.folder, "400 MiB")


def test_a_snapshot_is_rolled_back_to_and_stays(box: Clinic) -> None:
    node = box.node
    write(node, "before")
    act(box, "snapshot", "base", "name=nightly")
    shown = json.loads(appliance(node, "volume", "show", "base", "--json").stdout)
    (taken,) = shown["found"]["snapshots"]
    assert taken["created_at"].endswith("Z")
    write(node, "after")
    node.succeed(f"systemd-run --unit=holder sh -c 'exec 9<{DEVICE}; sleep 600'")
    busy = appliance(node, "volume", "rollback", "base", "name=nightly", "--preview")
    assert busy.status == 65, busy.text
    assert "is in use" in busy.text
    node.succeed("systemctl stop holder")
    act(box, "rollback", "base", "name=nightly", "--confirm", "base")
    assert read(node) == "before"
    again = json.loads(appliance(node, "volume", "show", "base", "--json").stdout)
    assert again["found"]["snapshots"] == [taken]


def test_a_clone_is_a_volume_of_its_own(box: Clinic) -> None:
    node = box.node
    act(box, "clone", "base", "name=copy", "of=nightly")
    write(node, "changed", "/dev/vg_fast/vol_copy")
    assert read(node) == "before"
    box.run("volume", "import", "copy", "--yes")
    box.run("volume", "delete", "copy", "--yes", "--confirm", "copy")
    node.fail("test -e /dev/vg_fast/vol_copy")


def test_deleting_a_snapshot_needs_the_name(box: Clinic) -> None:
    refused = appliance(box.node, "volume", "delete-snapshot", "base", "name=nightly", "--yes")
    assert refused.status == 65
    act(box, "delete-snapshot", "base", "name=nightly", "--confirm", "base")
    shown = json.loads(appliance(box.node, "volume", "show", "base", "--json").stdout)
    assert shown["found"]["snapshots"] == []


def test_removing_one_in_use_gives_words_and_loses_nothing(box: Clinic) -> None:
    node = box.node
    node.succeed(f"systemd-run --unit=holder sh -c 'exec 9<{DEVICE}; sleep 600'")
    failed = appliance(node, "volume", "delete", "base", "--yes", "--confirm", "base")
    assert failed.status != 0
    assert "in use" in failed.text
    assert read(node) == "before"
    node.succeed("systemctl stop holder")
