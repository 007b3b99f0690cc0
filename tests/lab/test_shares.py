"""Shares on a booted node, used from outside: a second node's kernel over NFS, smbclient over SMB."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from images.clinic import Clinic, appliance
from images.evidence import SMB_PORT
from images.machine import Machine
from images.run import Ran, run

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900, func_only=True)]

SITE = """
[rebuild.node]
floor = "20 MiB"

[pool.fast.performance]
disks = ["bay:7", "bay:9"]
raid = "raid1"

[volume.images]
pool = "fast"
tier = "performance"
size = "400 MiB"

[user.alice]
uid = 2000
groups = ["radiology:2100"]
password = "alice-smb"

[share.images]
volume = "images"
quota = "64 MiB"
group = "radiology"

[[share.images.nfs.clients]]
address = "10.9.0.0/24"
access = "{access}"

[share.images.smb]
writers = ["alice"]
"""
STORAGE = SITE.split("[share.images]", maxsplit=1)[0]
AS_GROUP = "setpriv --reuid 3000 --regid 2100 --clear-groups sh -c"
MOUNT = "/mnt/images"


@pytest.fixture(scope="module")
def box(node: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """A node with one share that has both faces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        clinic = Clinic(node, tmp_path_factory.mktemp("shares"))
        clinic.trust()
        clinic.run("secret", "set", "alice-smb", stdin=clinic.secret("alice-smb"))
        clinic.run("apply", site(clinic, SITE.format(access="rw")), "--yes")
        yield clinic


@pytest.fixture(scope="module")
def client(box: Clinic, peer: Machine) -> Machine:
    """A second node that has the share mounted over NFSv4.2."""
    source = f"{box.node.address}:/images"
    peer.succeed(f"mkdir -p {MOUNT} && mount -t nfs -o vers=4.2 {source} {MOUNT}", timeout_s=300)
    return peer


def site(box: Clinic, text: str) -> str:
    file = box.folder / "site.toml"
    file.write_text(text)
    return str(file)


def smb_words(box: Clinic, *extra: str) -> list[str]:
    login = box.folder / "alice.login"
    login.touch(mode=0o600)
    login.write_text(f"username = alice\npassword = {box.secret('alice-smb').read_text()}\n")
    port = str(box.node.forward(SMB_PORT))
    versions = extra or ("-m", "SMB3_11")
    return ["smbclient", "//127.0.0.1/images", "-p", port, "-A", str(login), "-t", "60", *versions]


def smbclient(box: Clinic, commands: str, *extra: str) -> Ran:
    return run([*smb_words(box, *extra), "-c", commands], timeout_s=180, ok=None)


def test_writers_over_nfs_and_smb_work_on_each_others_files(box: Clinic, client: Machine) -> None:
    sent, got = box.folder / "sent", box.folder / "got"
    sent.write_bytes(b"scan" * 50_000)
    put = smbclient(box, f'mkdir case; cd case; put "{sent}" by-smb')
    assert put.status == 0, put.text
    client.succeed(f"{AS_GROUP} 'echo more >> {MOUNT}/case/by-smb; echo new > {MOUNT}/case/by-nfs'")
    assert client.succeed(f"{AS_GROUP} 'wc -c < {MOUNT}/case/by-smb'").strip() == "200005"
    back = smbclient(box, f'cd case; get by-smb "{got}"; put "{sent}" by-nfs; rm by-smb')
    assert back.status == 0, back.text
    assert got.read_bytes() == sent.read_bytes() + b"more\n"
    client.succeed(
        f"{AS_GROUP} 'cmp -s {MOUNT}/case/by-nfs /dev/null && exit 1; rm -r {MOUNT}/case'"
    )


def test_only_encrypted_smb_3_gets_in(box: Clinic) -> None:
    assert smbclient(box, "ls", "-m", "SMB2_10").status != 0
    # A client that would rather not encrypt is made to.
    words = smb_words(box, "-m", "SMB3_11", "--option=client smb encrypt=off")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as holding:
        box.node.wait_until_succeeds("smbstatus --json | grep -q alice", timeout_s=120)
        (session,) = json.loads(box.node.succeed("smbstatus --json"))["sessions"].values()
        holding.communicate(timeout=120)
    assert session["encryption"]["degree"] == "full"
    assert session["session_dialect"] == "SMB3_11"


def test_a_full_quota_is_told_to_the_client(client: Machine) -> None:
    said = client.fail(f"{AS_GROUP} 'dd if=/dev/zero of={MOUNT}/big bs=1M count=80 conv=fsync'")
    assert "No space left" in said
    client.succeed(f"{AS_GROUP} 'rm {MOUNT}/big'")


