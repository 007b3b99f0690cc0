"""Who a disk is: serial, WWN, transport, medium and size from what udev and sysfs say of it."""

from __future__ import annotations

import re
from typing import Final

from agents.node.observe.devices import BlockDevice
from appliance.model.disk import Disk, Medium, Transport, Zoned

SECTOR: Final = 512
"""Bytes that /sys/block/*/size counts in, whatever the disk's own block size (the kernel's
Documentation/ABI/stable/sysfs-block)."""
_NAMESPACE: Final = re.compile(r"^nvme\d+n(\d+)$")


def identify(device: BlockDevice) -> Disk:
    """The disk behind one path, without its bay, role and what stands on it."""
    return Disk(
        serial=_serial(device),
        wwn=_wwn(device),
        model=_one_spaced(device.text("ID_MODEL") or device.attributes.get("device/model", "")),
        vendor=device.text("ID_VENDOR"),
        firmware=device.text("ID_REVISION") or device.attributes.get("device/firmware_rev", ""),
        transport=_transport(device),
        medium=_medium(device),
        size=_size(device),
        logical_block=_number(device, "queue/logical_block_size") or SECTOR,
        physical_block=_number(device, "queue/physical_block_size"),
        zoned=_zoned(device),
        node=device.node,
        paths=(device.node,),
        id_path=device.text("ID_PATH"),
    )


def has_identity(disk: Disk) -> bool:
    """Whether the disk told a serial or a WWN of its own."""
    return not disk.serial.startswith(("path-", "node-"))


def _serial(device: BlockDevice) -> str:
    """The maker's serial. For SCSI that is ID_SCSI_SERIAL; ID_SERIAL_SHORT is the WWN there.

    A disk without one is called after its WWN, its path or its node, so that it can be shown.
    """
    serial = device.text("ID_SCSI_SERIAL", "ID_SERIAL_SHORT") or device.attributes.get(
        "device/serial", ""
    )
    if not serial and device.node.startswith("vd"):
        serial = device.text("ID_SERIAL")
    namespace = _namespace(device)
    if serial and namespace != "1":
        return f"{serial}_{namespace}"  # all namespaces of a controller share its serial
    path = device.text("ID_PATH")
    return serial or _wwn(device) or (f"path-{path}" if path else f"node-{device.node}")


def _namespace(device: BlockDevice) -> str:
    """The namespace's identifier. The kernel's name does not tell it: a disk that comes back while
    its old device is still held open is nvme0n2."""
    match = _NAMESPACE.match(device.node)
    return device.attributes.get("nsid", "") or (match[1] if match else "1")


def _wwn(device: BlockDevice) -> str:
    wwn = device.text("ID_WWN_WITH_EXTENSION", "ID_WWN") or device.attributes.get("wwid", "")
    if wwn.startswith("naa."):
        return f"0x{wwn.removeprefix('naa.')}"
    return wwn if wwn.startswith(("0x", "eui.", "uuid.", "nvme.")) else ""


def _transport(device: BlockDevice) -> Transport:
    path, bus = device.text("ID_PATH"), device.text("ID_BUS")
    if device.node.startswith("nvme"):
        return Transport.NVME
    if device.node.startswith("vd"):
        return Transport.VIRTIO
    if bus == "usb" or "-usb-" in path:
        return Transport.USB
    # A SATA disk behind a SAS HBA has a SAS path, yet udev reads an ATA identity from it.
    if bus == "ata" or device.text("ID_ATA"):
        return Transport.SATA
    if "-sas-" in path or "/end_device-" in device.sys_path:
        return Transport.SAS
    return Transport.OTHER


def _medium(device: BlockDevice) -> Medium:
    if device.node.startswith("nvme"):
        return Medium.SSD
    return {"0": Medium.SSD, "1": Medium.HDD}.get(
        device.attributes.get("queue/rotational", ""), Medium.UNKNOWN
    )


def _zoned(device: BlockDevice) -> Zoned:
    text = device.attributes.get("queue/zoned", "")
    return Zoned(text) if text in set(Zoned) else Zoned.NONE


def _size(device: BlockDevice) -> int | None:
    sectors = _number(device, "size")
    return sectors * SECTOR if sectors else None


def _number(device: BlockDevice, attribute: str) -> int:
    text = device.attributes.get(attribute, "")
    return int(text) if text.isdecimal() else 0


def _one_spaced(text: str) -> str:
    """Product strings come padded; udev's links fold a run of blanks into one underscore."""
    return " ".join(text.split())
