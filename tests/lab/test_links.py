"""A bond of two cards and a VLAN on it, seen by another machine on the same wire."""

from __future__ import annotations

import json

import pytest

from images.machine import Machine
from images.qmp import connect

pytestmark = pytest.mark.lab

SITE = """
[link.wire]
bond = {{ interfaces = [{cards}], mode = "{mode}" }}
addresses = ["10.20.0.1/24"]

[link.films]
vlan = {{ on = "wire", id = 42 }}
addresses = ["10.42.0.1/24"]
"""
PORTS = ("port2", "port3")
"""PCIe ports of bays that are empty; a network card fits as well as a disk."""


def card_id(port: str) -> str:
    """QEMU's id of the card in a port."""
    return f"card-{port}"


def plug(machine: Machine, port: str, number: int) -> None:
    """One more network card on the wire between the nodes."""
    with connect(machine.record.folder / "qmp.sock") as qmp:
        qmp.command("netdev_add", type="socket", id=f"wire-{port}",
                    mcast=f"230.0.0.1:{machine.record.l2_port}", localaddr="127.0.0.1")  # fmt: skip
        qmp.command("device_add", driver="virtio-net-pci", id=card_id(port), bus=port,
                    netdev=f"wire-{port}", mac=f"52:54:00:0a:0b:{number:02x}", romfile="")  # fmt: skip


def cable(machine: Machine, port: str, *, up: bool) -> None:
    """Plug the cable of a card in, or pull it."""
    with connect(machine.record.folder / "qmp.sock") as qmp:
        assert not qmp.monitor(f"set_link {card_id(port)} {'on' if up else 'off'}")


@pytest.fixture(scope="module")
def cards(node: Machine) -> dict[str, str]:
    """Two more cards in the node: port -> the kernel's name."""
    names = {}
    for number, port in enumerate(PORTS, 1):
        plug(node, port, number)
        mac = f"52:54:00:0a:0b:{number:02x}"
        found = f"ip -json link | jq -r '.[] | select(.address == \"{mac}\") | .ifname'"
        node.wait_until_succeeds(f'test -n "$({found})"', timeout_s=60)
        names[port] = node.succeed(found).strip()
    node.succeed("udevadm settle")
    return names


@pytest.fixture(scope="module")
def client(peer: Machine) -> Machine:
    """The other end of the wire, in the plain network and in the tagged one."""
    wire = peer.succeed("basename /sys/bus/pci/devices/0000:00:05.0/virtio*/net/*").strip()
    peer.succeed(
        f"ip address add 10.20.0.2/24 dev {wire}; "
        f"ip link add link {wire} name films type vlan id 42; ip link set films up; "
        "ip address add 10.42.0.2/24 dev films"
    )
    return peer


def answers(client: Machine) -> None:
    """The node answers in both networks."""
    for address in ("10.20.0.1", "10.42.0.1"):
        client.wait_until_succeeds(f"ping -c 2 -W 5 {address}", timeout_s=120)


def carried_out(node: Machine, wish: str) -> None:
    """Apply, and confirm from a login that is still there."""
    node.succeed("cat > /root/links.toml", stdin=wish.encode())
    node.succeed("appliance apply /root/links.toml --yes --no-wait", timeout_s=120)
    node.wait_until_succeeds("appliance network confirm", timeout_s=120)
    node.wait_until_succeeds(
        "appliance job list --json | jq -e '.jobs[0].state == \"done\"'", timeout_s=120
    )


def site(cards: dict[str, str], *, mode: str = "active-backup") -> str:
    """What is wanted of the cards."""
    return SITE.format(cards=", ".join(f'"{card}"' for card in cards.values()), mode=mode)


def findings(node: Machine) -> list[str]:
    status = json.loads(node.succeed("appliance status --json"))
    return [item["what"] for item in status["findings"] if item["subject"].startswith("link/")]


def test_a_bond_and_a_vlan_answer_another_machine(
    node: Machine, client: Machine, cards: dict[str, str]
) -> None:
    carried_out(node, site(cards))
    answers(client)
    assert "active-backup" in node.succeed("cat /sys/class/net/wire/bonding/mode")
    assert findings(node) == []


def test_a_pulled_cable_is_told_and_the_other_one_carries_on(
    node: Machine, client: Machine, cards: dict[str, str]
) -> None:
    active = node.succeed("cat /sys/class/net/wire/bonding/active_slave").strip()
    port = next(port for port, card in cards.items() if card == active)
    cable(node, port, up=False)
    node.wait_until_succeeds(
        f"! grep -qx {active} /sys/class/net/wire/bonding/active_slave", timeout_s=30
    )
    answers(client)
    assert findings(node) == [
        f"Bond wire has lost {active}; what is left of it carries the traffic."
    ]
    cable(node, port, up=True)
    node.wait_until(lambda: findings(node) == [], "a bond with all its ports", timeout_s=120)
    answers(client)


def test_lacp_without_a_switch_is_told(
    node: Machine, client: Machine, cards: dict[str, str]
) -> None:
    carried_out(node, site(cards, mode="802.3ad"))
    assert findings(node) == ["Bond wire speaks LACP (802.3ad), and no switch answers it."]
    carried_out(node, site(cards))
    answers(client)
    assert findings(node) == []


def test_both_are_made_again_from_their_files(node: Machine, client: Machine) -> None:
    node.succeed("networkctl delete wire")
    node.fail("ip link show films")
    node.succeed("systemctl restart systemd-networkd")
    answers(client)


def test_a_vlan_moves_and_all_of_it_goes(
    node: Machine, client: Machine, cards: dict[str, str]
) -> None:
    carried_out(node, site(cards).replace("id = 42", "id = 43"))
    client.fail("ping -c 2 -W 5 10.42.0.1")
    client.succeed(
        "ip link del films; wire=$(basename /sys/bus/pci/devices/0000:00:05.0/virtio*/net/*); "
        "ip link add link $wire name films type vlan id 43; ip link set films up; "
        "ip address add 10.42.0.2/24 dev films"
    )
    answers(client)
    carried_out(node, "")
    node.fail("ip link show wire")
    node.fail("ip link show films")
    assert (
        json.loads(node.succeed("appliance apply /root/links.toml --preview --json"))["steps"] == []
    )
