"""A disk that cannot read all of itself is replaced, and no wrong byte comes of it.

pvmove would take the blocks that it could not read for copied, and the mirror would return them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.model.disk import Transport
from images.clinic import Clinic
from images.machine import Machine

pytestmark = pytest.mark.lab
SITE = """
[pool.films.performance]
disks = ["bay:5", "bay:3"]
raid = "raid1"

[volume.images]
pool = "films"
tier = "performance"
size = "128 MiB"
"""
UNREADABLE = tuple(mib << 11 for mib in range(40, 250, 4))
"""Sectors where data lies: beyond the labels and the thin pool's metadata."""
VOLUME = "/dev/vg_films/vol_images"
LEGS = "/dev/mapper/vg_films-performance_tdata_rimage_"


def test_no_wrong_byte_comes_of_it(
    node: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    box = Clinic(node, tmp_path / "films")
    box.trust()
    node.pull_disk("3")
    node.add_disk("3", serial="ROTTEN", transport=Transport.SAS, unreadable=UNREADABLE)
    site = tmp_path / "site.toml"
    site.write_text(SITE)
    box.run("apply", str(site), "--yes")
    node.succeed("head -c 100000000 /dev/urandom > /root/film")
    node.succeed(f"dd if=/root/film of={VOLUME} bs=1M oflag=direct", timeout_s=300)
    node.fail(f"cat {LEGS}1 > /dev/null", timeout_s=300)
    box.run("disk", "replace", "3", "--with", "4", "--confirm", "ROTTEN", "--yes")
    node.succeed("sync; echo 3 > /proc/sys/vm/drop_caches")
    node.succeed(f"cmp --bytes 100000000 /root/film {VOLUME}", timeout_s=300)
    node.succeed(f"cmp {LEGS}0 {LEGS}1", timeout_s=600)
