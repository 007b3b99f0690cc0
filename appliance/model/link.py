"""A network link: a plain interface, a bond or a VLAN, with its addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from appliance.model.base import VOLATILE, Name, Value, without_scope
from appliance.model.names import STATE_DIR
from appliance.model.resource import Found, Spec

NETWORK_DIR: Final = "/etc/systemd/network"
FILE_PREFIX: Final = "10-appliance-"
"""Of our files below NETWORK_DIR; what follows to the first dot is the link's name."""

REVERT_AFTER_S: Final = 60
"""An unconfirmed change of the network is taken back after this time."""
REVERT_TIMER: Final = "appliance-network-revert.timer"
EARLIER_FILE: Final = f"{STATE_DIR}/network-earlier.json"
"""Our files as they were before an unconfirmed change; there only while one waits."""
OUTCOME_FILE: Final = f"{STATE_DIR}/network-outcome"
"""What came of the last change: a NetworkOutcome."""
CONFIRM_TITLE: Final = "Wait for somebody to confirm the new network settings"
"""Title of the step that waits; whoever follows a job knows it by this."""

LONGEST_DEVICE: Final = 15
"""Characters the kernel allows for an interface's name (IFNAMSIZ, netdevice(7))."""


class NetworkOutcome(StrEnum):
    """What came of the last change of the network."""

    NONE = "none"
    ARMED = "armed"
    CONFIRMED = "confirmed"
    REVERTED = "reverted"


class NetworkChange(Value):
    """Whether a change of the network waits to be confirmed."""

    outcome: NetworkOutcome
    revert_after_s: int = REVERT_AFTER_S
    """Seconds from the change until it is taken back unless it is confirmed."""


Interface = Annotated[
    str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9_.-]*$", max_length=LONGEST_DEVICE)
]
"""The kernel's name of a network interface: eno1, enp3s0f1."""


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(without_scope(text)))
    except ValueError as error:
        msg = f"'{text}' is no address; write for example 10.0.0.1"
        raise ValueError(msg) from error


def _interface_address(text: str) -> str:
    try:
        address = ipaddress.ip_interface(without_scope(text))
    except ValueError as error:
        msg = f"'{text}' is no address with its prefix; write for example 10.0.0.5/24"
        raise ValueError(msg) from error
    if "/" not in text:
        msg = f"'{text}' lacks the prefix length of its network; write for example {text}/24"
        raise ValueError(msg)
    if address.is_multicast or address.is_unspecified or address.is_loopback:
        msg = f"'{text}' is no address a node can have"
        raise ValueError(msg)
    return str(address)


Address = Annotated[str, AfterValidator(_address)]
InterfaceAddress = Annotated[str, AfterValidator(_interface_address)]


class BondMode(StrEnum):
    """How a bond uses its members, as the kernel's bonding.rst names it."""

    ACTIVE_BACKUP = "active-backup"
    LACP = "802.3ad"
    BALANCE_XOR = "balance-xor"


class BondSpec(Value):
    """Several interfaces as one."""

    interfaces: Annotated[tuple[Interface, ...], Field(min_length=2)]
    """Its members, such as eno1,eno2."""
    mode: BondMode = BondMode.ACTIVE_BACKUP
    """active-backup needs nothing of the switch; 802.3ad (LACP) and balance-xor do."""


class VlanSpec(Value):
    """A tagged network on another link."""

    on: Name
    """The link that carries it."""
    id: Annotated[int, Field(ge=1, le=4094)]
    """Its tag (IEEE 802.1Q)."""


class LinkSpec(Spec):
    """One way to the network: exactly one of interface, bond and vlan."""

    interface: Interface | None = None
    """The network interface of a plain link, such as eno1."""
    bond: BondSpec | None = None
    """Several interfaces as one; the bond has the link's own name."""
    vlan: VlanSpec | None = None
    """A tagged network on another link; it has the link's own name."""
    addresses: tuple[InterfaceAddress, ...] = ()
    """Fixed addresses with their prefix, such as 10.0.0.5/24; empty for DHCP."""
    dhcp: bool | None = None
    """Whether it asks for an address; by default only without fixed ones. No and no addresses:
    it only carries VLANs."""
    gateway: Address | None = None
    """The router to all other networks; DHCP brings its own."""
    dns: tuple[Address, ...] = ()
    """Name servers."""
    domains: tuple[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")], ...
    ] = ()
    """Domains in which short names are looked up."""
    mtu: Annotated[int, Field(ge=1280, le=9216)] | None = None
    """Largest packet in bytes; 9000 for jumbo frames if every switch on the way takes them."""

    @property
    def asks(self) -> bool:
        """Whether it uses DHCP."""
        return not self.addresses if self.dhcp is None else self.dhcp

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The physical interfaces it takes."""
        if self.bond is not None:
            return self.bond.interfaces
        return (self.interface,) if self.interface is not None else ()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.interface, self.bond, self.vlan)) != 1:
            msg = "a link is exactly one of interface, bond and vlan"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _gateway_is_near(self) -> Self:
        if self.gateway is None:
            return self
        router = ipaddress.ip_address(self.gateway)
        networks = [ipaddress.ip_interface(item).network for item in self.addresses]
        if not any(router in network for network in networks):
            msg = f"the gateway {self.gateway} is in none of the networks of the fixed addresses"
            raise ValueError(msg)
        if any(self.gateway == item.partition("/")[0] for item in self.addresses):
            msg = f"the gateway {self.gateway} is the node's own address"
            raise ValueError(msg)
        return self


class LinkFound(Found):
    """A link as it stands: our files for it, and the interface."""

    files: Mapping[str, str] = {}
    """Path -> content of our files; empty for an interface that nobody manages here."""
    interface: str
    """The interface itself, for a bond or VLAN the device of its name."""
    mac: str = ""
    physical: bool = False
    """A network card, as opposed to a bond, a VLAN or a guest's tap."""
    unconfirmed: bool = False
    """A change of the network waits to be confirmed, or to go back."""
    state: Annotated[str, VOLATILE] = ""
    """up, down or unknown, as ip-link(8) tells; empty when there is no such device."""
    addresses: Annotated[tuple[str, ...], VOLATILE] = ()
    """Addresses it has now, however it came by them."""
    ports_down: Annotated[tuple[str, ...], VOLATILE] = ()
    """Of a bond: its members that have no connection, or are not in the node."""
    unanswered: Annotated[bool, VOLATILE] = False
    """A bond that speaks LACP, and no switch answers: its ports do not work as one."""
