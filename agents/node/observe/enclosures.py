"""Which bay a disk sits in, from what the hardware tells.

Sources in order: SES enclosure services, the SAS transport's bay identifier, the PCI slot of an
NVMe disk, and path rules of the hardware profile. A profile's own label wins over a bare number,
because the profile knows what is printed beside the bay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from agents.node.observe.devices import BlockDevice
from appliance.errors import ApplianceError
from appliance.kinds.base import Probe

ENCLOSURES: Final = "/sys/class/enclosure"
SAS_DEVICES: Final = "/sys/class/sas_device"
PCI_SLOTS: Final = "/sys/bus/pci/slots"
_END_DEVICE: Final = re.compile(r"/(end_device-[0-9:]+)/")


class BayRules(Protocol):
    """What this room needs of a hardware profile."""

    def bay_of(self, id_path: str, *, enclosure: str = "", slot: int | None = None) -> str:
        """The bay's label by path, or by enclosure ("vendor product") and slot; empty: unknown."""


@dataclass(frozen=True)
class Place:
    """A numbered slot of an enclosure."""

    enclosure: str
    """The enclosure's logical identifier: the same from both of its I/O modules."""
    product: str
    """Its "vendor product"."""
    slot: int


@dataclass(frozen=True)
class Places:
    """All slots the hardware told of."""

    by_node: Mapping[str, Place] = field(default_factory=dict)
    """Kernel name -> slot, by SES."""
    products: Mapping[str, str] = field(default_factory=dict)
    """Enclosure identifier -> "vendor product"."""
    pci: Mapping[str, str] = field(default_factory=dict)
    """PCI address without function ("0000:02:00") -> slot name."""
    problems: tuple[str, ...] = ()


def observe_places(probe: Probe) -> Places:
    """Reads enclosures and PCI slots. An enclosure that fails is told of and passed over."""
    by_node: dict[str, Place] = {}
    products: dict[str, str] = {}
    problems: list[str] = []
    for name in probe.list_dir(ENCLOSURES):
        try:
            enclosure, product = _enclosure(probe, name)
            products[enclosure] = product
            by_node |= _slots(probe, name, enclosure, product)
        except ApplianceError as error:
            problems.append(f"Enclosure {name} cannot be read: {error}")
    return Places(by_node, products, _pci_slots(probe), tuple(problems))


def bay_of(devices: Iterable[BlockDevice], places: Places, rules: BayRules, probe: Probe) -> str:
    """The bay of a disk that is seen by these paths; empty when nothing tells.

    Any path may know: an enclosure links a dual-path disk to the HBA it is asked through.
    """
    paths = tuple(devices)
    found = [place for device in paths if (place := places.by_node.get(device.node))]
    found += [place for device in paths if (place := _sas_place(device, places, probe))]
    for place in found:
        label = rules.bay_of("", enclosure=place.product, slot=place.slot)
        if label:
            return label
    for device in paths:
        label = rules.bay_of(device.text("ID_PATH"))
        if label:
            return label
    if found:
        return _numbered(found[0], places)
    return next((slot for device in paths if (slot := _pci_slot(device, places))), "")


def _numbered(place: Place, places: Places) -> str:
    """The slot number; before it the enclosure's, when there are several to confuse."""
    enclosures = sorted(places.products)
    if len(enclosures) < 2 or place.enclosure not in enclosures:  # noqa: PLR2004 - several
        return str(place.slot)
    return f"{enclosures.index(place.enclosure) + 1}.{place.slot}"


def _enclosure(probe: Probe, name: str) -> tuple[str, str]:
    # The class device is named after its SCSI address, under which vendor and model stand.
    scsi = f"/sys/bus/scsi/devices/{name}"
    words = [(probe.read_text(f"{scsi}/{key}") or "").strip() for key in ("vendor", "model")]
    identifier = (probe.read_text(f"{ENCLOSURES}/{name}/id") or "").strip()
    return _hexadecimal(identifier) or name, " ".join(word for word in words if word)


def _slots(probe: Probe, name: str, enclosure: str, product: str) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for component in probe.list_dir(f"{ENCLOSURES}/{name}"):
        folder = f"{ENCLOSURES}/{name}/{component}"
        if component in {"subsystem", "device", "power"}:
            continue
        # The component's name differs by vendor ("Slot 01", "ArrayDevice00"); its number does not.
        disks = probe.list_dir(f"{folder}/device/block")
        if disks:
            number = (probe.read_text(f"{folder}/slot") or "").strip()
            if number.isdecimal():
                found |= {node: Place(enclosure, product, int(number)) for node in disks}
    return found


def _sas_place(device: BlockDevice, places: Places, probe: Probe) -> Place | None:
    match = _END_DEVICE.search(device.sys_path)
    if match is None:
        return None
    folder = f"{SAS_DEVICES}/{match[1]}"
    try:
        number = (probe.read_text(f"{folder}/bay_identifier") or "").strip()
        enclosure = _hexadecimal(probe.read_text(f"{folder}/enclosure_identifier") or "")
    except ApplianceError:  # an HBA without this knowledge answers EINVAL
        return None
    # Without an enclosure the number means nothing: QEMU's HBA says bay 0 for every disk.
    if not enclosure or not number.isdecimal():
        return None
    return Place(enclosure, places.products.get(enclosure, ""), int(number))


def _hexadecimal(text: str) -> str:
    """An identifier in one form, empty for none or zero."""
    try:
        number = int(text.strip() or "0", 16)
    except ValueError:
        return text.strip()
    return f"0x{number:016x}" if number else ""


def _pci_slots(probe: Probe) -> dict[str, str]:
    found: dict[str, str] = {}
    for slot in probe.list_dir(PCI_SLOTS):
        address = (probe.read_text(f"{PCI_SLOTS}/{slot}/address") or "").strip()
        if address:
            found[address] = slot
    return found


def _pci_slot(device: BlockDevice, places: Places) -> str:
    """The nearest PCI slot above an NVMe disk; an HBA's slot says nothing about its disks."""
    if "/nvme/" not in device.sys_path:
        return ""
    for part in reversed(device.sys_path.split("/")):
        slot = places.pci.get(part.rpartition(".")[0])
        if slot is not None:
            return slot
    return ""
