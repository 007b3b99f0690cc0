"""Discovery against recorded chassis: the real pyudev on a mocked /sys and /dev (umockdev)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CAPTURES = ROOT.parent / "shared" / "captures" / "udev"
BAY24 = CAPTURES / "bay24.umockdev"
DEBIAN_PYTHON = Path("/usr/bin/python3")
TIMEOUT_S = 100


def _missing() -> str:
    if not BAY24.exists():
        return f"{BAY24} is missing"
    if shutil.which("umockdev-run") is None:
        return "umockdev is not installed (Debian: umockdev gir1.2-umockdev-1.0 python3-gi)"
    return ""


@pytest.fixture(autouse=True)
def _needs_umockdev() -> None:
    reason = _missing()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def run(*argv: str | Path) -> Any:
    ended = subprocess.run(
        [str(word) for word in argv],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def discover(description: Path, unreadable: str = "") -> Any:
    script = ("-m", "tests.recorded.udev.discover", unreadable)
    return run("umockdev-run", "-d", description, "--", sys.executable, *script)


def test_24_bays():
    found = discover(BAY24)
    disks = {disk["node"]: disk for disk in found["disks"]}
    assert found["problems"] == []
    assert len(disks) == 24
    assert Counter(disk["transport"] for disk in disks.values()) == {"sas": 23, "nvme": 1}
    first = disks["sda"]
    assert (first["serial"], first["wwn"]) == ("VJG0003X", "0x5000cca261070000")
    assert (first["model"], first["vendor"]) == ("HUH728080AL4200", "HGST")
    assert (first["medium"], first["size"]) == ("hdd", 15628053168 * 512)
    bays = {disk["bay"] for disk in disks.values() if disk["transport"] == "sas"}
    assert bays == {str(slot) for slot in range(24) if slot != 5}
    assert disks["nvme0n1"]["serial"] == "S64GNE0R000001"
    assert disks["nvme0n1"]["medium"] == "ssd"


def test_a_disk_that_cannot_be_read_hides_no_other():
    found = discover(BAY24, unreadable="sdc")
    signatures = {disk["node"]: disk["signatures"] for disk in found["disks"]}
    assert len(signatures) == 24
    assert [item["type"] for item in signatures.pop("sdc")] == ["unreadable"]
    assert not any(signatures.values())
    assert found["problems"] == ["What is written on sdc cannot be read: Input/output error"]


@pytest.fixture(scope="module")
def bays84(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("udev") / "84bays.umockdev"
    words = [sys.executable, str(CAPTURES / "gen_bays.py"), "3", "28"]
    with path.open("w") as text:
        subprocess.run(words, stdout=text, check=True, timeout=TIMEOUT_S)
    return path


def test_84_bays_in_three_enclosures(bays84: Path):
    disks = discover(bays84)["disks"]
    assert len(disks) == 82
    bays = [disk["bay"] for disk in disks if disk["transport"] == "sas"]
    assert len(set(bays)) == len(bays) == 81
    assert Counter(bay.partition(".")[0] for bay in bays) == {"1": 27, "2": 27, "3": 27}


def test_two_paths_are_one_disk(tmp_path: Path):
    text = BAY24.read_text()
    (disk,) = [part for part in text.split("\n\n") if "\nN: sda\n" in part]
    second = disk.replace("sda", "sdzz").replace("8:0", "65:240").replace("MINOR=0", "MINOR=240")
    second = second.replace("MAJOR=8", "MAJOR=65").replace("/host7/", "/host8/")
    both = tmp_path / "dual.umockdev"
    both.write_text(f"{text}\n\n{second}\n")
    disks = {disk["node"]: disk for disk in discover(both)["disks"]}
    assert len(disks) == 24
    assert disks["sda"]["paths"] == ["sda", "sdzz"]
    assert disks["sda"]["bay"] == "0"


def test_a_disk_inserted_and_pulled_is_told():
    site = Path(sys.prefix) / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    script = ROOT / "tests/recorded/udev/hotplug.py"
    told = run("umockdev-wrapper", DEBIAN_PYTHON, script, BAY24, "sdb", ROOT, site)
    assert told == [
        23,
        {"action": "add", "node": "sdb", "serial": "VJG0013X"},
        24,
        {"action": "remove", "node": "sdb", "serial": "VJG0013X"},
        23,
    ]
