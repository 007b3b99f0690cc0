"""From a record to QEMU's words: the command line, and the arguments of a hot-plugged disk. Pure.

PCI places are fixed, since a disk's ID_PATH is made of them and the profile's bay rules read it:
04 and 05 network, 06 to 0d SAS HBAs, 0e SATA, 10 and up PCIe root ports (their buses count from 1).
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from appliance.model.disk import Transport
from appliance.model.profile import PHYS_PER_HBA, EmulatedDisk
from images.record import Placed, Record

MIB = 1 << 20
FUNCTIONS = 8
DIRECT_ARGS = "root=/dev/vda2 rw console=ttyS0 quiet"
LAB_ARGS = "systemd.firstboot=off systemd.ssh_auto=no mitigations=off no5lvl audit=0 panic=1"
"""`panic=1`: QEMU's multi-threaded TCG now and then trips over the kernel patching its own text at
boot (an int3 oops in the first two seconds, seen once in about thirty boots); it starts again then.
`no5lvl`: with `-cpu max` the guest would get 57-bit addresses, whose page walks TCG pays for."""
OVMF = Path("/usr/share/OVMF")

EMULATED_CPU = "max,svm=off"
"""Without AMD's virtualization, which TCG imitates: a node once panicked by `Oops: int3` in __schedule.
Most likely libvirt tried the KVM it saw, which patches the running scheduler (preempt_notifier_key),
and a second emulated CPU executed half a patch. A KVM so emulated is of no use anyway."""


def command_line(record: Record, accel: str, *, tsc_khz: int | None = None) -> list[str]:
    """The whole QEMU command line. The machine starts paused: `-S`.

    `tsc_khz` spares the guest's kernel measuring its clock, which goes wrong on a busy host.
    """
    emulation = record.emulation
    cpu, engine = (
        ("host", "kvm") if accel == "kvm" else (EMULATED_CPU, "tcg,thread=multi,tb-size=512")
    )
    folder = record.folder
    return [
        *("qemu-system-x86_64", "-name", f"appliance-lab-{record.name}", "-S"),
        *("-machine", "q35", "-accel", engine, "-cpu", cpu),
        *("-m", str(emulation.memory // MIB), "-smp", str(emulation.cpus)),
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *("-smbios", f"type=1,manufacturer={emulation.manufacturer},product={emulation.product}"),
        *("-chardev", _console(folder), "-serial", "chardev:console"),
        *("-qmp", f"unix:{folder}/qmp.sock,server=on,wait=off"),
        *("-device", "virtio-rng-pci,addr=03"),
        *_boot(record, tsc_khz),
        *_network(record),
        *_controllers(record),
        *_disks(record),
    ]


def _console(folder: Path) -> str:
    log = f"logfile={folder}/serial.log,logappend=on"
    return f"socket,id=console,path={folder}/console.sock,server=on,wait=off,{log}"


def _boot(record: Record, tsc_khz: int | None) -> Iterator[str]:
    if record.medium:
        yield from _medium(record)
    clock = f" tsc_early_khz={tsc_khz} tsc=reliable" if tsc_khz else ""
    if record.uefi:
        code = f"if=pflash,format=raw,unit=0,readonly=on,file={OVMF}/OVMF_CODE_4M.fd"
        yield from ("-drive", code)
        yield from ("-drive", f"if=pflash,format=raw,unit=1,file={record.folder}/efi-vars.fd")
        # the image's own boot file reads the first as the end of its kernel command line, the boot
        # loader of an installed system the second
        for reader in ("stub", "boot"):
            extra = f"io.systemd.{reader}.kernel-cmdline-extra={LAB_ARGS}{clock}"
            yield from ("-smbios", f"type=11,value={extra}")
    else:
        image = record.built
        yield from ("-kernel", str(image.kernel), "-initrd", str(image.initrd))
        yield from ("-append", f"{DIRECT_ARGS} {LAB_ARGS}{clock}")


def _medium(record: Record) -> Iterator[str]:
    # no-flush: what the guest flushed is in the host's page cache, which outlives a killed QEMU
    root = f"{record.folder}/root.qcow2"
    yield from (
        "-blockdev",
        f"driver=qcow2,node-name=root,cache.no-flush=on,discard=unmap,file.driver=file,file.filename={root}",
    )
    index = ",bootindex=1" if record.uefi else ""
    yield from ("-device", f"virtio-blk-pci,addr=02,drive=root,serial=approot{index}")


def _network(record: Record) -> Iterator[str]:
    """net0 reaches the host, net1 the other nodes. Ports are forwarded later, by the monitor."""
    yield from ("-netdev", "user,id=net0")
    yield from ("-device", "virtio-net-pci,addr=04,netdev=net0,mac=52:54:00:12:34:56,romfile=")
    group = f"mcast=230.0.0.1:{record.l2_port},localaddr=127.0.0.1"
    yield from ("-netdev", f"socket,id=net1,{group}")
    yield from (
        "-device",
        f"virtio-net-pci,addr=05,netdev=net1,mac={mac_of(record.number)},romfile=",
    )


def mac_of(number: int) -> str:
    """The MAC of a node's place on the shared network."""
    return f"52:54:00:0a:09:{number:02x}"


