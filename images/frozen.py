"""Freezing a booted node into files, and waking clones from them in seconds instead of a boot."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from appliance.model.base import digest
from appliance.model.disk import Transport
from appliance.model.profile import Profile
from images import chassis, qemu
from images.build import Image, build_image, show
from images.cache import Progress, Stage, cache_root, digest_of, digest_of_files
from images.errors import RigError
from images.machine import Machine, free_l2_port, refuse_taken
from images.qmp import Qmp, connect
from images.record import Placed, Record, first_disks
from images.run import run

FREEZE_TIMEOUT_S = 120


@dataclass(frozen=True)
class Frozen:
    """A frozen node: a folder with its memory, its root disk, its data disks and its record."""

    folder: Path

    @property
    def record(self) -> Record:
        """The node as it was frozen."""
        return Record.model_validate_json((self.folder / "frozen.json").read_text())

    def clone(
        self, name: str, *, number: int = 1, l2_port: int | None = None, nvme: bool = True
    ) -> Machine:
        """Wake a copy under another name; NVMe disks, which no state can hold, are plugged then."""
        old = self.record
        missing = [
            placed
            for placed in first_disks(old.profile, nvme=nvme)
            if placed.disk.transport is Transport.NVME and placed.disk not in old.known
        ]
        record = old.model_copy(
            update={
                "name": name,
                "number": number,
                "frozen": self.folder,
                "l2_port": l2_port or free_l2_port(),
                "pid": 0,
                "ports": {},
            }
        )
        refuse_taken(record)
        qemu.create_root(record)
        qemu.create_disks(record)
        machine = Machine(qemu.launch(record, incoming=self.folder / "state.zst"))
        machine.log_in(timeout_s=120)
        machine.introduce()
        for placed in missing:
            _shelve_and_plug(machine, placed)
        return machine


def _shelve_and_plug(machine: Machine, placed: Placed) -> None:
    machine.record = machine.record.model_copy(
        update={"known": (*machine.record.known, placed.disk)}
    )
    machine.add_disk(placed.bay, serial=placed.disk.serial)


def freeze(machine: Machine, folder: Path) -> Frozen:
    """Write a running machine's state to `folder` and end the machine. Raises RigError."""
    record = machine.record
    stuck = [placed.bay for placed in record.placed if placed.disk.transport is Transport.NVME]
    if stuck:
        raise RigError(
            "QEMU cannot freeze NVMe disks.",
            hint=f"Pull bays {', '.join(stuck)} first, or clone from a node without them.",
        )
    machine.ssh.close()
    folder.mkdir(parents=True, exist_ok=True)
    with connect(record.folder / "qmp.sock", timeout_s=FREEZE_TIMEOUT_S) as session:
        session.command("stop")
        _migrate(session, folder / "state.zst")
        session.command("quit")
    qemu.await_end(record.pid, timeout_s=FREEZE_TIMEOUT_S)
    shutil.move(record.folder / "root.qcow2", folder / "root.qcow2")
    shutil.move(record.folder / "disks", folder / "disks")
    (folder / "frozen.json").write_text(
        record.model_copy(update={"pid": 0}).model_dump_json(indent=1)
    )
    record.forget()
    return Frozen(folder)


def _migrate(session: Qmp, state: Path) -> None:
    session.command("migrate-set-parameters", **{"max-bandwidth": 1 << 34})
    session.command("migrate", uri=f"exec:zstd -q -1 -f -o {state}")
    deadline = time.monotonic() + FREEZE_TIMEOUT_S
    while (progress := session.command("query-migrate"))["status"] != "completed":
        if progress["status"] == "failed" or time.monotonic() > deadline:
            said = progress.get("error-desc", progress["status"])
            raise RigError(f"The state was not written: {said}", hint="Is the disk full?")
        time.sleep(0.05)


def frozen_key(image: Image, profile: Profile, version: str, accelerator: str) -> str:
    """What a frozen node is found again by, in every process: a profile's sets have no order."""
    code = digest_of_files([Path(chassis.__file__), Path(__file__)])
    return digest_of(image.folder.name, digest(profile), code, version, accelerator)


def golden_stage(image: Image, profile: Profile) -> Stage:
    """Stage 3: the image booted once on the profile's chassis, idle, with blank disks."""
    version = run(["qemu-system-x86_64", "--version"], timeout_s=30).stdout
    key = frozen_key(image, profile, version, qemu.best_accelerator(image))

    def make(folder: Path, progress: Progress) -> None:
        progress(f"frozen: booting a node with {qemu.best_accelerator(image)} (40 s to 2 min)")
        machine = Machine.create(f"golden-{key[:8]}", profile, image, nvme=False)
        try:
            machine.start()
            progress("frozen: waiting until it is idle")
            machine.succeed("systemctl is-system-running --wait; udevadm settle", timeout_s=600)
            freeze(machine, folder)
        except RigError:
            (folder / "serial.log").write_text(machine.serial_log())
            machine.remove()
            raise

    return Stage("frozen", key, make)


def golden(profile: Profile, progress: Progress = show) -> Frozen:
    """The frozen node of a profile, built as far as anything changed. Raises RigError."""
    image = build_image(progress)
    return Frozen(golden_stage(image, profile).ensure(progress))


def newest_golden(profile: Profile, progress: Progress = show) -> Frozen:
    """The youngest frozen node of a profile whatever its inputs were; built when there is none.

    For a developer's loop: `Machine.deploy` puts today's code into it in seconds.
    """
    files = sorted(
        (cache_root() / "frozen").glob("*/frozen.json"), key=lambda file: file.stat().st_mtime
    )
    for file in reversed(files):
        found = Frozen(file.parent)
        if found.record.profile.name == profile.name:
            return found
    return golden(profile, progress)
