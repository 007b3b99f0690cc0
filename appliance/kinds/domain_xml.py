"""Libvirt's domain XML: written from a Domain, and read back into one, so that only what we set
is compared. Element by element: https://libvirt.org/formatdomain.html
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Final

from appliance.model.guest import DiskDevice, Domain, DomainType

AGENT_CHANNEL: Final = "org.qemu.guest_agent.0"


def domain_xml(domain: Domain) -> str:
    """The definition libvirt is given. The same Domain always gives the same text."""
    root = ET.Element("domain", type=domain.type)
    ET.SubElement(root, "name").text = domain.name
    ET.SubElement(root, "uuid").text = domain.uuid
    ET.SubElement(root, "memory", unit="KiB").text = str(domain.memory // 1024)
    ET.SubElement(root, "vcpu").text = str(domain.cpus)
    _write_boot(root, domain)
    features = ET.SubElement(root, "features")
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    cpu = ET.SubElement(root, "cpu", mode=domain.cpu_mode)
    if domain.type == DomainType.QEMU:
        # Five-level page tables cost emulation dearly, and no guest here has 128 TiB of memory.
        ET.SubElement(cpu, "feature", policy="disable", name="la57")
    ET.SubElement(root, "clock", offset="utc")
    ET.SubElement(root, "on_crash").text = "destroy"
    _write_devices(ET.SubElement(root, "devices"), domain)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def parse_domain(text: str) -> Domain:
    """The Domain an XML definition describes; what is not there reads as empty."""
    root = ET.fromstring(text)  # noqa: S314 - libvirt's own answer, not a stranger's text
    kernel = root.findtext("os/kernel", "")
    machine = re.sub(r"^pc-(q35|i440fx)-.*", r"\1", _attribute(root, "os/type", "machine"))
    interface = root.find("devices/interface")
    return Domain(
        name=root.findtext("name", ""),
        uuid=root.findtext("uuid", ""),
        type=root.get("type", ""),
        memory=_memory(root),
        cpus=int(root.findtext("vcpu", "0")),
        machine=machine,
        efi=_attribute(root, "os", "firmware") == "efi",
        kernel=kernel,
        initrd=root.findtext("os/initrd", ""),
        cmdline=root.findtext("os/cmdline", ""),
        cpu_mode=_attribute(root, "cpu", "mode"),
        disks=tuple(_read_disk(disk) for disk in root.findall("devices/disk")),
        network=_read_network(interface),
        mac="" if interface is None else _attribute(interface, "mac", "address"),
        console_log=_attribute(root, "devices/serial/log", "file"),
        agent=any(
            target.get("name") == AGENT_CHANNEL for target in root.findall("devices/channel/target")
        ),
        random=root.find("devices/rng") is not None,
    )


def _write_boot(root: ET.Element, domain: Domain) -> None:
    boot = ET.SubElement(root, "os", {"firmware": "efi"} if domain.efi else {})
    ET.SubElement(boot, "type", arch="x86_64", machine=domain.machine).text = "hvm"
    if domain.efi:
        # Keys of one maker would shut out the kernels of others: the guest's owner may enrol his.
        chosen = ET.SubElement(boot, "firmware")
        ET.SubElement(chosen, "feature", enabled="no", name="secure-boot")
    for tag, text in (
        ("kernel", domain.kernel),
        ("initrd", domain.initrd),
        ("cmdline", domain.cmdline),
    ):
        if text:
            ET.SubElement(boot, tag).text = text


def _write_devices(devices: ET.Element, domain: Domain) -> None:
    for disk in domain.disks:
        _write_disk(devices, disk)
    _write_network(devices, domain)
    # A pty keeps the console open to people while the log keeps what was said.
    serial = ET.SubElement(devices, "serial", type="pty")
    ET.SubElement(serial, "log", file=domain.console_log, append="on")
    ET.SubElement(serial, "target", type="isa-serial", port="0")
    ET.SubElement(ET.SubElement(devices, "console", type="pty"), "target", type="serial", port="0")
    if domain.agent:
        channel = ET.SubElement(devices, "channel", type="unix")
        ET.SubElement(channel, "target", type="virtio", name=AGENT_CHANNEL)
    if domain.random:
        rng = ET.SubElement(devices, "rng", model="virtio")
        ET.SubElement(rng, "backend", model="random").text = "/dev/urandom"
    ET.SubElement(devices, "memballoon", model="virtio")


def _write_disk(devices: ET.Element, disk: DiskDevice) -> None:
    block = disk.device == "disk"
    element = ET.SubElement(devices, "disk", type="block" if block else "file", device=disk.device)
    driver = {"name": "qemu", "type": "raw"}
    driver |= {"cache": disk.cache, "io": disk.io, "discard": disk.discard}
    ET.SubElement(element, "driver", {key: value for key, value in driver.items() if value})
    ET.SubElement(element, "source", {"dev" if block else "file": disk.source})
    ET.SubElement(element, "target", dev=disk.target, bus=disk.bus)
    if disk.read_only:
        ET.SubElement(element, "readonly")
    if disk.boot_order:
        ET.SubElement(element, "boot", order=str(disk.boot_order))


def _write_network(devices: ET.Element, domain: Domain) -> None:
    if domain.network == "none":
        return
    kind, _, bridge = domain.network.partition(":")
    interface = ET.SubElement(devices, "interface", type=kind)
    ET.SubElement(interface, "mac", address=domain.mac)
    if bridge:
        ET.SubElement(interface, "source", bridge=bridge)
    ET.SubElement(interface, "model", type="virtio")


def _read_disk(disk: ET.Element) -> DiskDevice:
    source = disk.find("source")
    return DiskDevice(
        device=disk.get("device", "disk"),
        source="" if source is None else source.get("dev") or source.get("file") or "",
        target=_attribute(disk, "target", "dev"),
        bus=_attribute(disk, "target", "bus"),
        cache=_attribute(disk, "driver", "cache"),
        io=_attribute(disk, "driver", "io"),
        discard=_attribute(disk, "driver", "discard"),
        read_only=disk.find("readonly") is not None,
        boot_order=int(_attribute(disk, "boot", "order") or 0),
    )


def _read_network(interface: ET.Element | None) -> str:
    if interface is None:
        return "none"
    bridge = _attribute(interface, "source", "bridge")
    kind = interface.get("type", "")
    return f"{kind}:{bridge}" if bridge else kind


def _memory(root: ET.Element) -> int:
    """Bytes; libvirt reports KiB whatever unit it was given."""
    scale = {"b": 1, "bytes": 1, "KiB": 2**10, "k": 2**10, "MiB": 2**20, "GiB": 2**30}
    element = root.find("memory")
    if element is None:
        return 0
    return int(element.text or 0) * scale.get(element.get("unit", "KiB"), 1024)


def _attribute(root: ET.Element, path: str, name: str) -> str:
    element = root.find(path)
    return "" if element is None else element.get(name, "")
