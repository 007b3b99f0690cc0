"""A lost disk of a tier that grew: one new disk is enough, though its image went on on another."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from appliance.model.disk import Transport
from images.clinic import Clinic, appliance
from images.machine import Machine
from tests.lab.killing import kill_agent

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400, func_only=True)]
SITE = """
[pool.films.capacity]
disks = [{disks}]
raid = "raid5"

[volume.images]
pool = "films"
size = "256 MiB"
"""
SIZE = 512 << 20
FEW, MORE = ("11", "12", "1"), ("2", "3", "4")
FILM = 200_000_000
VOLUME = "/dev/vg_films/vol_images"
RAID = "capacity_tdata"
LET_GO = "Let go of the images"


def apply(box: Clinic, bays: tuple[str, ...]) -> None:
    site = box.folder / "site.toml"
    site.parent.mkdir(parents=True, exist_ok=True)
    site.write_text(SITE.format(disks=", ".join(f'"bay:{bay}"' for bay in bays)))
    box.run("apply", str(site), "--yes")


def settled(node: Machine) -> None:
    node.wait_until_succeeds(
        f"lvs --noheadings -o sync_percent,raid_sync_action vg_films/{RAID} | grep '100.00 *idle'",
        timeout_s=600,
    )


def same(node: Machine) -> None:
    """Every byte is what was written, whichever disk returns it."""
    node.succeed("sync; echo 3 > /proc/sys/vm/drop_caches")
    node.succeed(f"cmp --bytes {FILM} /root/film {VOLUME}", timeout_s=600)


def scrubbed(node: Machine) -> bool:
    (line,) = json.loads(appliance(node, "pool", "show", "films", "--json").stdout)["care"]
    return bool(line["outcome"] == "no mismatches")


def killed_after(box: Clinic, number: int, title: str) -> None:
    """The agent is killed as soon as a step has ended; a rebuild goes on in the kernel."""
    deadline = time.monotonic() + 600
    while True:
        shown = appliance(box.node, "job", "show", str(number), "--json")
        job = json.loads(shown.stdout)
        if any(s["title"].startswith(title) and s["state"] == "ended" for s in job["steps"]):
            kill_agent(box.node)
            return
        assert time.monotonic() < deadline, shown.text
        time.sleep(0.2)


def test_one_new_disk_is_enough(
    node: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    box = Clinic(node, tmp_path / "films")
    box.trust()
    for bay in ("11", "12"):
        node.add_disk(bay, serial=f"FILM{bay}", transport=Transport.SAS, size=SIZE)
    apply(box, FEW)
    apply(box, (*FEW, *MORE))
    node.succeed(f"head -c {FILM} /dev/urandom > /root/film")
    node.succeed(f"dd if=/root/film of={VOLUME} bs=1M oflag=direct", timeout_s=600)
    settled(node)
    standing = appliance(node, "disk", "replace", "11", "--with", "5", "--preview")
    assert standing.status == 65, standing.text
    assert "one new disk is enough then" in standing.text

    node.pull_disk("11")
    node.succeed("echo 1000 > /proc/sys/dev/raid/speed_limit_max")
    same(node)
    words = ("disk", "replace", "11", "--with", "5", "--confirm", "FILM11", "--yes")
    started = appliance(node, *words, "--no-wait", "--json")
    assert not started.status, started.text
    number = int(json.loads(started.stdout)["number"])
    killed_after(box, number, LET_GO)
    node.wait_for_agent(timeout_s=180)
    same(node)
    node.succeed("echo 200000 > /proc/sys/dev/raid/speed_limit_max")
    box.run("job", "finish", str(number), "--yes")
    same(node)
    node.wait_until(lambda: scrubbed(node), "the scrub that follows", timeout_s=600)
    assert node.succeed(f"lvs --noheadings -o raid_mismatch_count vg_films/{RAID}").split() == ["0"]
    disks = json.loads(appliance(node, "disk", "list", "--json").stdout)["disks"]
    members = {disk["serial"] for disk in disks if disk["pool"] == "films"}
    assert members == {"FILM12", *(f"ZSAS000{n}" for n in range(5))}
    status = json.loads(appliance(node, "status", "--json").stdout)
    assert [item for item in status["findings"] if "pool/films" in item["subject"]] == []
