"""A bay's lights: by the kernel's enclosure class (SES), by a PCIe port's own (NPEM), else by
asking the enclosure itself with sg_ses(8), which finds the bay by the disk's SAS address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from agents.node.observe.enclosures import ENCLOSURES
from appliance.errors import ApplianceError
from appliance.kinds.base import Probe
from appliance.model.command import read
from appliance.model.disk import Disk
from appliance.model.light import Lamp, Light
from appliance.model.profile import LocateMethod

LEDS: Final = "/sys/class/leds"
PCI_DEVICES: Final = "/sys/bus/pci/devices"
SCSI_GENERIC: Final = "/sys/class/scsi_generic"
SES_TYPE: Final = "13"
"""Peripheral device type of enclosure services (SPC-5)."""
_NPEM: Final = re.compile(r"(?P<port>[0-9a-f:.]+):enclosure:(?P<lamp>locate|fail)")
"""Name of such a light by drivers/pci/npem.c."""
_NPEM_NAMES: Final[Mapping[Lamp, str]] = {Lamp.LOCATE: "locate", Lamp.FAULT: "fail"}
_PCI_PATH: Final = re.compile(r"pci-(?P<address>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])")


def observe_light(
    probe: Probe, disk: Disk, method: LocateMethod, lamp: Lamp = Lamp.LOCATE
) -> Light:
    """A light of the bay the disk is in. `method` is what the hardware profile says there is."""
    reasons: list[str] = []
    if disk.missing:
        reasons.append("the disk does not answer, so nothing leads from it to its bay")
    else:
        for light in find_lights(probe, disk, lamp):
            seen = read_light(probe, light)
            if seen.available:
                return seen
            reasons += seen.reasons
        reasons += _why_not(probe, disk, lamp)
    if method is LocateMethod.NONE:
        reasons.append("the hardware profile knows no light of this chassis")
    return Light(lamp=lamp, available=False, reasons=tuple(reasons))


def find_lights(probe: Probe, disk: Disk, lamp: Lamp) -> tuple[Light, ...]:
    """Where the light may be, the surest first; none of them is asked yet."""
    paths = [*_ses(probe, disk, lamp), *_npem(probe, disk, lamp)]
    found = [Light(lamp=lamp, available=False, path=path) for path in paths]
    if not found:
        found = [
            Light(lamp=lamp, available=False, path=f"/dev/{node}", element=address)
            for address in _sas_addresses(probe, disk)
            for node in _enclosures(probe)
        ]
    return tuple(found)


def read_light(probe: Probe, light: Light) -> Light:
    """The light as it is now; not available, with the reason, when it does not tell."""
    try:
        state = _state(probe, light).strip()
    except ApplianceError as error:
        return light.model_copy(update={"available": False, "reasons": (error.message,)})
    if not state.isdecimal():
        words = f"{light.path} does not tell whether it is lit"
        return light.model_copy(update={"available": False, "reasons": (words,)})
    return light.model_copy(update={"available": True, "on": state != "0", "reasons": ()})


def _state(probe: Probe, light: Light) -> str:
    if not light.element:
        return probe.read_text(light.path) or ""
    name = f"--get={light.lamp.ses_name}"
    return probe.run(read("sg_ses", f"--sas-addr={light.element}", name, light.path)).stdout


def _ses(probe: Probe, disk: Disk, lamp: Lamp) -> Iterator[str]:
    """Either I/O module of an enclosure may be the one that links this path of the disk."""
    for enclosure in probe.list_dir(ENCLOSURES):
        for component in probe.list_dir(f"{ENCLOSURES}/{enclosure}"):
            folder = f"{ENCLOSURES}/{enclosure}/{component}"
            if not {*disk.paths, disk.node}.isdisjoint(probe.list_dir(f"{folder}/device/block")):
                yield f"{folder}/{lamp}"


def _npem(probe: Probe, disk: Disk, lamp: Lamp) -> Iterator[str]:
    match = _PCI_PATH.match(disk.id_path)
    if match is None:
        return
    address = match["address"]
    for name in probe.list_dir(LEDS):
        light = _NPEM.fullmatch(name)
        if light is None or light["lamp"] != _NPEM_NAMES[lamp]:
            continue
        port = light["port"]
        if port == address or probe.list_dir(f"{PCI_DEVICES}/{port}/{address}"):
            yield f"{LEDS}/{name}/brightness"


def _sas_addresses(probe: Probe, disk: Disk) -> Iterator[str]:
    """By which an enclosure knows the disk: mpt3sas, mpi3mr, smartpqi and hpsa show them."""
    for node in dict.fromkeys((*disk.paths, disk.node)):
        try:
            text = (probe.read_text(f"/sys/class/block/{node}/device/sas_address") or "").strip()
        except ApplianceError:  # an HBA without this knowledge answers EINVAL
            continue
        if text.startswith("0x") and int(text, 16):
            yield text


def _enclosures(probe: Probe) -> Iterator[str]:
    """Enclosures that answer SCSI though the kernel has no driver bound to them."""
    for node in probe.list_dir(SCSI_GENERIC):
        kind = probe.read_text(f"{SCSI_GENERIC}/{node}/device/type") or ""
        if kind.strip() == SES_TYPE:
            yield node


def _why_not(probe: Probe, disk: Disk, lamp: Lamp) -> Iterator[str]:
    if not probe.list_dir(ENCLOSURES) and not any(_enclosures(probe)):
        yield "no enclosure services (SES) are on this machine"
    elif not any(find_lights(probe, disk, lamp)):
        yield "no enclosure knows this disk"
    if disk.transport == "nvme" and not any(_npem(probe, disk, lamp)):
        yield "its PCIe port has no light the kernel can switch (NPEM, Linux 6.13)"
