"""What is written down about a machine, so that another process can take it up again."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from appliance.model.base import Name, Value
from appliance.model.disk import Transport
from appliance.model.profile import EmulatedBay, EmulatedDisk, Emulation, Profile
from images.build import Image
from images.cache import run_root
from images.errors import RigError
from images.run import alive

_FILE: Final = "machine.json"


class Placed(Value):
    """A disk in a bay of a machine."""

    bay: str
    disk: EmulatedDisk


class Record(Value):
    """A machine as it is: identity, ground it stands on, what is in its bays, how to reach it."""

    name: Name
    number: int
    """Its place on the shared network: 10.9.0.NUMBER, MAC 52:54:00:0a:09:NUMBER."""
    profile: Profile
    image: Path
    frozen: Path | None = None
    """The frozen state its disks are overlays of."""
    uefi: bool = False
    medium: bool = True
    """Whether the disk with the image is in; without it the firmware starts what is in the bays."""
    pid: int = 0
    l2_port: int
    """UDP port of the multicast group that is the network between nodes."""
    ports: Mapping[int, int] = {}
    """Guest TCP port -> port on this machine's loopback."""
    placed: tuple[Placed, ...] = ()
    known: tuple[EmulatedDisk, ...] = ()
    """Disks that were pulled and lie on the shelf, content and all."""

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return run_root() / self.name

    @property
    def file(self) -> Path:
        """Where this record is written."""
        return self.folder / _FILE

    @property
    def emulation(self) -> Emulation:
        """How its chassis is imitated. Raises RigError for a profile without that part."""
        return emulation_of(self.profile)

    @property
    def built(self) -> Image:
        """The image it boots from."""
        return Image(self.image)

    @property
    def running(self) -> bool:
        """Whether its QEMU process lives."""
        return self.pid > 0 and alive(self.pid)

    def backing(self, serial: str) -> Path:
        """The raw file that is the disk's content."""
        return self.folder / "disks" / f"{serial}.raw"

    def slot(self, bay: str) -> EmulatedBay:
        """The bay's connectors. Raises RigError for a bay the chassis has not."""
        for slot in self.emulation.bays:
            if slot.bay == bay:
                return slot
        labels = ", ".join(slot.bay for slot in self.emulation.bays)
        raise RigError(f"{self.profile.name} has no bay {bay}.", hint=f"Bays: {labels}.")

    def in_bay(self, bay: str) -> Placed | None:
        """The disk in a bay, None when it is empty."""
        return next((placed for placed in self.placed if placed.bay == bay), None)

    def with_serial(self, serial: str) -> Placed:
        """The placed disk with that serial, or in the bay of that label. Raises RigError."""
        for placed in self.placed:
            if serial in {placed.disk.serial, placed.bay}:
                return placed
        known = ", ".join(f"{placed.disk.serial} (bay {placed.bay})" for placed in self.placed)
        raise RigError(f"No disk {serial} in {self.name}.", hint=f"Its disks: {known or 'none'}.")

    def save(self) -> None:
        """Write it down, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_suffix(".new")
        draft.write_text(self.model_dump_json(indent=1))
        draft.replace(self.file)

    def forget(self) -> None:
        """Remove the machine's folder and all its disks' content."""
        shutil.rmtree(self.folder, ignore_errors=True)


def emulation_of(profile: Profile) -> Emulation:
    """The profile's emulation part. Raises RigError when it has none."""
    if profile.emulation is None:
        raise RigError(
            f"Profile {profile.name} says nothing about emulation.",
            hint="Add an [emulation] part to its profile.toml; lab-12bay has one to look at.",
        )
    return profile.emulation


def first_disks(profile: Profile, *, nvme: bool) -> tuple[Placed, ...]:
    """The disks a new chassis comes with; NVMe disks can be left for later (see images.frozen)."""
    return tuple(
        Placed(bay=slot.bay, disk=slot.disk)
        for slot in emulation_of(profile).bays
        if slot.disk and (nvme or slot.disk.transport is not Transport.NVME)
    )


def load_record(name: str) -> Record:
    """The record of a machine. Raises RigError when there is none of that name, or no legible one."""
    file = run_root() / name / _FILE
    if not file.exists():
        known = ", ".join(machine_names())
        raise RigError(
            f"There is no machine '{name}'.",
            hint=f"Machines: {known or 'none; start one with: appliance-lab up'}.",
        )
    try:
        return Record.model_validate_json(file.read_text())
    except ValidationError as error:
        raise RigError(
            f"Machine '{name}' was made by another version of this code.",
            hint=f"With that version: appliance-lab down {name}; or end its QEMU by the pid in "
            f"{file} and remove {file.parent}.",
        ) from error


def machine_names() -> tuple[str, ...]:
    """The names of all machines on this computer."""
    return tuple(sorted(file.parent.name for file in run_root().glob(f"*/{_FILE}")))
