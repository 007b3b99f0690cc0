"""The console as a person has it: the first boot at the serial line, a disk replaced over SSH.

By keys alone, on one node; only what hands do at a chassis is done by the rig. The screens of the
way are left in artefacts/console/.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from appliance.model.disk import Transport
from images.disk import lab_key
from images.machine import Machine
from tests.lab import serial_line
from tests.lab.conftest import ARTEFACTS
from tests.tui.terminal import Terminal, terminal

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400, func_only=True)]

SLOW_S = 300
"""A step of an emulated node on a busy machine."""
USED = range(1, 9)
"""Bays whose disks hold something already, so that the first boot proposes a small pool."""


@pytest.fixture(scope="module")
def rack(node: Machine) -> Machine:
    """A machine as it is delivered, most of its disks used before."""
    node.wait_for_agent(timeout_s=SLOW_S)
    used = [placed.disk.wwn for placed in node.record.placed if int(placed.bay) in USED]
    node.succeed("\n".join(f"mkswap -q /dev/disk/by-id/wwn-{wwn}" for wwn in used))
    node.succeed("passwd --quiet --delete setup")  # as a product image has it; a lab's is closed
    node.succeed("udevadm settle; systemctl start appliance-banner", timeout_s=SLOW_S)
    return node


def keep(window: Terminal, name: str) -> None:
    """What a person sees now, for those who could not be here."""
    folder = ARTEFACTS / "console"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.txt").write_text(window.screen)


def test_first_boot_to_a_working_share_at_the_serial_line(rack: Machine) -> None:
    line = [sys.executable, str(Path(serial_line.__file__)), f"{rack.record.folder}/console.sock"]
    with terminal(line, {"TERM": "screen"}) as window:
        window.until(serial_line.CONNECTED)
        rack.succeed("agetty --reload")
        log_in(window, "setup", "log in as setup, without a password")
        assert window.until("This node is new", timeout_s=SLOW_S).isascii()
        keep(window, "home-new")
        answer(window)
        carry_out(window, "Close the login setup of the first boot", confirm_network=True)
        window.until("HANDOVER SHEET  pacs1", timeout_s=SLOW_S)
        window.until("mary  admin  1         yes")
        keep(window, "handover")
        window.keys_until("Escape", "The setup is through", "[1 Home]")
        window.keys_until("Escape", "[1 Home]")
        window.keys("q")
        log_in(window, "setup", "people of the appliance get its console", password="")
        window.until("Login incorrect", timeout_s=SLOW_S)
        log_in(window, "mary", "login:", password="at-the-rack")
        window.until("agent", timeout_s=SLOW_S)
        make_a_share(window)
        window.keys("q")
        window.until("This is a shell.", timeout_s=SLOW_S)
        window.type("id -un; exit")
        window.keys("Enter")
        window.until("login:", timeout_s=SLOW_S)
    rack.succeed("mount -t nfs -o vers=4.2 127.0.0.1:/scans /mnt", timeout_s=SLOW_S)
    rack.succeed("echo kept > /srv/shares/scans/here && grep kept /mnt/here; umount /mnt")
    jobs = json.loads(rack.succeed("appliance job list --json"))["jobs"]
    assert [job["who"] for job in jobs] == ["mary", "mary", "setup"]


def log_in(window: Terminal, name: str, banner: str, *, password: str | None = None) -> None:
    """At the login prompt, which is the last line there is: one further up was answered before."""
    window.until(banner, timeout_s=SLOW_S)
    window.until_last("login:", timeout_s=SLOW_S)
    window.type(name)
    window.keys("Enter")
    if password is not None:
        window.until_last("Password:", timeout_s=SLOW_S)
        window.type(password)
        window.keys("Enter")


def answer(window: Terminal) -> None:
    """The first boot's form, field by field."""
    window.keys("i")
    window.until("*hostname", timeout_s=SLOW_S)
    key = lab_key().with_suffix(".pub").read_text().strip()
    answers = ("pacs1", "", "10.0.2.2", "enp0s4", "", "10.0.2.15/24", "10.0.2.2", "", "mary", key)
    for text in answers:
        if text:
            window.type(text)
        window.keys("Down")
    window.type("at-the-rack")
    window.keys("Down")
    told = window.until("< raid1 >")
    assert "***********" in told
    assert "survives any 1 disk lost" in told
    keep(window, "first-boot")


