"""The first boot without a person: answers in, a working node and its handover sheet out.

And what happens when a change of the network cuts the node off and nobody confirms it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from images.disk import lab_key
from images.machine import Machine
from images.run import run

pytestmark = pytest.mark.lab

ANSWERS = """
[setup]
profile = "lab-12bay"
[setup.secrets]
mary-login = "mary.secret"
[identity.node]
hostname = "pacs1"
timezone = "Europe/Berlin"
ntp = ["10.0.2.2"]
[link.lan]
interface = "enp0s4"
addresses = ["10.0.2.15/24"]
gateway = "10.0.2.2"
[account.mary]
keys = ["{key}"]
password = "mary-login"
[pool.data.performance]
disks = ["bay:7", "bay:8"]
raid = "raid1"
[volume.images]
pool = "data"
tier = "performance"
size = "400 MiB"
[share.images]
volume = "images"
[share.images.nfs]
clients = [{ address = "10.9.0.0/24" }]
"""
# As at the first boot, with no person and no login behind it.
UNATTENDED = "systemd-run --quiet --wait --pipe --collect"


def test_an_unattended_first_boot_ends_with_a_working_node(node: Machine, tmp_path: Path) -> None:
    node.wait_for_agent(timeout_s=300)
    shown = json.loads(node.succeed("appliance setup --json"))
    assert (shown["chassis"]["profile"], shown["chassis"]["score"]) == ("lab-12bay", 3)
    assert shown["layouts"][0]["name"] == "raid6"
    key = lab_key().with_suffix(".pub").read_text().strip()
    (tmp_path / "answers.toml").write_text(ANSWERS.replace("{key}", key))
    (tmp_path / "mary.secret").write_text("at-the-screen\n")
    node.copy_in(tmp_path, "/root/first")
    setup = f"{UNATTENDED} appliance setup --answers /root/first/answers.toml --yes"
    said = node.succeed(setup, timeout_s=900)
    assert "HANDOVER SHEET  pacs1" in said
    named = node.succeed("cat /etc/hostname; timedatectl show --property=Timezone --value")
    assert named.split() == ["pacs1", "Europe/Berlin"]
    assert "10.0.2.2" in node.succeed("chronyc -n sources")
    assert "xfs" in node.succeed("findmnt -n -o FSTYPE /srv/shares/images; exportfs | grep images")
    mary = [*node.ssh_as("mary").argv(shared=False), "id -Gn; appliance handover --json"]
    groups, _, sheet = run(mary, timeout_s=120).stdout.partition("\n")
    assert "appliance-admin" in groups.split()
    handed = json.loads(sheet)
    shown_key = node.succeed("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    assert shown_key in {item["fingerprint"] for item in handed["host_keys"]}
    assert ["10.0.2.15/24"] in [item["addresses"] for item in handed["links"]]
    assert [(item["pool"], item["survives"]) for item in handed["tiers"]] == [("data", 1)]
    assert handed["accounts"] == [{"name": "mary", "role": "admin", "keys": 1, "password": True}]
    assert shown_key in handed["first"][0]


def test_a_network_change_nobody_confirms_goes_back_though_the_agent_died(node: Machine) -> None:
    node.succeed(
        "appliance site | sed s,10.0.2.15/24,192.0.2.9/24, | grep -v ^gateway > /root/cut.toml"
    )
    watch = "ip -4 -br address show enp0s4 >> /root/seen; cat /var/lib/appliance/network-outcome >> /root/seen"
    node.succeed(
        f"systemd-run --quiet sh -c 'while sleep 2; do {watch}; done'; "
        "systemd-run --quiet sh -c 'until grep -q 192.0.2.9 /root/seen; do sleep 1; done; "
        "systemctl kill --signal KILL appliance-agent'; "
        "systemd-run --quiet --on-active=2 appliance apply /root/cut.toml --yes --no-wait"
    )
    node.wait_until_succeeds("grep -q reverted /root/seen", timeout_s=400)
    seen = node.succeed("cat /root/seen")
    cut, _, after = seen.partition("reverted")
    assert "192.0.2.9" in cut
    assert "10.0.2.15/24" in node.succeed("ip -4 -br address show enp0s4")
    assert "192.0.2.9" not in after.rpartition("enp0s4")[2]
    node.wait_for_agent(timeout_s=120)
    job = json.loads(node.succeed("appliance job list --json"))["jobs"][0]
    assert job["state"] == "unknown"
    node.succeed(f"appliance job undo {job['number']}")
    assert "all is well" in node.succeed("appliance status")
