"""Disks replaced on a booted node, in use all the while: lost, too small, still working; power cut;
and by a spare that nobody has to tell.

One node serves the module: a mirror of two small SAS disks in bays 11 and 12 with a share whose
files have checksums, which a reader checks and a writer adds to from the first test to the last.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from appliance.model.disk import Transport
from images.clinic import Clinic, appliance
from images.machine import Machine

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400, func_only=True)]

SIZE = 512 << 20
SITE = """
[pool.films.capacity]
disks = ["bay:11", "bay:12"]
raid = "raid1"

[volume.images]
pool = "films"
size = "320 MiB"

[share.images]
volume = "images"

[[share.images.nfs.clients]]
address = "10.9.0.0/24"
access = "ro"
"""
SHARE = "/srv/shares/images"
FILES = 24
RAID = "capacity_tdata"
UNIT = "/etc/systemd/system/appliance-agent.service.d"
SPARE_AFTER = f"""\
mkdir -p {UNIT}
printf '[Service]\\nExecStart=\\nExecStart=%s\\n' \
    '/opt/appliance/venv/bin/appliance-agent serve --spare-after 5' > {UNIT}/lab.conf
systemctl daemon-reload
systemctl restart appliance-agent
"""
CLIENT = f"""\
set -eu
cd {SHARE}
n=0
while true; do
    n=$((n + 1))
    head -c 200000 /dev/urandom > new.part
    sync -f new.part
    mv new.part added-$((n % 20))
    echo 1 > /proc/sys/vm/drop_caches
    sha256sum --quiet --check /root/sums
    echo $n > /run/client-rounds
done
"""


class Films:
    """The node with its pool, and what a technician does to it."""

    def __init__(self, box: Clinic, wwns: Mapping[str, str]) -> None:
        self.box = box
        self.node = box.node
        self.wwns = wwns
        """Bay -> WWN of the disks the pool was made of."""
        self.scrubbed_at = ""
        """When the last scrub that was waited for began."""

    def replace(self, *words: str) -> None:
        """`disk replace` to its end."""
        self.box.run("disk", "replace", *words, "--yes")

    def job(self, number: int) -> dict[str, Any]:
        ran = appliance(self.node, "job", "show", str(number), "--json")
        assert not ran.status, ran.text
        found: dict[str, Any] = json.loads(ran.stdout)
        return found

    def said(self, number: int, title: str) -> str:
        """What a step says of how far it is."""
        steps = self.job(number)["steps"]
        return str(next(step["output"] for step in steps if step["title"] == title))

    def members(self) -> set[str]:
        """Serials of the disks that are in the pool, missing ones too."""
        disks = json.loads(appliance(self.node, "disk", "list", "--json").stdout)["disks"]
        return {disk["serial"] for disk in disks if disk["pool"] == "films"}

    def jobs_of(self, who: str) -> list[dict[str, Any]]:
        """Somebody's jobs, newest first."""
        jobs = json.loads(appliance(self.node, "job", "list", "--json").stdout)["jobs"]
        return [job for job in jobs if job["who"] == who]

    def alert(self, cause: str) -> dict[str, Any]:
        """The open alert of a cause."""
        listed = appliance(self.node, "alert", "list", "--json")
        (found,) = (item for item in json.loads(listed.stdout)["alerts"] if item["cause"] == cause)
        return dict(found)

    def start_client(self) -> None:
        """Something that reads and writes the share until it fails."""
        self.node.succeed("cat > /root/client.sh", stdin=CLIENT.encode())
        self.node.succeed("rm -f /run/client-rounds")
        self.node.succeed("systemd-run --unit=client --collect bash /root/client.sh")

    def client_goes_on(self) -> None:
        """It has had no error, and gets through another whole round."""
        rounds = self.node.execute("cat /run/client-rounds").stdout.strip() or "0"
        self.node.wait_until_succeeds(
            f"systemctl is-active client && test $(cat /run/client-rounds) -gt {rounds}",
            timeout_s=180,
        )

    def scrubbed(self) -> str:
        """What came of the scrub that follows every replacement, once it is through."""
        deadline = time.monotonic() + 300
        while True:
            shown = appliance(self.node, "pool", "show", "films", "--json")
            (line,) = json.loads(shown.stdout)["care"]
            if line["last_at"] not in {None, self.scrubbed_at} and line["outcome"] != "runs":
                self.scrubbed_at = line["last_at"]
                return str(line["outcome"])
            assert time.monotonic() < deadline, line
            time.sleep(2)

    def is_proven(self) -> None:
        """The pool is as wanted, well and scrubbed, and every byte is what it was."""
        assert self.scrubbed() == "no mismatches"
        told = self.node.succeed("appliance metrics").splitlines()
        assert 'appliance_pool_scrub_running{pool="films"} 0' in told
        assert 'appliance_pool_scrub_mismatched_sectors{pool="films"} 0' in told
        assert any(line.startswith("appliance_disk_self_test_next_timestamp") for line in told)
        self.client_goes_on()
        self.node.succeed("sync; echo 3 > /proc/sys/vm/drop_caches")
        self.node.succeed(f"cd {SHARE} && sha256sum --quiet --check /root/sums")
        status = json.loads(appliance(self.node, "status", "--json").stdout)
        assert status["drift"] == []
        assert [item for item in status["findings"] if "pool/films" in item["subject"]] == []
        health = "lvs --all --noheadings -o lv_health_status,raid_sync_action vg_films"
        assert set(self.node.succeed(health).split()) == {"idle"}


