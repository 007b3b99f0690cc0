"""Locate lights: by the enclosure's services (SES), or by a PCIe port's own (NPEM)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from agents.node.observe.enclosures import ENCLOSURES
from appliance.errors import ApplianceError
from appliance.kinds.base import Probe
from appliance.model.disk import Disk
from appliance.model.light import Light
from appliance.model.profile import LocateMethod

LEDS: Final = "/sys/class/leds"
PCI_DEVICES: Final = "/sys/bus/pci/devices"
_NPEM: Final = re.compile(r"(?P<port>[0-9a-f:.]+):enclosure:locate")
"""Name of such a light by drivers/pci/npem.c."""
_PCI_PATH: Final = re.compile(r"pci-(?P<address>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])")


def observe_light(probe: Probe, disk: Disk, method: LocateMethod) -> Light:
    """The light of the bay the disk is in. `method` is what the hardware profile says there is."""
    reasons: list[str] = []
    if disk.missing:
        reasons.append("the disk does not answer, so nothing leads from it to its bay")
    else:
        for path in (*_ses(probe, disk), *_npem(probe, disk)):
            try:
                state = (probe.read_text(path) or "").strip()
            except ApplianceError as error:
                reasons.append(error.message)
                continue
            if state.isdecimal():
                return Light(available=True, on=state != "0", path=path)
            reasons.append(f"{path} does not tell whether it is lit")
        reasons += _why_not(probe, disk)
    if method is LocateMethod.NONE:
        reasons.append("the hardware profile knows no light of this chassis")
    return Light(available=False, reasons=tuple(reasons))


def _ses(probe: Probe, disk: Disk) -> Iterator[str]:
    """Either I/O module of an enclosure may be the one that links this path of the disk."""
    for enclosure in probe.list_dir(ENCLOSURES):
        for component in probe.list_dir(f"{ENCLOSURES}/{enclosure}"):
            folder = f"{ENCLOSURES}/{enclosure}/{component}"
            if not {*disk.paths, disk.node}.isdisjoint(probe.list_dir(f"{folder}/device/block")):
                yield f"{folder}/locate"


def _npem(probe: Probe, disk: Disk) -> Iterator[str]:
    match = _PCI_PATH.match(disk.id_path)
    if match is None:
        return
    address = match["address"]
    for name in probe.list_dir(LEDS):
        light = _NPEM.fullmatch(name)
        if light is None:
            continue
        port = light["port"]
        if port == address or probe.list_dir(f"{PCI_DEVICES}/{port}/{address}"):
            yield f"{LEDS}/{name}/brightness"


def _why_not(probe: Probe, disk: Disk) -> Iterator[str]:
    if not probe.list_dir(ENCLOSURES):
        yield "no enclosure services (SES) are on this machine"
    elif not any(_ses(probe, disk)):
        yield "no enclosure knows this disk"
    if disk.transport == "nvme" and not any(_npem(probe, disk)):
        yield "its PCIe port has no light the kernel can switch (NPEM, Linux 6.13)"
