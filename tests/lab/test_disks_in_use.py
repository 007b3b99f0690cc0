"""Disks lost, swapped, damaged and hung while clients work over NFS, SMB and iSCSI.

One raid6 pool with a mirrored cache serves the module. After each fault no client has met an
error or a wrong byte, and the node names the right bay and says what to do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.errors import RefusedError, StepFailedError
from appliance.model.disk import Transport
from images.clinic import INITIATOR, Clinic, appliance
from images.evidence import ChapLogin
from images.machine import Machine
from tests.lab.clients import Clients, clients_of
from tests.lab.killing import kill_agent

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400, func_only=True)]

HEALED = "failed their checksum"
"""Told of the pool until the disk's layer is opened anew, which counts again from nothing."""

SITE = """
[pool.films.capacity]
disks = ["bay:1", "bay:2", "bay:3", "bay:4", "bay:5"]
raid = "raid6"
cache = "64 MiB"

[pool.films.performance]
disks = ["bay:7", "bay:9"]
raid = "raid1"

[volume.images]
pool = "films"
size = "512 MiB"

[volume.database]
pool = "films"
size = "64 MiB"

[user.radiology]
password = "radiology-smb"
groups = ["users"]

[share.images]
volume = "images"
owner = "radiology"
group = "users"

[[share.images.nfs.clients]]
address = "10.9.0.0/24"
squash = "none"

[share.images.smb]
writers = ["radiology"]

[lun.database]
volume = "database"
initiators = ["iqn.2026-11.example.clinic:database-server"]
chap = { user = "database-server", secret = "database-chap" }
"""


class Films:
    """The node in use, and what a technician does to it."""

    def __init__(self, box: Clinic, clients: Clients) -> None:
        self.box = box
        self.node = box.node
        self.clients = clients

    def disk(self, bay: str) -> dict[str, Any]:
        shown = appliance(self.node, "disk", "show", f"bay:{bay}", "--json")
        assert not shown.status, shown.text
        found: dict[str, Any] = json.loads(shown.stdout)["disk"]
        return found

    def alert(self, serial: str, *, saying: str = "") -> dict[str, Any]:
        """The alert about a disk, once it is raised. A disk that is pulled has two: what the kernel
        met on it is heard first."""
        found: list[dict[str, Any]] = []

        def raised() -> bool:
            answer = json.loads(appliance(self.node, "alert", "list", "--json").stdout)
            about = [item for item in answer["alerts"] if item["subject"] == f"disk/{serial}"]
            found[:] = [item for item in about if saying in item["what"]]
            return bool(found)

        self.node.wait_until(raised, f"an alert about {serial}", timeout_s=180)
        return found[0]

    def no_alerts_but(self, *subjects: str) -> None:
        def settled() -> bool:
            answer = json.loads(appliance(self.node, "alert", "list", "--json").stdout)
            left = {item["subject"] for item in answer["alerts"] if HEALED not in item["what"]}
            return left <= set(subjects)

        self.node.wait_until(settled, "the end of the other alerts", timeout_s=300)

    def apply(self) -> None:
        """What `appliance status` tells a person to do once a disk is back."""
        self.box.run("apply", str(self.box.folder / "site.toml"), "--yes")

    def replace(self, *words: str) -> None:
        self.box.run("disk", "replace", *words, "--yes")

    def begin(self, *words: str) -> int:
        """Begin a replacement, slowed down, and wait until its rebuild is waited for."""
        self.node.succeed("echo 1000 > /proc/sys/dev/raid/speed_limit_max")
        started = appliance(self.node, "disk", "replace", *words, "--yes", "--no-wait", "--json")
        assert not started.status, started.text
        number = int(json.loads(started.stdout)["number"])

        def waits() -> bool:
            steps = self.job(number)["steps"]
            return any("Wait" in step["title"] and step["output"] for step in steps)

        self.node.wait_until(waits, "a rebuild that is waited for", timeout_s=400)
        return number

    def hurry(self) -> None:
        """Rebuild at full speed: an emulated node has little time for anything else then."""
        self.node.succeed("echo 200000 > /proc/sys/dev/raid/speed_limit_max")

    def job(self, number: int) -> dict[str, Any]:
        ran = appliance(self.node, "job", "show", str(number), "--json")
        assert not ran.status, ran.text
        found: dict[str, Any] = json.loads(ran.stdout)
        return found

    def job_ends(self, number: int, state: str = "done") -> dict[str, Any]:
        self.node.wait_until(
            lambda: self.job(number)["state"] == state, f"the end of job {number}", timeout_s=1200
        )
        return self.job(number)

    def in_sync(self) -> None:
        self.node.wait_until_succeeds(
            "! lvs --all --noheadings -o sync_percent -S 'segtype=~raid' | grep -qv 100.00",
            timeout_s=1200,
        )


@pytest.fixture(scope="module")
def films(
    node: Machine, peer: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Films]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        box = Clinic(node, tmp_path_factory.mktemp("films"))
        box.prepare()
        site = box.folder / "site.toml"
        site.write_text(SITE)
        box.run("apply", str(site), "--yes")
        configfs = "/sys/kernel/config/target/iscsi"
        target = node.succeed(f"ls {configfs} | grep ^iqn | grep ':database$'").strip()
        chap = ChapLogin(INITIATOR, target, "database-server", box.secret("database-chap"))
        login = box.folder / "smb.login"
        login.touch(mode=0o600)
        password = box.secret("radiology-smb").read_text()
        login.write_text(f"username = radiology\npassword = {password}\n")
        with clients_of(node, peer, chap, login, box.folder) as clients:
            films = Films(box, clients)
            films.in_sync()
            yield films