@pytest.fixture(scope="module")
def films(node: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Films]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        box = Clinic(node, tmp_path_factory.mktemp("films"))
        box.trust()
        wwns = {
            bay: node.add_disk(bay, serial=f"FILM{bay}", transport=Transport.SAS, size=SIZE).wwn
            for bay in ("11", "12")
        }
        # Before the client, which drops the page cache all the time: no program starts fast then.
        node.succeed(SPARE_AFTER)
        node.wait_for_agent()
        site = box.folder / "site.toml"
        site.write_text(SITE)
        box.run("apply", str(site), "--yes")
        node.succeed(
            f"cd {SHARE} && for n in $(seq {FILES}); do head -c 1000000 /dev/urandom > film-$n; "
            "done && sha256sum film-* > /root/sums && sync"
        )
        found = Films(box, wwns)
        found.start_client()
        yield found


def test_a_smaller_disk_is_refused(films: Films) -> None:
    """The mirror has lost a disk, and the one put into its bay is too small."""
    films.client_goes_on()
    films.node.pull_disk("11")
    films.node.add_disk("11", serial="SMALL", transport=Transport.SAS, size=SIZE // 2)
    refused = appliance(films.node, "disk", "replace", "11", "--with", "11", "--preview")
    assert refused.status == 65, refused.text
    assert "SMALL is too small to take the place of FILM11" in refused.text
    films.node.pull_disk("11")
    films.client_goes_on()


def test_a_lost_disk_is_rebuilt_through_a_power_cut(films: Films) -> None:
    node = films.node
    node.add_disk("11", serial="FRESH11", transport=Transport.SAS, size=SIZE)
    unconfirmed = appliance(node, "disk", "replace", "11", "--yes")
    assert unconfirmed.status == 65, unconfirmed.text
    assert "--confirm FILM11" in unconfirmed.text
    # 1 MiB/s, so that the cord is pulled in the middle; a restarted kernel has its own speed.
    node.succeed("echo 1000 > /proc/sys/dev/raid/speed_limit_max")
    words = ("disk", "replace", "11", "--confirm", "FILM11", "--yes", "--no-wait", "--json")
    started = appliance(node, *words)
    assert not started.status, started.text
    number = json.loads(started.stdout)["number"]
    waiting = films.job(number)["steps"]
    waits = next(
        n for n, step in enumerate(waiting) if RAID in step["title"] and "Wait" in step["title"]
    )
    deadline = time.monotonic() + 300
    while "MiB of " not in (words_said := films.job(number)["steps"][waits]["output"]):
        assert time.monotonic() < deadline, films.job(number)
        time.sleep(1)
    assert " %, " in words_said
    films.client_goes_on()
    # The rebuild keeps nobody from the rest: the share on that pool is changed meanwhile.
    meanwhile = films.box.folder / "meanwhile.toml"
    meanwhile.write_text(SITE.replace('"ro"', '"rw"'))
    films.box.run("apply", str(meanwhile), "--yes")
    assert ",rw," in node.succeed("exportfs -v")
    assert RAID in films.job(number)["waits"]
    # But LVM makes no volume in a group that misses a disk.
    words = ("volume", "create", "more", "--pool", "films", "--size", "32MiB", "--yes")
    refused = appliance(node, *words)
    assert refused.status == 65, refused.text
    assert "It is being replaced" in refused.text
    node.cut_power()
    node.start()
    films.box.trust()
    node.wait_for_agent(timeout_s=180)
    assert films.job(number)["state"] == "unknown"
    films.start_client()
    films.box.run("job", "finish", str(number), "--yes")
    assert films.job(number)["state"] == "done"
    assert films.members() == {"FRESH11", "FILM12"}
    films.is_proven()


def test_a_working_disk_is_rebuilt_elsewhere_and_freed_blank(films: Films) -> None:
    node = films.node
    films.replace("12", "--with", "bay:1", "--confirm", "FILM12")
    assert films.members() == {"FRESH11", "ZSAS0000"}
    assert not node.succeed(f"wipefs --noheadings /dev/disk/by-id/wwn-{films.wwns['12']}").strip()
    assert "FILM12" not in node.succeed("dmsetup ls")
    films.is_proven()


def test_a_spare_takes_a_pulled_disks_place_by_itself(films: Films) -> None:
    """Nobody does anything but pull a disk, and put a blank one into its bay."""
    node, box = films.node, films.box
    box.run("pool", "set", "films", "--spares", "bay:2", "--yes")
    assert "appliance.spare=ZSAS0001" in node.succeed("vgs --noheadings -o vg_tags vg_films")
    films.client_goes_on()
    disks = json.loads(appliance(node, "disk", "list", "--json").stdout)["disks"]
    (lost,) = (disk["serial"] for disk in disks if disk["bay"] == "11")
    stays = films.members() - {lost}
    node.pull_disk("11")
    deadline = time.monotonic() + 400
    while not (jobs := films.jobs_of("spare")) or jobs[0]["state"] != "done":
        assert not jobs or jobs[0]["state"] in {"waiting", "running", "proving"}, jobs
        assert time.monotonic() < deadline, jobs
        time.sleep(2)
    assert films.members() == {*stays, "ZSAS0001"}
    assert "spare" not in node.succeed("vgs --noheadings -o vg_tags vg_films")
    films.is_proven()
    alert = films.alert("spare-took-over")
    assert "bay 2 (serial ZSAS0001) took the place of the disk in bay 11" in alert["what"]
    assert (
        "put a blank one of its kind into bay 11; that one becomes the spare" in alert["next_step"]
    )