def _controllers(record: Record) -> Iterator[str]:
    emulation = record.emulation
    for hba in range(emulation.hbas):
        address = 0x5000C50000000000 + (hba << 8)
        yield from (
            "-device",
            f"mptsas1068,id=hba{hba},addr={6 + hba:02x},sas_address={address:#x}",
        )
    yield from ("-device", "ich9-ahci,id=sata,addr=0e")
    for port in range(emulation.root_ports):
        place = f"{0x10 + port // FUNCTIONS:02x}.{port % FUNCTIONS}"
        numbers = f"chassis={port + 1},slot={port + 1}"
        yield from (
            "-device",
            f"pcie-root-port,id=port{port},addr={place},multifunction=on,{numbers}",
        )


def _disks(record: Record) -> Iterator[str]:
    """The disks a frozen state can hold; NVMe is plugged by the monitor before the start."""
    for order, placed in enumerate(record.placed, 1):
        if placed.disk.transport is not Transport.NVME:
            # The firmware remembers the medium, and would try its own shell before other disks.
            turn = {} if record.medium else {"bootindex": order}
            yield from ("-blockdev", _join(block_node(record, placed)))
            yield from ("-device", _join(device(record, placed) | turn))


def block_node(record: Record, placed: Placed) -> dict[str, object]:
    """Arguments of blockdev-add for the disk's raw file."""
    return {
        "driver": "raw",
        "node-name": node_name(placed),
        "discard": "unmap",
        "cache": {"no-flush": True},
        "file": _content(record, placed.disk),
    }


def _content(record: Record, disk: EmulatedDisk) -> dict[str, object]:
    """The file, behind QEMU's blkdebug where the disk has sectors that cannot be read.

    Event "none" makes a rule hold from the start (QEMU, docs/devel/testing/blkdebug).
    """
    filename = str(record.backing(disk.serial))
    file: dict[str, object] = {"driver": "file", "filename": filename, "discard": "unmap"}
    if not disk.unreadable:
        return file
    faults = [
        {"event": "none", "iotype": "read", "errno": errno.EIO, "sector": sector}
        for sector in disk.unreadable
    ]
    return {"driver": "blkdebug", "discard": "unmap", "image": file, "inject-error": faults}


def device(record: Record, placed: Placed) -> dict[str, object]:
    """Arguments of device_add for the disk in its bay."""
    disk, connector = placed.disk, record.slot(placed.bay).connector(placed.disk.transport)
    common: dict[str, object] = {
        "id": device_id(placed.bay),
        "drive": node_name(placed),
        "serial": disk.serial,
    }
    assert connector is not None  # noqa: S101 - the profile and add_disk both checked it
    if disk.transport is Transport.NVME:
        return {"driver": "nvme", "bus": f"port{connector}", **common}
    wwn = int(disk.wwn, 16) if disk.wwn else 0
    common |= {"ver": disk.firmware, **({"wwn": wwn} if wwn else {})}
    if disk.transport is Transport.SATA:
        common |= {"model": disk.model} if disk.model else {}
        rate = disk.rotation_rpm or 1
        return {"driver": "ide-hd", "bus": f"sata.{connector}", "rotation_rate": rate, **common}
    phy = connector % PHYS_PER_HBA
    return {
        "driver": "scsi-hd",
        "bus": f"hba{connector // PHYS_PER_HBA}.0",
        "scsi-id": phy,
        "port_index": phy,
        "vendor": disk.vendor,
        "product": disk.model,
        "rotation_rate": disk.rotation_rpm or 1,
        **({"port_wwn": wwn + 1} if wwn else {}),
        **common,
    }


def device_id(bay: str) -> str:
    """QEMU's id of whatever disk is in the bay."""
    return f"bay-{bay}"


def node_name(placed: Placed) -> str:
    """QEMU's name of the disk's block node."""
    return f"disk-{placed.disk.serial}"


def _join(arguments: Mapping[Any, object], prefix: str = "") -> str:
    """Nested arguments in the flat form of the command line; the driver of a device comes bare."""
    words: list[str] = []
    for key, given in arguments.items():
        value = dict(enumerate(given)) if isinstance(given, list) else given
        if isinstance(value, dict):
            words.append(_join(value, prefix=f"{prefix}{key}."))
        elif isinstance(value, bool):
            words.append(f"{prefix}{key}={'on' if value else 'off'}")
        else:
            words.append(f"{prefix}{key}={value}")
    return ",".join(words)