def carry_out(window: Terminal, words: str, *, confirm_network: bool = False) -> None:
    """Preview with these words, agreement, the proof, and back."""
    window.keys("C-s")
    window.until("nothing is done yet", timeout_s=SLOW_S)
    for _ in range(6):
        if words in window.screen:
            break
        window.keys("PageDown")
    window.until(words)
    window.keys("Enter")
    window.until("y yes")
    window.keys("y")
    if confirm_network:
        window.until("y keeps it", timeout_s=SLOW_S)
        window.keys("y")
    window.until("PROVED", timeout_s=2 * SLOW_S)
    window.keys("Escape")


def make_a_share(window: Terminal) -> None:
    """A volume, and a share on it for this machine."""
    window.until("4 Volumes", timeout_s=SLOW_S)
    fill(window, "4", "scans", "data", "400 MiB")
    window.keys("Right")
    carry_out(window, "Create the thin volume of 400 MiB")
    window.until("n New", timeout_s=SLOW_S)  # an escape and a key that come together are one key
    fill(window, "6", "scans", "scans", "", "", "", "")
    window.keys("Right", "Down")
    window.type("127.0.0.1")
    carry_out(window, "[nfs/scans]")
    window.until("> scans", timeout_s=SLOW_S)
    keep(window, "shares")


def fill(window: Terminal, place: str, *texts: str) -> None:
    """A new thing at a place, its first fields filled; the cursor stands on the next one."""
    window.keys(place)
    window.until(f"[{place} ", timeout_s=SLOW_S)
    window.until("n New", timeout_s=SLOW_S)
    window.keys("n")
    window.until("*name", timeout_s=SLOW_S)
    for text in texts:
        if text:
            window.type(text)
        window.keys("Down")


def test_a_disk_is_replaced_over_ssh(rack: Machine) -> None:
    rack.pull_disk("10")
    rack.add_disk("10", serial="FRESH10", transport=Transport.NVME)
    ssh, *rest = rack.ssh_as("mary").argv(shared=False)
    with terminal([ssh, "-t", *rest, "appliance-tui"], {"TERM": "xterm-256color"}) as window:
        window.until("ZNVME0001 of tier", "disk/ZNVME0001", timeout_s=SLOW_S)
        keep(window, "home-disk-lost")
        window.keys("2")
        window.until("bay 1 (serial ZSAS0000)", timeout_s=SLOW_S)
        window.keys(*["Space"] * 9)
        window.until("bay 10 (serial ZNVME0001): MISSING")
        window.until("in its bay now: FRESH10")
        keep(window, "disks-one-missing")
        window.keys("x")
        window.until("comes: bay 10 (serial FRESH10)", timeout_s=SLOW_S)
        keep(window, "replace")
        window.keys("C-s")
        window.until("Type the bay label")
        window.type("10")
        window.keys("Enter")
        window.until("nothing is done yet", timeout_s=SLOW_S)
        window.keys("Enter")
        window.until("Type ZNVME0001 to confirm")
        window.type("ZNVME0001")
        window.keys("Enter")
        window.until("PROVED", timeout_s=2 * SLOW_S)
        keep(window, "replaced")
        window.keys("Escape")
        window.until("bay 10 (serial FRESH10): ok", timeout_s=SLOW_S)
        window.keys("q")
        window.until("ended with 0")
    status = json.loads(rack.succeed("appliance status --json"))
    assert status["drift"] == []
    assert not [item for item in status["findings"] if item["severity"] == "critical"]
    disks = json.loads(rack.succeed("appliance disk list --json"))["disks"]
    assert {disk["serial"] for disk in disks if disk["pool"] == "data"} == {"ZNVME0000", "FRESH10"}
    assert rack.succeed("cat /srv/shares/scans/here") == "kept\n"
