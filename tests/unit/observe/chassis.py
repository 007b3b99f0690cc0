"""A small chassis written down: three SAS disks behind an expander, an NVMe, a boot disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from agents.node.observe.devices import BlockDevice
from appliance.model.base import parse_size
from appliance.model.profile import Reserve

HBA = "/sys/devices/pci0000:00/0000:00:03.0/0000:03:00.0/host7"
NVME = "/sys/devices/pci0000:00/0000:00:1d.0/0000:02:00.0/nvme/nvme0/nvme0n1"
RESERVE = Reserve(memory=2**30, cpus=1)


@dataclass(frozen=True)
class Rules:
    """A hardware profile as far as observing needs one: labels by ID_PATH and by slot."""

    by_path: dict[str, str] = field(default_factory=dict)
    by_slot: dict[tuple[str, int], str] = field(default_factory=dict)
    name: str = "generic"
    reserve: Reserve = RESERVE

    def bay_of(self, id_path: str, *, enclosure: str = "", slot: int | None = None) -> str:
        if slot is not None:
            return self.by_slot.get((enclosure, slot), "")
        return self.by_path.get(id_path, "")


def sas(node: str, number: int, *, size: str = "4 TB", **properties: str) -> BlockDevice:
    """A SAS disk at a phy of the expander; the number makes its WWN and serial."""
    bytes_ = parse_size(size)
    assert isinstance(bytes_, int)
    wwn = f"0x5000cca2610700{number:02x}"
    return BlockDevice(
        node=node,
        sys_path=f"{HBA}/port-7:0/expander-7:0/port-7:0:{number}/end_device-7:0:{number}"
        f"/target7:0:{number}/7:0:{number}:0/block/{node}",
        number=f"8:{16 * number}",
        properties={
            "ID_BUS": "scsi",
            "ID_MODEL": "HUH728080AL4200",
            "ID_VENDOR": "HGST",
            "ID_REVISION": "A907",
            "ID_SCSI_SERIAL": f"VJG{number:03d}X",
            "ID_SERIAL_SHORT": wwn[2:],
            "ID_WWN": wwn,
            "ID_WWN_WITH_EXTENSION": wwn,
            "ID_PATH": f"pci-0000:03:00.0-sas-phy{number}-lun-0",
            **properties,
        },
        attributes={
            "size": str(bytes_ // 512),
            "queue/rotational": "1",
            "queue/logical_block_size": "512",
        },
    )


def nvme(node: str = "nvme0n1", **attributes: str) -> BlockDevice:
    """An NVMe disk, as udev describes one."""
    return BlockDevice(
        node=node,
        sys_path=NVME,
        number="259:0",
        properties={
            "ID_MODEL": "SAMSUNG MZQL21T9HCJR-00A07",
            "ID_SERIAL_SHORT": "S64GNE0R000001",
            "ID_WWN": "eui.36344730520000010025384500000001",
            "ID_PATH": "pci-0000:02:00.0-nvme-1",
        },
        attributes={
            "size": "3750748848",
            "queue/rotational": "0",
            "queue/logical_block_size": "512",
            "device/firmware_rev": "GDC5602Q",
            **attributes,
        },
    )


def boot_disk() -> BlockDevice:
    """A virtio disk with an EFI system partition and a root partition."""
    return BlockDevice(
        node="vda",
        sys_path="/sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda",
        number="254:0",
        properties={"ID_PATH": "pci-0000:00:02.0", "ID_SERIAL": "appliance-boot"},
        attributes={"size": "16777216", "queue/rotational": "1"},
        partitions={"vda1": "254:1", "vda2": "254:2"},
    )


ROOT_MOUNTS = """\
22 1 254:2 / / rw,relatime shared:1 - ext4 /dev/vda2 rw
23 22 254:1 / /boot/efi rw,relatime shared:2 - vfat /dev/vda1 rw
24 22 0:21 / /proc rw,nosuid - proc proc rw
"""


def wipefs_line(*nodes: str) -> str:
    """The command line that looks at these devices."""
    return " ".join(["wipefs --json", *(f"/dev/{node}" for node in nodes)])


def wipefs_report(*rows: tuple[str, str]) -> str:
    """What wipefs --json prints for (device, type) rows."""
    return json.dumps(
        {
            "signatures": [
                {"device": node, "offset": "0x0", "type": kind, "uuid": None, "label": None}
                for node, kind in rows
            ]
        }
    )
