"""The host itself as the kinds see it: from files, and from ip(8) as a node printed it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from appliance.kinds.host.account import KIND as ACCOUNT
from appliance.kinds.host.account import keys_path
from appliance.kinds.host.identity import HOSTS, SOURCES, hosts_with, sources_of
from appliance.kinds.host.identity import KIND as IDENTITY
from appliance.kinds.host.link import KIND as LINK
from appliance.kinds.link_files import cards_of, files_of, parse_devices
from appliance.model.identity import AccountFound, AccountSpec, IdentityFound, IdentitySpec, Role
from appliance.model.link import EARLIER_FILE, LinkFound, LinkSpec
from tests.unit.fakes import FakeProbe

IP = Path(__file__).parents[3] / "recorded/host.link/ip-address.json"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb mary@desk"
SHOW = "systemctl show --property=Id,UnitFileState,ActiveState chrony.service"


def identity(**files: str) -> IdentityFound:
    probe = FakeProbe(
        outputs={
            "readlink /etc/localtime": "/usr/share/zoneinfo/Europe/Berlin\n",
            SHOW: "Id=chrony.service\nUnitFileState=enabled\nActiveState=inactive\n",
        },
        files={"/etc/hostname": "pacs1\n", SOURCES: "server 10.0.0.3 iburst\n", **files},
    )
    return IDENTITY.observe(probe)["node"]


def test_name_zone_and_servers_are_read_from_the_node() -> None:
    found = identity()
    assert (found.hostname, found.timezone) == ("pacs1", "Europe/Berlin")
    assert IDENTITY.adopt("node", found) == IdentitySpec(
        hostname="pacs1", timezone="Europe/Berlin", ntp=("10.0.0.3",)
    )
    (finding,) = IDENTITY.health("node", found)
    assert "clock may drift" in finding.what
    assert IDENTITY.foreign("node", found)


def test_a_name_we_could_not_give_is_not_taken_over() -> None:
    found = identity(**{"/etc/hostname": "PACS.example.org\n"})
    assert IDENTITY.adopt("node", found) is None


def test_hosts_keeps_what_others_wrote() -> None:
    text = "127.0.0.1 localhost\n127.0.1.1\told old.example.org\n10.0.0.9 archive\n"
    assert hosts_with(text, "pacs1") == "127.0.0.1 localhost\n127.0.1.1 pacs1\n10.0.0.9 archive\n"
    assert hosts_with("", "pacs1") == "127.0.1.1 pacs1\n"
    assert identity(**{HOSTS: text}).hosts == text


def test_without_servers_the_public_pool() -> None:
    assert sources_of(()).startswith("pool ")


def links(files: dict[str, str], *, waits: bool = False) -> dict[str, LinkFound]:
    probe = FakeProbe(
        outputs={"ip -details -json address show": IP.read_text()},
        files={**files, **({EARLIER_FILE: "{}"} if waits else {})},
    )
    return dict(LINK.observe(probe))


def test_cards_nobody_manages_are_seen_and_are_no_loose_ends() -> None:
    found = links({})
    names = {item["ifname"] for item in json.loads(IP.read_text())}
    assert "lo" in names
    assert set(found) == names - {"lo"}
    assert all(item.physical and item.mac for item in found.values())
    assert all(LINK.foreign(name, item) for name, item in found.items())
    assert any(item.addresses for item in found.values())
    assert not [finding for name, item in found.items() for finding in LINK.health(name, item)]


def test_our_link_is_known_by_its_files_and_takes_its_card() -> None:
    card = next(iter(parse_devices(IP.read_text())))
    spec = LinkSpec(interface=card)
    found = links(dict(files_of("lan", spec, {"lan": spec})), waits=True)
    assert card not in found
    assert found["lan"].interface == card
    assert found["lan"].files == files_of("lan", spec, {"lan": spec})
    assert found["lan"].unconfirmed
    assert not LINK.foreign("lan", found["lan"])


def test_a_bond_takes_its_members() -> None:
    spec = LinkSpec.model_validate({"bond": {"interfaces": ["eno8", "eno9"]}})
    found = links(dict(files_of("lan", spec, {"lan": spec})))
    assert {"eno8", "eno9"} <= cards_of(found.values())
    assert found["lan"].interface == "lan"
    (finding,) = LINK.health("lan", found["lan"])
    assert "has no connection" in finding.what


@pytest.mark.parametrize(
    ("states", "lost"),
    [
        ({"lan": "UP", "eno8": "UP", "eno9": "UP"}, ()),
        ({"lan": "UP", "eno8": "DOWN", "eno9": "UP"}, ("eno8",)),
        ({"lan": "UP", "eno9": "UP"}, ("eno8",)),
    ],
)
def test_a_bond_that_lost_a_port_is_told(states: dict[str, str], lost: tuple[str, ...]) -> None:
    spec = LinkSpec.model_validate({"bond": {"interfaces": ["eno9", "eno8"]}})
    devices = [
        {"ifname": name, "link_type": "ether", "operstate": state, "linkinfo": {"info_kind": "bond"}
         if name == "lan" else {}} for name, state in states.items()
    ]  # fmt: skip
    found = LINK.observe(
        FakeProbe(
            outputs={"ip -details -json address show": json.dumps(devices)},
            files=dict(files_of("lan", spec, {"lan": spec})),
        )
    )["lan"]
    findings = LINK.health("lan", found)
    assert found.ports_down == lost
    assert [item.what for item in findings] == [
        f"Bond lan has lost {port}; what is left of it carries the traffic." for port in lost
    ]


@pytest.mark.parametrize(
    ("mode", "partner", "told"),
    [
        ("802.3ad", "00:00:00:00:00:00", True),
        ("802.3ad", "00:1c:73:00:00:99", False),
        ("active-backup", "", False),
    ],
)
def test_lacp_without_a_switch_that_answers_is_told(mode: str, partner: str, told: bool) -> None:
    spec = LinkSpec.model_validate({"bond": {"interfaces": ["eno8"] * 2, "mode": mode}})
    heard = {"ad_info": {"partner_mac": partner}} if partner else {}
    bond = {"ifname": "lan", "link_type": "ether", "operstate": "UP",
            "linkinfo": {"info_kind": "bond", "info_data": {"mode": mode, **heard}}}  # fmt: skip
    port = {"ifname": "eno8", "link_type": "ether", "operstate": "UP"}
    found = LINK.observe(
        FakeProbe(
            outputs={"ip -details -json address show": json.dumps([bond, port])},
            files=dict(files_of("lan", spec, {"lan": spec})),
        )
    )["lan"]
    assert found.unanswered is told
    assert ["LACP" in item.what for item in LINK.health("lan", found)] == [True] * told


def test_virtual_devices_are_no_cards() -> None:
    tap = {"ifname": "vnet0", "link_type": "ether", "linkinfo": {"info_kind": "tun"}}
    port = {"ifname": "eno1", "link_type": "ether", "address": "02:00:00:00:00:01",
            "permaddr": "02:00:00:00:00:09", "linkinfo": {"info_slave_kind": "bond"}}  # fmt: skip
    devices = parse_devices(json.dumps([tap, port, {}]))
    assert cards_of(devices.values()) == {"eno1"}
    assert devices["eno1"].mac == "02:00:00:00:00:09"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "exactly one of"),
        ({"interface": "eno1", "vlan": {"on": "lan", "id": 2}}, "exactly one of"),
        ({"interface": "eno1", "addresses": ["10.0.0.300/24"]}, "no address with its prefix"),
        ({"interface": "eno1", "addresses": ["127.0.0.1/8"]}, "no address a node can have"),
        ({"interface": "eno1", "dns": ["dns.example.org"]}, "no address"),
        ({"interface": "eno1", "addresses": ["10.0.0.5/24"], "gateway": "10.0.0.5"}, "own address"),
        ({"interface": "eno1\nName=eno2"}, "pattern"),
        ({"interface": "eno1", "domains": ["a\nDNS=10.0.0.1"]}, "pattern"),
        ({"vlan": {"on": "lan", "id": 4095}}, "4094"),
    ],
)
def test_a_wrong_link_is_refused_at_its_field(spec: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        LinkSpec.model_validate(spec)


def accounts() -> dict[str, AccountFound]:
    probe = FakeProbe(
        files={
            "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nbroken\n"
            "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
            "mary:x:1000:1000:appliance account (password mary-login):/x:/bin/bash\n"
            "tom:x:1001:1001:appliance account:/x:/bin/bash\n",
            "/etc/group": "appliance-admin:x:990:root,mary\nappliance-viewer:x:993:mary\n",
            keys_path("mary"): f"# hers\n\n{KEY}\n",
        }
    )
    return dict(ACCOUNT.observe(probe))


def test_accounts_with_role_keys_and_where_the_password_is_from() -> None:
    found = accounts()
    assert set(found) == {"root", "mary", "tom"}
    mary = AccountFound(uid=1000, ours=True, role=Role.ADMIN, keys=(KEY,), password="mary-login")
    assert found["mary"] == mary
    assert ACCOUNT.foreign("root", found["root"])
    assert not ACCOUNT.health("root", found["root"])
    (finding,) = ACCOUNT.health("tom", found["tom"])
    assert "has no role" in finding.what


@pytest.mark.parametrize(("status", "is_open"), [("NP", True), ("L", False), ("P", False)])
def test_the_login_of_a_new_machine_is_told_while_it_is_open(status: str, is_open: bool) -> None:
    probe = FakeProbe(
        outputs={"passwd --status setup": f"setup {status} 2026-11-24 -1 -1 -1 -1\n"},
        files={
            "/etc/passwd": "setup:x:998:998:first boot:/x:/bin/bash\n",
            "/etc/group": "appliance-admin:x:990:setup\n",
        },
    )
    found = ACCOUNT.observe(probe)["setup"]
    assert (found.open, found.ours) == (is_open, False)
    assert [item.severity for item in ACCOUNT.health("setup", found)] == ["info"] * is_open


def test_a_key_file_holds_keys_only() -> None:
    for key in (f"{KEY}\nssh-ed25519 {'A' * 68}", f'command="sh" {KEY}', "ssh-ed25519 short"):
        with pytest.raises(ValidationError):
            AccountSpec(keys=(key,))
    assert AccountSpec(keys=(f"  {KEY}\n",)).keys == (KEY,)
