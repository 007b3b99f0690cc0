"""A link as systemd-networkd's files (systemd.network(5), systemd.netdev(5)) and as ip(8) shows it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from appliance.kinds.base import Probe, View
from appliance.model.command import read
from appliance.model.link import (
    EARLIER_FILE,
    FILE_PREFIX,
    NETWORK_DIR,
    BondMode,
    LinkFound,
    LinkSpec,
)
from appliance.model.names import STATE_DIR

_LOOK: Final = read("ip", "-details", "-json", "address", "show")


def link_specs(view: View) -> Mapping[str, LinkSpec]:
    """The wanted links."""
    return {name: spec for name, spec in view.specs("link").items() if isinstance(spec, LinkSpec)}


def files_of(name: str, spec: LinkSpec, links: Mapping[str, LinkSpec]) -> Mapping[str, str]:
    """Path -> content of all files of a link. Those of a carrier name the VLANs on it."""
    vlans = sorted(other for other, item in links.items() if item.vlan and item.vlan.on == name)
    stem = f"{NETWORK_DIR}/{FILE_PREFIX}{name}"
    files = {f"{stem}.network": _network(spec.interface or name, spec, vlans)}
    if spec.bond is not None:
        files[f"{stem}.netdev"] = _bond(name, spec.bond.mode)
        for port in spec.bond.interfaces:
            files[f"{stem}.port.{port}.network"] = _lines(
                ("Match", (("Name", port),)),
                ("Network", (("Bond", name), ("LinkLocalAddressing", "no"))),
            )
    if spec.vlan is not None:
        # The carrier stands in it too: a VLAN that moves to another one is made anew.
        files[f"{stem}.netdev"] = f"# on {spec.vlan.on}\n" + _lines(
            ("NetDev", (("Name", name), ("Kind", "vlan"))), ("VLAN", (("Id", str(spec.vlan.id)),))
        )
    return files


def observe_links(probe: Probe) -> Mapping[str, LinkFound]:
    """Our links by name; then every physical interface none of them takes, by its own name."""
    devices = parse_devices(probe.run(_LOOK).stdout)
    waits = EARLIER_FILE.rpartition("/")[2] in probe.list_dir(STATE_DIR)
    found: dict[str, LinkFound] = {}
    for name, files in _our_files(probe).items():
        main = files.get(f"{NETWORK_DIR}/{FILE_PREFIX}{name}.network", "")
        interface = _value(main, "Name") or name
        device = devices.get(interface, LinkFound(interface=interface))
        down = tuple(port for port in _ports(files) if not _is_up(devices.get(port)))
        found[name] = device.model_copy(
            update={"files": files, "unconfirmed": waits, "ports_down": down}
        )
    taken = {interface for item in found.values() for interface in _taken(item)}
    for interface, device in devices.items():
        if device.physical and interface not in taken:
            found.setdefault(interface, device)
    return found


def parse_devices(text: str) -> Mapping[str, LinkFound]:
    """Interface -> how it stands, from `ip -details -json address`. What is no network card, such
    as a bond or a guest's tap, has a kind; a bond's member keeps its own address as permaddr."""
    devices: list[dict[str, Any]] = json.loads(text or "[]")
    found = {}
    for item in devices:
        name = item.get("ifname")
        if not name or item.get("link_type") != "ether":
            continue
        found[name] = LinkFound(
            interface=name,
            mac=item.get("permaddr") or item.get("address", ""),
            physical="info_kind" not in item.get("linkinfo", {}),
            state=str(item.get("operstate", "")).lower(),
            unanswered=_is_unanswered(item.get("linkinfo", {}).get("info_data", {})),
            addresses=tuple(
                f"{own['local']}/{own['prefixlen']}"
                for own in item.get("addr_info", ())
                if own.get("scope") == "global"
            ),
        )
    return found


def _is_unanswered(bond: Mapping[str, Any]) -> bool:
    """bonding.rst: the partner's address is all zeroes until one was heard."""
    partner = bond.get("ad_info", {}).get("partner_mac", "")
    return bond.get("mode") == BondMode.LACP and not partner.strip("0:")


def cards_of(found: Iterable[LinkFound]) -> frozenset[str]:
    """The network cards there are, those that are members of a bond included."""
    cards = set()
    for item in found:
        if item.physical:
            cards.add(item.interface)
        cards.update(_ports(item.files))
    return frozenset(cards)


def _ports(files: Iterable[str]) -> tuple[str, ...]:
    """A bond's members, by the names of its files."""
    names = (path.partition(".port.")[2].removesuffix(".network") for path in files)
    return tuple(sorted(name for name in names if name))


def _is_up(device: LinkFound | None) -> bool:
    return device is not None and device.state == "up"


def _our_files(probe: Probe) -> Mapping[str, Mapping[str, str]]:
    """Link -> path -> content."""
    ours: dict[str, dict[str, str]] = {}
    for entry in probe.list_dir(NETWORK_DIR):
        if entry.startswith(FILE_PREFIX) and entry.endswith((".network", ".netdev")):
            path = f"{NETWORK_DIR}/{entry}"
            name = entry.removeprefix(FILE_PREFIX).partition(".")[0]
            ours.setdefault(name, {})[path] = probe.read_text(path) or ""
    return ours


def _taken(item: LinkFound) -> Iterator[str]:
    """The interfaces a link's files match."""
    for path, text in item.files.items():
        if path.endswith(".network"):
            yield _value(text, "Name")


def _value(text: str, key: str) -> str:
    """The first value of a key in a file of ours."""
    lines = (line.partition("=") for line in text.splitlines())
    return next((value for name, _, value in lines if name == key), "")


def _network(interface: str, spec: LinkSpec, vlans: list[str]) -> str:
    six = any(":" in item for item in spec.addresses)
    network = [
        ("DHCP", "yes" if spec.asks else "no"),
        # No address by chance: one that nobody wrote down may lead past a firewall.
        ("LinkLocalAddressing", "ipv6" if six else "no"),
        ("IPv6AcceptRA", "no"),
        *(("Address", item) for item in spec.addresses),
        *((("Gateway", spec.gateway),) if spec.gateway else ()),
        *(("DNS", item) for item in spec.dns),
        *((("Domains", " ".join(spec.domains)),) if spec.domains else ()),
        *(("VLAN", item) for item in vlans),
    ]
    link = (("Link", (("MTUBytes", str(spec.mtu)),)),) if spec.mtu else ()
    dhcp = (("DHCPv4", (("ClientIdentifier", "mac"),)),) if spec.asks else ()
    return _lines(("Match", (("Name", interface),)), *link, ("Network", tuple(network)), *dhcp)


def _bond(name: str, mode: BondMode) -> str:
    lacp = (("TransmitHashPolicy", "layer3+4"),) if mode is not BondMode.ACTIVE_BACKUP else ()
    rate = (("LACPTransmitRate", "fast"),) if mode is BondMode.LACP else ()
    return _lines(
        ("NetDev", (("Name", name), ("Kind", "bond"))),
        # Without a monitor a bond never notices a cable that was pulled (bonding.rst, miimon).
        ("Bond", (("Mode", mode.value), ("MIIMonitorSec", "100ms"), *lacp, *rate)),
    )


def _lines(*sections: tuple[str, tuple[tuple[str, str], ...]]) -> str:
    blocks = (
        "".join((f"[{title}]\n", *(f"{key}={value}\n" for key, value in pairs)))
        for title, pairs in sections
    )
    return "\n".join(blocks)
