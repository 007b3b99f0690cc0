"""iSCSI targets on a booted node, with QEMU's and libiscsi's initiators on this machine.

The documents are written as the plan writes them; `appliance-agent target` does the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.model.lun import Chap, TargetConfig
from images.evidence import ChapLogin
from images.machine import Machine
from images.run import Ran, run
from tests.lab.clients import BlockWriter

pytestmark = pytest.mark.lab

ALICE = "iqn.2026-11.lab.host:alice"
BOB = "iqn.2026-11.lab.host:bob"
KEY, BACK = "secretsecret1", "backbackback22"
LVM = "--config activation{monitoring=0}"


def config(name: str, *initiators: str, mutual: bool = False, read_only: bool = False):
    return TargetConfig(
        name=name,
        target=f"iqn.2026-11.example.node:{name}",
        device=f"/dev/vg_luns/vol_{name}",
        initiators=initiators,
        chap=Chap(user="alice", secret="chap-key"),
        mutual=Chap(user="node", secret="chap-back") if mutual else None,
        read_only=read_only,
    )


def write(node: Machine, path: str, text: str) -> None:
    node.succeed(f"install -D -m 600 /dev/stdin {path}", stdin=text.encode())


def offer(node: Machine, wanted: TargetConfig) -> None:
    write(node, wanted.path, wanted.document())
    node.succeed("appliance-agent", "target", "apply", wanted.name, timeout_s=300)


@pytest.fixture(scope="module")
def luns(node: Machine) -> Machine:
    """The node with three thin volumes, named as the pool kind names them, and both secrets."""
    disks = "$(lsblk -dno PATH,SERIAL | awk '/ZSSD/ {print $1}')"
    node.succeed(f"vgcreate -q -y vg_luns {disks}")
    node.succeed(f"lvcreate -q -y {LVM} --type thin-pool -n pool -L 1G vg_luns")
    for name in ("one", "two", "three"):
        node.succeed(f"lvcreate -q -y {LVM} -V 128M --thin -n vol_{name} vg_luns/pool")
    write(node, "/etc/appliance/secrets/chap-key", KEY)
    write(node, "/etc/appliance/secrets/chap-back", BACK)
    offer(node, config("one", ALICE))
    return node


def inquire(
    node: Machine, wanted: TargetConfig, initiator: str, *words: str, key: str = KEY, back: str = ""
) -> Ran:
    url = f"iscsi://alice%{key}@127.0.0.1:{node.forward(3260)}/{wanted.target}/0"
    # libiscsi takes the target's half of mutual CHAP from here; a wrong one fails the login.
    target = {
        "LIBISCSI_CHAP_TARGET_USERNAME": "node",
        "LIBISCSI_CHAP_TARGET_PASSWORD": back,
        "LIBISCSI_DEBUG": "6",
    }
    return run(
        ["iscsi-inq", "-i", initiator, *words, url],
        timeout_s=120,
        ok=None,
        env={**os.environ, **(target if back else {})},
    )


@pytest.fixture
def writer(luns: Machine, tmp_path: Path) -> Iterator[BlockWriter]:
    secret = tmp_path / "chap"
    secret.write_text(KEY)
    login = ChapLogin(ALICE, config("one").target, "alice", secret)
    with BlockWriter(luns, login) as busy:
        yield busy


def session(node: Machine, wanted: TargetConfig) -> str:
    """The line that changes whenever the initiator logs in again."""
    path = f"/sys/kernel/config/target/iscsi/{wanted.target}/tpgt_1/acls/{ALICE}/info"
    return node.succeed(f"grep 'LIO Session ID' {path}")


def test_only_the_named_initiator_with_the_secret_gets_in(luns: Machine) -> None:
    one = config("one", ALICE)
    serial = inquire(luns, one, ALICE, "-e", "1", "-c", "128")
    assert one.serial in serial.stdout
    assert "Authentication failure" in inquire(luns, one, ALICE, key="wrongwrongwrong").text
    assert "Authorization failure" in inquire(luns, one, BOB).text


def test_freed_blocks_go_back_to_the_pool(luns: Machine) -> None:
    said = inquire(luns, config("one", ALICE), ALICE, "-e", "1", "-c", "178")
    assert "lbpu:1" in said.stdout


def test_the_target_proves_itself_by_the_other_secret(luns: Machine) -> None:
    """libiscsi checks the target's answer (CHAP_R) and then stumbles over that reply's end: LIO
    sends it without a last NUL. So whether the answer was right is all this initiator can tell.
    """
    three = config("three", ALICE, mutual=True)
    offer(luns, three)
    right = inquire(luns, three, ALICE, back=BACK).text
    assert "TargetLoginReply: CHAP_R=0x" in right
    assert "Invalid CHAP_R" not in right
    assert "Invalid CHAP_R" in inquire(luns, three, ALICE, back="wrongwrongwrong").text


def test_others_are_made_changed_and_removed_beside_a_busy_session(
    luns: Machine, writer: BlockWriter
) -> None:
    before = session(luns, config("one", ALICE))
    offer(luns, config("two", ALICE))
    offer(luns, config("two", ALICE, BOB, read_only=True))
    assert inquire(luns, config("two"), BOB).status == 0
    luns.succeed("appliance-agent", "target", "remove", "two", timeout_s=300)
    offer(luns, config("one", ALICE, BOB))
    assert session(luns, config("one", ALICE)) == before
    begun = writer.rounds
    luns.wait_until(
        lambda: writer.rounds > begun or bool(writer.wrong), "another round", timeout_s=60
    )
    assert not writer.wrong


def test_a_lun_in_use_is_neither_removed_nor_taken_from_its_initiator(
    luns: Machine, writer: BlockWriter
) -> None:
    said = luns.fail("appliance-agent", "target", "remove", "one", timeout_s=300)
    assert f"initiator {ALICE} is logged in" in said
    write(luns, config("one").path, config("one", BOB).document())
    assert ALICE in luns.fail("appliance-agent", "target", "apply", "one", timeout_s=300)
    offer(luns, config("one", ALICE))
    assert not writer.wrong


def test_the_size_follows_the_volume_without_losing_the_session(
    luns: Machine, writer: BlockWriter
) -> None:
    before = session(luns, config("one", ALICE))
    luns.succeed(f"lvextend -q {LVM} -L 192M vg_luns/vol_one")
    url = f"iscsi://alice%{KEY}@127.0.0.1:{luns.forward(3260)}/{config('one').target}/0"
    ran = run(["iscsi-readcapacity16", "-i", ALICE, url], timeout_s=120)
    assert f"Total size:{192 << 20}" in ran.stdout
    assert session(luns, config("one", ALICE)) == before
    assert not writer.wrong


def test_all_come_back_after_a_power_cut_but_the_broken_one(luns: Machine) -> None:
    write(luns, config("broken").path, config("broken", ALICE).document())
    luns.succeed("sync")  # the plan's own steps do that; `write` here does not
    luns.cut_power()
    luns.start()
    luns.fail("appliance-agent", "restore-targets", timeout_s=300)
    one = config("one", ALICE)
    assert one.serial in inquire(luns, one, ALICE, "-e", "1", "-c", "128").stdout