def test_a_read_only_client_cannot_write(box: Clinic, client: Machine) -> None:
    box.run("apply", site(box, SITE.format(access="ro")), "--yes")
    client.fail(f"{AS_GROUP} 'echo no > {MOUNT}/no'")
    box.run("apply", site(box, SITE.format(access="rw")), "--yes")
    client.wait_until_succeeds(f"{AS_GROUP} 'echo yes > {MOUNT}/yes'", timeout_s=120)


def test_a_share_with_an_open_file_is_not_removed(box: Clinic, client: Machine) -> None:
    client.succeed(f"systemd-run --unit=holder {AS_GROUP} 'exec 9>{MOUNT}/held; exec sleep 3600'")
    client.wait_until_succeeds(f"{AS_GROUP} 'test -e {MOUNT}/held'", timeout_s=120)
    refused = appliance(box.node, "apply", site(box, STORAGE), "--yes", "--confirm", "images")
    assert refused.status == 65, refused.text
    assert "open file" in refused.text
    assert "held" in refused.text
    box.run("share", "disconnect", "images", "--yes", "--confirm", "images")
    freed = appliance(box.node, "apply", site(box, STORAGE), "--preview")
    assert freed.status == 0, freed.text
    client.succeed("systemctl stop holder")
    client.succeed(f"{AS_GROUP} 'echo still here > {MOUNT}/yes'")


def test_a_snapshot_is_a_previous_version_at_once(box: Clinic) -> None:
    first, second, old = (box.folder / name for name in ("first", "second", "old"))
    first.write_text("as it was\n")
    second.write_text("as it is\n")
    words, pipe = smb_words(box), subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, bufsize=1) as session:
        assert session.stdin is not None
        session.stdin.write(f'put "{first}" report\n')
        box.node.wait_until_succeeds("grep -q was /srv/shares/images/report", timeout_s=120)
        box.run("volume", "snapshot", "images", "name=monday", "--yes")
        (version,) = box.node.succeed("ls /srv/versions/images").split()
        session.stdin.write(f'put "{second}" report\nallinfo report\n')
        session.stdin.write(f'get {version}/report "{old}"\n')
        said, _ = session.communicate(timeout=180)
    assert version in said, said
    assert old.read_text() == "as it was\n"
    assert box.node.succeed("cat /srv/shares/images/report") == "as it is\n"
    written = smbclient(box, f'put "{second}" {version}/report')
    assert written.status != 0, "what is past stays as it was"


def test_a_deleted_snapshot_is_no_previous_version(box: Clinic) -> None:
    box.run("volume", "snapshot", "images", "name=tuesday", "--yes")
    versions = box.node.succeed("ls /srv/versions/images").split()
    assert len(versions) == 2
    box.run("volume", "delete-snapshot", "images", "name=monday", "--yes", "--confirm", "images")
    assert box.node.succeed("ls /srv/versions/images").split() == versions[1:]
    said = smbclient(box, "allinfo report")
    assert versions[1] in said.text
    assert versions[0] not in said.text


def test_a_reboot_brings_everything_back(box: Clinic, client: Machine) -> None:
    client.succeed(f"{AS_GROUP} 'echo kept > {MOUNT}/kept; sync'")
    client.succeed(f"umount {MOUNT}", timeout_s=300)
    box.node.cut_power()
    box.node.start()
    box.node.wait_for_agent(timeout_s=300)
    box.node.wait_for_unit("srv-shares-images.mount", timeout_s=300)
    box.node.wait_for_unit("smbd.service", timeout_s=300)
    box.node.wait_for_unit("nfs-server.service", timeout_s=300)
    source = f"{box.node.address}:/images"
    client.succeed(f"mount -t nfs -o vers=4.2 {source} {MOUNT}", timeout_s=300)
    assert client.succeed(f"{AS_GROUP} 'cat {MOUNT}/kept'").strip() == "kept"
    assert smbclient(box, "get kept /dev/null").status == 0
    box.node.wait_until_succeeds(
        "findmnt -t xfs -l | grep -q /srv/versions/images/@GMT", timeout_s=120
    )
    assert "@GMT" in smbclient(box, "allinfo report").text
    assert box.node.succeed("cat /proc/sys/dev/raid/speed_limit_min").strip() == "20480"
    again = box.run("apply", site(box, SITE.format(access="rw")), "--preview")
    assert "othing" in again.text, again.text


def test_removal_leaves_the_data(box: Clinic, client: Machine) -> None:
    client.succeed(f"umount {MOUNT}", timeout_s=300)
    box.run("apply", site(box, STORAGE), "--yes", "--confirm", "images")
    assert box.node.execute("systemctl is-active nfs-server smbd").status != 0
    assert "/srv/" not in box.node.succeed("cat /proc/self/mountinfo")
    box.run("apply", site(box, SITE.format(access="rw")), "--yes")
    assert box.node.succeed("cat /srv/shares/images/kept").strip() == "kept"
