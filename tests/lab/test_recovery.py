"""The way back on a real node: jobs cut off and undone, a full root disk, a disk erased by name."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest

from appliance.errors import BusyError, FullError, RefusedError
from images.clinic import Clinic, appliance
from images.machine import Machine
from tests.lab.every_kind import EVERY_KIND, prepare
from tests.lab.killing import kill_agent

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900, func_only=True)]

SPEC = str(EVERY_KIND)
FILLER = "/var/filler"
FILL_ON = f"while :; do dd if=/dev/zero of={FILLER}.more oflag=append conv=notrunc bs=16k status=none; sleep 0.3; done"
LOOK = (
    "import sqlite3, sys;"
    "print(*sqlite3.connect('/var/lib/appliance/state.db').execute(sys.argv[1]).fetchone())"
)
FULL = re.compile("is full|no space|No space")
AT_REST = {"done", "failed", "undone", "unknown"}
STANDSTILL_S = 30
OURS = """
find /etc/samba/appliance /etc/appliance/targets /etc/appliance/guests /srv/shares -type f
ls -d /etc/exports.d/appliance-* /etc/systemd/system/srv-shares-* /etc/libvirt/qemu/*.xml
ls -d /dev/vg_clinic /sys/kernel/config/target/iscsi/iqn*
"""


@pytest.fixture(scope="module")
def box(node: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """A blank node with the secrets and the guest's image; each test leaves it blank again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        clinic = Clinic(node, tmp_path_factory.mktemp("clinic"))
        prepare(clinic)
        yield clinic


def start(box: Clinic) -> int:
    """Begin to carry the site out; the job's number."""
    started = appliance(box.node, "apply", SPEC, "--yes", "--no-wait", "--json")
    assert not started.status, started.text
    return int(json.loads(started.stdout)["number"])


def look(box: Clinic, number: int) -> dict[str, object]:
    ran = appliance(box.node, "job", "show", str(number), "--json")
    assert not ran.status, ran.text
    found = json.loads(ran.stdout)
    assert isinstance(found, dict)
    return found


def at_rest(box: Clinic, number: int) -> dict[str, object]:
    """The job when it has come to rest, or has not changed any more for a while."""
    seq, since, deadline = -1, time.monotonic(), time.monotonic() + 600
    while time.monotonic() < deadline:
        job = look(box, number)
        if job["seq"] != seq:
            seq, since = int(str(job["seq"])), time.monotonic()
        if job["state"] in AT_REST or time.monotonic() > since + STANDSTILL_S:
            return job
        time.sleep(1)
    raise AssertionError(f"job {number} did not come to rest")


def begun(box: Clinic, number: int, noun: str) -> None:
    """Wait on the node itself until the job has begun a step of the noun."""
    query = (
        f"select count(*) from step where job = {number} and state <> 'planned'"
        f" and resource like '{noun}/%'"
    )
    box.node.wait_until_succeeds(f'python3 -c "{LOOK}" "{query}" | grep -qv ^0', timeout_s=900)


def assert_blank(box: Clinic) -> None:
    """Nothing of the site is left: no signature, mapping, volume group, file, unit or account."""
    node = box.node
    assert node.succeed("wipefs --noheadings /dev/sd[a-h] /dev/nvme?n1").strip() == ""
    assert node.succeed("dmsetup ls").strip() == "No devices found"
    assert node.succeed("vgs --noheadings").strip() == ""
    assert node.execute(OURS).stdout.split() == []
    assert node.execute("getent passwd radiology").status
    listed = json.loads(appliance(node, "disk", "list", "--json").stdout)["disks"]
    assert {disk["role"] for disk in listed} <= {"free", "quarantined", "boot"}
    assert json.loads(appliance(node, "status", "--json").stdout)["drift"] == []


def test_undo_of_a_job_that_was_cut_off_leaves_nothing(box: Clinic) -> None:
    number = start(box)
    begun(box, number, "vm")
    kill_agent(box.node)
    cut_off = look(box, number)
    assert cut_off["state"] == "unknown", cut_off
    assert f"appliance job undo {number}" in str(cut_off["next_step"])
    box.run("job", "undo", str(number))
    assert look(box, number)["state"] == "undone"
    assert_blank(box)


def fill(node: Machine) -> None:
    """Not a block is left on the root file system, not even of the part that is root's."""
    node.execute(
        f"fallocate -l $(($(stat -f -c '%a * %S' /) - (8 << 20))) {FILLER};"
        f" dd if=/dev/zero of={FILLER}.rest bs=4k oflag=append conv=notrunc status=none",
        timeout_s=300,
    )


def free(node: Machine) -> None:
    node.succeed(f"rm -f {FILLER} {FILLER}.rest {FILLER}.more")


def test_a_root_disk_that_is_full_before_anything_begins(box: Clinic) -> None:
    """Reading works and says what is wrong; a change is refused before anything is done."""
    node = box.node
    fill(node)
    refused = appliance(node, "apply", SPEC, "--yes")
    fill(node)  # What the agent kept in reserve is gone as well.
    again = appliance(node, "apply", SPEC, "--yes")
    status, listed = appliance(node, "status"), appliance(node, "disk", "list")
    free(node)
    for ran in (refused, again):
        assert ran.status == FullError.exit_status, ran.text
        assert "The root file system is full" in ran.text
        assert "Make room" in ran.text
    assert "root file system" in status.text
    assert listed.status == 0, listed.text
    assert_blank(box)


def test_a_root_disk_that_runs_full_during_an_apply_is_named_and_all_taken_back(
    box: Clinic,
) -> None:
    node = box.node
    number = start(box)
    begun(box, number, "share")
    fill(node)
    job = at_rest(box, number)
    words = f"{job['error']} {job['next_step']}"
    assert FULL.search(words), words
    assert "Make room" in words, words
    free(node)
    if job["state"] != "undone":
        box.run("job", "undo", str(number))
    assert look(box, number)["state"] == "undone"
    assert_blank(box)


def test_a_foreign_disk_is_used_only_after_it_was_erased_by_its_serial(box: Clinic) -> None:
    node = box.node
    disk = "$(lsblk -dno PATH,SERIAL | awk '/ZSAS0003/ {print $1}')"
    node.succeed(f"mkfs.ext4 -q -F {disk} 64M")
    site = box.folder / "foreign.toml"
    site.write_text('[pool.other.capacity]\ndisks = ["bay:3", "bay:4"]\nraid = "raid1"\n')
    refused = appliance(node, "apply", str(site), "--yes")
    assert refused.status == RefusedError.exit_status, refused.text
    assert "holds ext4" in refused.text
    assert "appliance disk wipe ZSAS0003" in refused.text
    node.succeed(f"mount {disk} /mnt")
    mounted = appliance(node, "disk", "wipe", "bay:4", "--yes", "--confirm", "ZSAS0003")
    assert mounted.status == RefusedError.exit_status, mounted.text
    assert "is mounted at /mnt" in mounted.text
    node.succeed("umount /mnt")
    for words in ((), ("--confirm", "bay:4"), ("--confirm", "ZSAS0004")):
        refused = appliance(node, "disk", "wipe", "bay:4", "--yes", *words)
        assert refused.status == RefusedError.exit_status, refused.text
        assert "--confirm ZSAS0003" in refused.text
    assert "ext4" in node.succeed(f"wipefs --noheadings {disk}")
    boot = appliance(node, "disk", "wipe", "approot", "--yes", "--confirm", "approot")
    assert boot.status == RefusedError.exit_status, boot.text
    assert "is the boot disk" in boot.text
    box.run("disk", "wipe", "bay:4", "--yes", "--confirm", "ZSAS0003")
    assert node.succeed(f"wipefs --noheadings {disk}").strip() == ""
    plan = appliance(node, "apply", str(site), "--preview", "--json")
    assert json.loads(plan.stdout)["steps"], plan.text


def test_a_root_disk_that_stays_full_leaves_a_job_to_finish(box: Clinic) -> None:
    """Whatever is set free fills again, so that not even the end can be written down."""
    node = box.node
    number = start(box)
    begun(box, number, "volume")
    node.succeed(f"systemd-run --unit=filler sh -c '{FILL_ON}'")
    at_rest(box, number)
    node.succeed("systemctl stop filler")
    free(node)
    job = look(box, number)
    if job["state"] != "failed":
        # The full journal kept it from saying how it ended; the agent says so at its next look.
        refused = appliance(node, "apply", SPEC, "--yes")
        assert refused.status == BusyError.exit_status, refused.text
        assert f"appliance job finish {number}" in refused.text
        job = look(box, number)
        assert job["state"] == "unknown", job
    assert f"appliance job finish {number}" in str(job["next_step"]), job
    box.run("job", "finish", str(number), "--yes")
    assert look(box, number)["state"] == "done"
    assert appliance(node, "apply", SPEC, "--preview", "--json").stdout.count('"title"') == 0