def test_flipped_bytes_are_healed_and_the_disk_is_named(films: Films) -> None:
    node = films.node
    node.corrupt_disk("ZSAS0001", 200 << 20, 64 << 20)
    films.box.run("pool", "scrub", "films", "--yes")
    alert = films.alert("ZSAS0001")
    assert alert["bay"] == "2"
    assert "checksum" in alert["why"]
    films.clients.go_on()
    films.no_alerts_but("disk/ZSAS0001")


def test_a_disk_of_the_cache_mirror_is_pulled_and_comes_back(films: Films) -> None:
    films.node.pull_disk("9")
    alert = films.alert("ZNVME0000")
    assert (alert["bay"], alert["severity"]) == ("9", "critical")
    films.clients.go_on()
    films.node.add_disk("9", serial="ZNVME0000")
    films.apply()
    films.in_sync()
    films.no_alerts_but("disk/ZSAS0001")
    films.clients.go_on()


def test_two_disks_of_a_raid6_are_pulled(films: Films) -> None:
    for bay, serial in (("3", "ZSAS0002"), ("4", "ZSAS0003")):
        films.node.pull_disk(bay)
        alert = films.alert(serial)
        assert (alert["bay"], alert["severity"], alert["pool"]) == (bay, "critical", "films")
        assert films.disk(bay)["missing"] is True
    films.clients.go_on()


def test_what_holds_something_takes_no_lost_disks_place(films: Films) -> None:
    node = films.node
    for bay, serial, made, said in (
        ("11", "FOREIGN", "mkfs.ext4 -q -F {0} 64M", "holds ext4"),
        ("12", "OTHERPOOL", "vgcreate -q -y vg_other {0}", "holds LVM2_member"),
    ):
        disk = node.add_disk(bay, serial=serial, transport=Transport.SAS)
        node.succeed(made.format(f"/dev/disk/by-id/wwn-{disk.wwn}"))
        words = ("disk", "replace", "3", "--with", bay, "--confirm", "ZSAS0002", "--yes")
        refused = appliance(node, *words)
        assert refused.status == RefusedError.exit_status, refused.text
        assert said in refused.text
        node.pull_disk(bay)


def test_the_agent_is_killed_while_a_rebuild_is_waited_for(films: Films) -> None:
    node = films.node
    number = films.begin("3", "--with", "6", "--confirm", "ZSAS0002")
    kill_agent(node)
    assert films.job(number)["state"] == "unknown"
    films.clients.go_on()
    films.hurry()
    films.box.run("job", "finish", str(number), "--yes")
    assert films.job(number)["state"] == "done"
    films.clients.go_on()


def test_a_wrong_disk_is_pulled_while_another_is_replaced(films: Films) -> None:
    """raid6 stands it; it is told as what it is. LVM forgets no lost disk while another one is
    missing, so the job halts there, and goes on once that one is back."""
    node = films.node
    node.add_disk("4", serial="FRESH4", transport=Transport.SAS)
    # LVM forgets the disk that was given up first only now that nothing is missing any more.
    number = films.begin("4", "--confirm", "ZSAS0003", "--confirm", "ZSAS0002")
    node.pull_disk("5")
    alert = films.alert("ZSAS0004", saying="the wrong disk went: bay 5")
    assert "ack" in alert["next_step"]
    films.clients.go_on()
    node.add_disk("5", serial="ZSAS0004")
    films.hurry()
    halted = films.job_ends(number, "failed")
    assert f"appliance job finish {number}" in halted["next_step"], halted
    films.box.run("job", "finish", str(number), "--yes")
    films.in_sync()
    assert films.disk("4")["pool"] == films.disk("5")["pool"] == "films"
    films.clients.go_on()


def test_a_disk_with_sectors_that_cannot_be_read(films: Films) -> None:
    """It is blank and looks well, so it is tried; its checksum layer finds out, and the old disk
    stays until another one takes its place."""
    node = films.node
    unreadable = tuple(range(20 << 11, 900 << 11, 4 << 11))
    node.add_disk("11", serial="ROTTEN", transport=Transport.SAS, unreadable=unreadable)
    words = ("disk", "replace", "2", "--with", "11", "--confirm", "ZSAS0001", "--yes")
    tried = appliance(node, *words)
    assert tried.status == StepFailedError.exit_status, tried.text
    assert films.disk("2")["pool"] == "films"
    films.clients.go_on()
    node.pull_disk("11")
    films.in_sync()
    films.clients.go_on()


def test_a_working_ssd_of_mirrors_hands_over(films: Films) -> None:
    """Legs of the cache, of both tiers' metadata and of the fast tier lie on it, and the spare."""
    films.replace("7", "--with", "8", "--confirm", "ZSSD0000")
    assert films.disk("8")["pool"] == "films"
    assert not films.disk("7")["pool"]
    films.clients.go_on()


def test_a_disk_that_hangs_hides_no_other_and_stops_nobody(films: Films) -> None:
    node = films.node
    node.hang_disk("1")
    films.clients.go_on()
    listed = json.loads(appliance(node, "disk", "list", "--json").stdout)["disks"]
    assert {"ZSAS0000", "ZSAS0004", "ZSSD0000"} <= {disk["serial"] for disk in listed}
    assert films.alert("ZSAS0000")["bay"] == "1"
    node.throttle_disk("1", 0)
    films.clients.go_on()
