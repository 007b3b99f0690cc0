"""Disks coming and going. Each bus has its own way, and QEMU's SAS is silent about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.model.disk import Transport
from appliance.model.profile import EmulatedDisk
from images import chassis
from images.errors import RigError
from images.qemu import create_disks
from images.qmp import connect
from images.record import Placed, Record

if TYPE_CHECKING:
    from images.machine import Machine

# After device_add or device_del on mptsas1068 the guest hears nothing; a host reset makes the
# driver read the topology again, and the disks come and go with their uevents in 2 to 4 s.
RESET_HBA = """
for disk in /sys/class/sas_host/*/device/port-*/end_device-*/target*/*/block/*; do
    sg_reset -H "/dev/$(basename "$disk")" && exit 0
done
for host in /sys/class/sas_host/*; do
    echo '- - -' > "/sys/class/scsi_host/$(basename "$host")/scan"
done
"""
RESCAN_SATA = "for host in /sys/class/scsi_host/*; do grep -q ahci $host/proc_name && echo '- - -' > $host/scan; done; true"
APPEAR_S = 60
RESET_S = 400
"""The driver waits for all commands that are on their way; beside other nodes that takes long."""


def pull_disk(machine: Machine, bay: str) -> tuple[Record, EmulatedDisk]:
    """Take the disk out of a bay and wait until the node sees it gone."""
    record = machine.record
    placed = record.in_bay(bay)
    if placed is None:
        raise RigError(f"Bay {bay} of {record.name} is empty.", hint="See: appliance-lab status")
    if record.running:
        if placed.disk.transport is Transport.SATA:
            _hide_sata(machine, placed)
        else:
            _unplug(machine, placed)
        machine.wait_until_fails("test", "-e", _link(placed), timeout_s=APPEAR_S)
    changed = record.model_copy(
        update={
            "placed": tuple(other for other in record.placed if other != placed),
            "known": (*record.known, placed.disk),
        }
    )
    changed.save()
    return changed, placed.disk


def add_disk(
    machine: Machine,
    bay: str,
    *,
    serial: str,
    transport: Transport | None,
    size: int,
    unreadable: tuple[int, ...] = (),
) -> tuple[Record, EmulatedDisk]:
    """Put a disk into an empty bay and wait until the node sees it."""
    record = machine.record
    if record.in_bay(bay):
        raise RigError(
            f"Bay {bay} of {record.name} is taken.", hint=f"First: appliance-lab pull {bay}"
        )
    disk = next((known for known in record.known if known.serial == serial), None)
    disk = disk or _new_disk(record, bay, serial=serial, transport=transport, size=size)
    if unreadable:
        disk = disk.model_copy(update={"unreadable": unreadable})
    if record.slot(bay).connector(disk.transport) is None:
        raise RigError(f"Bay {bay} takes no {disk.transport} disk.", hint="See the profile's bays.")
    placed = Placed(bay=bay, disk=disk)
    changed = record.model_copy(
        update={
            "placed": (*record.placed, placed),
            "known": tuple(known for known in record.known if known.serial != disk.serial),
        }
    )
    create_disks(changed)
    if record.running:
        _plug(machine, changed, placed)
        machine.wait_for_file(_link(placed), timeout_s=APPEAR_S)
    changed.save()
    return changed, disk


def _new_disk(
    record: Record, bay: str, *, serial: str, transport: Transport | None, size: int
) -> EmulatedDisk:
    slot = record.slot(bay)
    fits = [kind for kind in Transport if slot.connector(kind) is not None]
    chosen = transport or fits[0]
    used = len(record.placed) + len(record.known)
    number = 0x5000C500AA000000 + record.number * 0x10000 + used * 4
    is_sas = chosen is Transport.SAS
    return EmulatedDisk(
        transport=chosen,
        serial=serial or f"ZNEW{record.number:02d}{used:02d}",
        size=size,
        vendor="SEAGATE" if is_sas else "",
        model="ST900MM0168" if is_sas else "",
        wwn="" if chosen is Transport.NVME else f"{number:#x}",
        rotation_rpm=10500 if is_sas else 0,
    )


def _unplug(machine: Machine, placed: Placed) -> None:
    device = chassis.device_id(placed.bay)
    with connect(machine.record.folder / "qmp.sock") as qmp:
        qmp.command("device_del", id=device)
        qmp.wait_event("DEVICE_DELETED", timeout_s=60, device=device)
        qmp.command("blockdev-del", **{"node-name": chassis.node_name(placed)})
    if placed.disk.transport is Transport.SAS:
        machine.succeed(RESET_HBA, timeout_s=RESET_S)


def _hide_sata(machine: Machine, placed: Placed) -> None:
    """QEMU's AHCI cannot unplug, so the node's kernel is told to let go; it sees the same."""
    name = machine.succeed("readlink", "-f", _link(placed)).strip().rpartition("/")[2]
    machine.succeed(f"echo 1 > /sys/block/{name}/device/delete")


def _plug(machine: Machine, record: Record, placed: Placed) -> None:
    if placed.disk.transport is Transport.SATA:
        if placed.disk not in machine.record.known:
            raise RigError(
                "A SATA bay takes a new disk only while the node is off.", hint="cut_power() first."
            )
        machine.succeed(RESCAN_SATA)
        return
    with connect(record.folder / "qmp.sock") as qmp:
        qmp.command("blockdev-add", **chassis.block_node(record, placed))
        qmp.command("device_add", **chassis.device(record, placed))
    if placed.disk.transport is Transport.SAS:
        machine.succeed(RESET_HBA, timeout_s=RESET_S)


def _link(placed: Placed) -> str:
    """The disk's stable name in the node."""
    if placed.disk.transport is Transport.NVME:
        return f"/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_{placed.disk.serial}"
    return f"/dev/disk/by-id/wwn-{placed.disk.wwn}"
