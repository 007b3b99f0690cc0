"""What libvirt shall be given for a guest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from appliance.kinds.base import View
from appliance.kinds.guest_files import seed_name
from appliance.model.guest import (
    LOG_DIR,
    SEED_DIR,
    DiskDevice,
    Domain,
    DomainType,
    Firmware,
    GuestFound,
    GuestSpec,
    file_path,
    guest_mac,
    guest_uuid,
)

MEBIBYTE: Final = 2**20


def domain_of(name: str, spec: GuestSpec, found: GuestFound | None, view: View) -> Domain:
    """What libvirt shall have. A guest once defined keeps its UUID, whatever the host is called."""
    host = view.snapshot.host
    uuid = (found.uuid if found else "") or guest_uuid(host.hostname, name)
    user_mac = guest_mac(uuid) if spec.network != "none" else ""
    return Domain(
        name=name,
        uuid=uuid,
        type=DomainType.KVM if host.kvm else DomainType.QEMU,
        memory=-(-spec.memory // MEBIBYTE) * MEBIBYTE,
        cpus=spec.cpus,
        machine="q35",
        efi=spec.firmware is Firmware.UEFI,
        kernel=file_path(spec.kernel),
        initrd=file_path(spec.initrd),
        cmdline=spec.cmdline,
        cpu_mode="host-passthrough" if host.kvm else "maximum",
        disks=(*_cd_drives(name, spec), *_disks(spec, view)),
        network=spec.network,
        mac=user_mac,
        console_log=f"{LOG_DIR}/{name}.log",
    )


def _disks(spec: GuestSpec, view: View) -> Iterator[DiskDevice]:
    """Volumes past the host's page cache: what the guest flushed is on the pool."""
    for number, volume in enumerate(spec.disks):
        yield DiskDevice(
            device="disk",
            source=view.volume_device(volume),
            target=f"vd{chr(ord('a') + number)}",
            bus="virtio",
            cache="none",
            io="native",
            discard="unmap",
            boot_order=1 if number == 0 else 0,
        )


def _cd_drives(name: str, spec: GuestSpec) -> Iterator[DiskDevice]:
    seed = f"{SEED_DIR}/{seed_name(name, spec.cloud_init)}" if spec.cloud_init else ""
    for target, source, order in (("sda", file_path(spec.iso), 2), ("sdb", seed, 0)):
        if source:
            yield DiskDevice(
                device="cdrom",
                source=source,
                target=target,
                bus="sata",
                read_only=True,
                boot_order=order,
            )
