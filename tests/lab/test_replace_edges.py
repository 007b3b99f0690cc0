"""A disk is replaced while the agent is killed at every edge of every step: nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.model.disk import Transport
from images.clinic import Clinic, appliance
from images.machine import Machine
from tests.lab.test_faults import PROGRAMS, every_edge, plan

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400, func_only=True)]
SITE = """
[pool.films.capacity]
disks = [{capacity}]
raid = "raid5"
cache = "64 MiB"

[pool.films.performance]
disks = [{performance}]
raid = "raid1"

[volume.images]
pool = "films"
size = "256 MiB"

[volume.index]
pool = "films"
tier = "performance"
size = "256 MiB"
"""
SIZE = 512 << 20
FEW, MORE = ("11", "12", "1"), ("2", "3", "4")
FAST = ("7", "9")
LENGTH = 150_000_000
VOLUMES = {"/root/films": "/dev/vg_films/vol_images", "/root/index": "/dev/vg_films/vol_index"}


@dataclass
class Films:
    """A pool that grew, with its fast tier, and what was written on both."""

    box: Clinic
    capacity: tuple[str, ...]
    performance: tuple[str, ...]

    @property
    def node(self) -> Machine:
        """The machine it is on."""
        return self.box.node

    def site(self) -> Path:
        """What is wanted now."""
        path = self.box.folder / "site.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        names = [", ".join(f'"bay:{bay}"' for bay in b) for b in (self.capacity, self.performance)]
        path.write_text(SITE.format(capacity=names[0], performance=names[1]))
        return path

    def apply(self) -> None:
        """Make it so."""
        self.box.run("apply", str(self.site()), "--yes")

    def write(self) -> None:
        """Fill both volumes with what no disk could guess."""
        for source, volume in VOLUMES.items():
            self.node.succeed(f"head -c {LENGTH} /dev/urandom > {source}")
            self.node.succeed(f"dd if={source} of={volume} bs=1M oflag=direct", timeout_s=600)

    def settled(self) -> None:
        """Wait until every RAID is in sync and idle."""
        self.node.wait_until_succeeds(
            "! lvs --all --noheadings -o sync_percent,raid_sync_action -S 'segtype=~raid' vg_films"
            " | grep -v '100.00 *idle'",
            timeout_s=900,
        )

    def same(self) -> None:
        """Every byte is what was written, whichever disk returns it."""
        self.node.succeed("sync; echo 3 > /proc/sys/vm/drop_caches")
        for source, volume in VOLUMES.items():
            self.node.succeed(f"cmp --bytes {LENGTH} {source} {volume}", timeout_s=600)

    def killed_at_every_edge(self) -> None:
        """Carry out what is wanted now."""
        path = self.site()
        every_edge(self.box, path)
        assert plan(self.node, path)["steps"] == []

    def whole(self) -> None:
        """The pool is well, and all copies of all blocks are the same."""
        self.settled()
        self.same()
        for raid in ("capacity_tdata_corig", "performance_tdata", "capacity_tmeta"):
            lv = f"vg_films/{raid}"
            self.node.succeed(f"lvchange --syncaction check {lv}")
            self.settled()
            count = self.node.succeed(f"lvs --noheadings -o raid_mismatch_count {lv}")
            assert count.split() == ["0"], raid
        status = json.loads(appliance(self.node, "status", "--json").stdout)
        assert [item for item in status["findings"] if "pool/films" in item["subject"]] == []


@pytest.fixture(scope="module")
def films(node: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Films]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        made = Films(Clinic(node, tmp_path_factory.mktemp("films")), FEW, FAST)
        made.box.trust()
        for bay in ("11", "12"):
            node.add_disk(bay, serial=f"FILM{bay}", transport=Transport.SAS, size=SIZE)
        made.apply()
        made.capacity = (*FEW, *MORE)
        made.apply()
        made.write()
        made.settled()
        node.copy_in(PROGRAMS, "/opt/tests")
        yield made


def test_a_lost_disk_of_a_tier_that_grew(films: Films) -> None:
    films.node.pull_disk("11")
    films.same()
    films.capacity = ("5", "12", "1", *MORE)
    films.killed_at_every_edge()
    films.whole()


def test_a_working_ssd_with_all_the_pools_mirrors(films: Films) -> None:
    films.performance = ("10", "9")
    films.killed_at_every_edge()
    films.whole()
    blank = films.node.succeed("lsblk --noheadings -o NAME,FSTYPE /dev/disk/by-id/*ZSSD0000")
    assert len(blank.split()) == 1, blank


def test_a_lost_ssd_with_all_the_pools_mirrors(films: Films) -> None:
    films.node.pull_disk("9")
    films.same()
    films.performance = ("10", "8")
    films.killed_at_every_edge()
    films.whole()
