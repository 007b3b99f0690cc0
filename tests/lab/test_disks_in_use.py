"""Disks lost, swapped, damaged and hung while clients work over NFS, SMB and iSCSI.

One raid6 pool with a mirrored cache serves the module. After each fault no client has met an
error or a wrong byte, and the node names the right bay and says what to do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from images.clinic import INITIATOR, Clinic, appliance
from images.evidence import ChapLogin
from images.machine import Machine
from tests.lab.clients import Clients, clients_of

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400, func_only=True)]

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

    def alert(self, serial: str) -> dict[str, Any]:
        """The alert about a disk, once it is raised."""
        found: list[dict[str, Any]] = []

        def raised() -> bool:
            answer = json.loads(appliance(self.node, "alert", "list", "--json").stdout)
            found[:] = [item for item in answer["alerts"] if item["subject"] == f"disk/{serial}"]
            return bool(found)

        self.node.wait_until(raised, f"an alert about {serial}", timeout_s=180)
        return found[0]

    def no_alerts_but(self, *subjects: str) -> None:
        def settled() -> bool:
            answer = json.loads(appliance(self.node, "alert", "list", "--json").stdout)
            return {item["subject"] for item in answer["alerts"]} <= set(subjects)

        self.node.wait_until(settled, "the end of the other alerts", timeout_s=300)

    def replace(self, *words: str) -> None:
        self.box.run("disk", "replace", *words, "--yes")

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
    assert "checksum" in alert["what"]
    films.clients.go_on()
    films.no_alerts_but("disk/ZSAS0001")


def test_a_disk_of_the_cache_mirror_is_pulled_and_comes_back(films: Films) -> None:
    films.node.pull_disk("9")
    alert = films.alert("ZNVME0000")
    assert (alert["bay"], alert["severity"]) == ("9", "critical")
    films.clients.go_on()
