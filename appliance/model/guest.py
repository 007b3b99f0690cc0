"""Virtual machines: what a person wants of one, how libvirt describes it, what was found."""

from __future__ import annotations

import re
import uuid
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from appliance.model.base import VOLATILE, Bytes, Name, Size, Value
from appliance.model.names import CONFIG_DIR, STATE_DIR
from appliance.model.resource import Found, Spec

IMAGE_DIR: Final = f"{STATE_DIR}/images"
"""Disk images and ISO files, put there by people."""
GUEST_DIR: Final = f"{CONFIG_DIR}/guests"
"""A folder a guest: its cloud-init data and the mark of an import that is going on."""
SEED_DIR: Final = f"{STATE_DIR}/seeds"
"""Cloud-init seed disks, made from GUEST_DIR."""
LOG_DIR: Final = "/var/log/appliance/guests"
"""What each guest's serial console said: NAME.log."""

_FILE: Final = re.compile(r"/?[A-Za-z0-9._@+-]+(/[A-Za-z0-9._@+-]+)*")

UserText = Annotated[str, StringConstraints(max_length=16 * 1024)]


def _file_path(path: str) -> str:
    if path and (".." in path.split("/") or not _FILE.fullmatch(path)):
        msg = f"'{path}' is not a path: letters, digits and ._@+-/ without '..'"
        raise ValueError(msg)
    return path


FilePath = Annotated[str, AfterValidator(_file_path)]
"""A file by its path, or by its name in IMAGE_DIR; empty for none."""


class Firmware(StrEnum):
    """What starts the guest."""

    UEFI = "uefi"
    BIOS = "bios"
    KERNEL = "kernel"


class DomainType(StrEnum):
    """How libvirt runs the guest."""

    KVM = "kvm"
    QEMU = "qemu"


class CloudInit(Value):
    """A NoCloud seed: cloud-init's user-data and, if the default will not do, its meta-data."""

    user_data: UserText
    """What cloud-init is to do, as #cloud-config or a script."""
    meta_data: UserText = ""
    """Default: the guest's name as instance-id and local-hostname."""


class GuestSpec(Spec):
    """A virtual machine with its disks on volumes."""

    memory: Size
    """What it gets for itself; it must fit into what the node keeps free for guests."""
    cpus: Annotated[int, Field(ge=1, le=256)] = 1
    """Virtual processors."""
    disks: Annotated[tuple[Name, ...], Field(max_length=16)] = ()
    """Volumes, in the guest vda, vdb and so on; the first one boots."""
    image: FilePath = ""
    """Disk image copied onto the first volume, once, while that is blank."""
    iso: FilePath = ""
    """Put into a CD drive; boots when the first disk does not."""
    kernel: FilePath = ""
    """Kernel to boot directly; with firmware = kernel only."""
    initrd: FilePath = ""
    """Its initial RAM disk."""
    cmdline: Annotated[str, StringConstraints(max_length=2048, pattern=r"^[ -~]*$")] = ""
    """Its command line."""
    firmware: Firmware = Firmware.UEFI
    network: Annotated[
        str, StringConstraints(pattern=r"^(user|none|bridge:[A-Za-z0-9._-]{1,15})$")
    ] = "user"
    """user: out through the host only; bridge:NAME: a machine of its own on that bridge."""
    cloud_init: CloudInit | None = None
    autostart: bool = True
    """Start it when the node starts."""
    running: bool = True
    """Whether it should run now."""

    @model_validator(mode="after")
    def _rules(self) -> GuestSpec:
        if (self.firmware is Firmware.KERNEL) != bool(self.kernel):
            msg = "firmware = 'kernel' and a kernel belong together; one stands without the other"
            raise ValueError(msg)
        if not self.kernel and (self.initrd or self.cmdline):
            msg = "initrd and cmdline need a kernel"
            raise ValueError(msg)
        if self.image and not self.disks:
            msg = "an image needs a disk to be copied onto"
            raise ValueError(msg)
        if not (self.disks or self.iso or self.kernel):
            msg = "nothing to boot from: name disks, an iso or a kernel"
            raise ValueError(msg)
        if len(set(self.disks)) != len(self.disks):
            msg = "a volume can be only one of its disks"
            raise ValueError(msg)
        return self


class DiskDevice(Value):
    """A disk or CD drive as libvirt's XML has it, as far as we set it."""

    device: str
    """disk or cdrom."""
    source: str
    target: str
    bus: str
    cache: str = ""
    io: str = ""
    discard: str = ""
    read_only: bool = False
    boot_order: int = 0


class Domain(Value):
    """A guest's definition as far as we set it: equal values mean nothing is to be changed."""

    name: str
    uuid: str
    type: str
    memory: Bytes
    cpus: int
    machine: str
    """Without version: libvirt writes pc-q35-10.0 for the q35 we ask for."""
    efi: bool
    kernel: str = ""
    initrd: str = ""
    cmdline: str = ""
    cpu_mode: str = ""
    disks: tuple[DiskDevice, ...] = ()
    network: str = ""
    """user, bridge:NAME or none."""
    mac: str = ""
    console_log: str = ""
    agent: bool = True
    """A channel for the QEMU guest agent."""
    random: bool = True
    """A virtio random number generator."""


class GuestFound(Found):
    """A guest as it is, unfinished ones included."""

    state: str = ""
    """libvirt's word; empty while it is not defined."""
    uuid: str = ""
    autostart: bool = False
    memory: Bytes = 0
    cpus: int = 0
    domain: Domain | None = None
    """None while it is not defined."""
    importing: str = ""
    """Volume onto which an image is being copied; the copy is not complete."""
    user_data: str = ""
    meta_data: str = ""
    seeds: tuple[str, ...] = ()
    """File names of its finished seed disks in SEED_DIR."""
    files: tuple[str, ...] = ()
    """What lies in its folder in GUEST_DIR."""
    node_ready: bool = False
    """libvirt starts at boot and the folder of the console logs is there; the same for all."""


class GuestRecord(Value):
    """One domain, as libvirt knows it."""

    name: str
    uuid: str
    state: str
    """running, paused, shutdown, shutoff, crashed or pmsuspended."""
    autostart: bool
    memory: Bytes
    vcpus: int
    xml: str
    """The inactive (persistent) definition."""
    cpu_time_ns: Annotated[int, VOLATILE] = 0


def guest_uuid(hostname: str, name: str) -> str:
    """A guest's UUID, the same each time it is worked out on this host."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.vm.{hostname}"))


def guest_mac(guest: str) -> str:
    """A MAC address out of a guest's UUID, in QEMU's own range 52:54:00."""
    tail = uuid.UUID(guest).bytes[-3:]
    return ":".join(["52:54:00", *(f"{byte:02x}" for byte in tail)])


def file_path(reference: str) -> str:
    """The file a spec means: a bare name lies in IMAGE_DIR."""
    return reference if not reference or reference.startswith("/") else f"{IMAGE_DIR}/{reference}"
