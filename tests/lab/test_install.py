"""The system installed from the live medium onto a mirror of two disks, and started from them.

By real firmware: from both disks without the medium, then from either alone. The power is cut in the
middle of the copy, and the plan goes on from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.model.profile import Profile
from images.build import build_image
from images.machine import Machine
from images.record import emulation_of
from tests.lab.conftest import MACHINES

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3600, func_only=True)]

GIB = 1 << 30
ON = ("ZSSD0000", "ZSSD0001")
ROOT = "/dev/mapper/approot_zssd0000-root"
START_S = 1500
"""Of firmware, boot loader and kernel, all emulated, beside another node."""
FIRST = "7"
"""The bay of the disk the volume group is named after, and whose copy is read first."""

ANSWERS = """
[boot.node]
disks = ["bay:7", "bay:8"]
[identity.node]
hostname = "pacs1"
[setup]
layout = "none"
"""


def with_boot_disks(profile: Profile) -> Profile:
    """The chassis with large enough SATA disks, and no others but one."""
    emulation = emulation_of(profile)
    keep = {"1": GIB, FIRST: 4 * GIB, "8": 4 * GIB}
    bays = tuple(
        bay.model_copy(
            update={
                "disk": bay.disk.model_copy(update={"size": keep[bay.bay]})
                if bay.disk and bay.bay in keep
                else None
            }
        )
        for bay in emulation.bays
    )
    return profile.model_copy(update={"emulation": emulation.model_copy(update={"bays": bays})})


@pytest.fixture(scope="module")
def server(profile: Profile, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A server that starts by UEFI from the live medium, its disks blank."""
    with_stash = request.session.stash.setdefault(MACHINES, [])
    name = f"test-{os.getpid()}-install"
    machine = Machine.create(name, with_boot_disks(profile), build_image(), number=6, uefi=True)
    with_stash.append(machine)
    machine.start(timeout_s=START_S)
    yield machine
    with_stash.remove(machine)
    machine.remove()


def asked(machine: Machine, *words: str) -> Any:
    """What the command line answers, as JSON."""
    return json.loads(machine.succeed("appliance", *words, "--json", timeout_s=300))


def roles(machine: Machine) -> dict[str, str]:
    """Serial -> role, of the disks that answer."""
    disks = asked(machine, "disk", "list")["disks"]
    return {disk["serial"]: disk["role"] for disk in disks if not disk["missing"]}


def findings(machine: Machine) -> dict[str, str]:
    """What the status says of the system's disks, and what to do."""
    found = asked(machine, "status")["findings"]
    return {item["what"]: item["next_step"] for item in found if "boot" in item["subject"]}


def starts_from_its_disks(machine: Machine) -> None:
    machine.wait_for_agent(timeout_s=600)
    assert machine.succeed("findmnt -n -o SOURCE /").strip() == ROOT
    assert "approot" not in machine.succeed("lsblk --nodeps --noheadings -o SERIAL").split()


def test_from_the_medium_onto_two_blank_disks_through_a_power_cut(server: Machine) -> None:
    server.wait_for_agent(timeout_s=600)
    server.succeed("cat /etc/machine-id > /root/id-of-the-medium")
    shown = server.succeed("appliance setup", timeout_s=300)
    assert "system: runs from a medium; it can be installed on bay 7" in shown
    server.succeed("cat > /root/answers.toml", stdin=ANSWERS.encode())
    words = "appliance setup --answers /root/answers.toml --yes"
    refused = server.fail(words, timeout_s=300)
    assert all(f"--confirm {serial}" in refused for serial in ON)
    confirmed = " ".join(f"--confirm {serial}" for serial in ON)
    server.succeed(f"systemd-run --quiet --unit=first {words} {confirmed}")
    server.wait_until_succeeds("systemctl is-active appliance-install", timeout_s=600)
    server.cut_power()
    server.start(timeout_s=START_S)
    server.wait_for_agent(timeout_s=600)
    said = server.succeed("appliance setup --resume --yes", timeout_s=2400)
    print(said)
    assert "The system is installed on bay 7 (" in said
    assert {roles(server)[serial] for serial in (*ON, "approot")} == {"boot"}
    assert "is the boot disk" in server.fail(f"appliance disk wipe {ON[0]} --confirm {ON[0]} --yes")
    assert any("still runs from the medium" in what for what in findings(server))
    assert not server.succeed("findmnt -rn -S /dev/mapper/approot_zssd0000-root || true")


def test_it_starts_from_both_disks_without_the_medium(server: Machine) -> None:
    medium = server.succeed("cat /root/id-of-the-medium").strip()
    server.stop()
    server.take_medium_out()
    server.start(timeout_s=START_S)
    starts_from_its_disks(server)
    assert server.succeed("cat /etc/machine-id").strip() != medium
    assert server.succeed("cat /etc/fstab").split()[0] == ROOT
    assert {roles(server)[serial] for serial in ON} == {"boot"}
    assert roles(server)["ZSAS0000"] != "boot"
    assert not findings(server)
    assert asked(server, "boot", "list")["resources"][0]["found"]["running"]
    assert not asked(server, "site")


def test_it_starts_from_either_disk_alone_and_tells_that_the_other_is_gone(server: Machine) -> None:
    server.stop()
    server.pull_disk(FIRST)
    server.start(timeout_s=START_S)
    starts_from_its_disks(server)
    told = findings(server)
    print(told)
    degraded = "the boot mirror is degraded: disk ZSSD0000 does not answer"
    assert "appliance boot set node --disks ZSSD0001,bay:LABEL" in told[degraded]


def test_a_new_disk_takes_the_lost_ones_place(server: Machine) -> None:
    server.stop()
    new = server.add_disk(FIRST, serial="ZNEWSSD", size=4 * GIB).serial
    server.start(timeout_s=START_S)
    starts_from_its_disks(server)
    server.succeed("appliance boot import node --yes", timeout_s=300)
    words = f"appliance boot set node --disks ZSSD0001,bay:{FIRST} --yes --confirm {new}"
    print(server.succeed(words, timeout_s=2400))
    assert not findings(server)
    server.stop()
    server.pull_disk("8")
    server.start(timeout_s=START_S)
    starts_from_its_disks(server)
