"""Starting and ending a machine's QEMU process, and the doors of its user network."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import tempfile
import time
from pathlib import Path

from appliance.model.disk import Transport
from images import chassis
from images.build import Image
from images.cache import cache_root, digest_of, locked
from images.errors import RigError
from images.guests import LINUX_CMDLINE
from images.qmp import Qmp, QmpError, connect
from images.record import Record
from images.run import alive, run, spawn
from images.ssh import LOOPBACK
from images.tsc import tsc_khz

KVM = Path("/dev/kvm")
TRIES = 5
KVM_TRIAL_S = 15
"""Ten times what a kernel needs under a KVM that works."""


def best_accelerator(image: Image) -> str:
    """`kvm` when it really boots a Linux guest here, else `tcg`; tried once an image and boot."""
    if not KVM.exists():
        return "tcg"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    memory = cache_root() / f"accel-{digest_of(boot, image.folder.name)}"
    with locked("accel"):
        if not memory.exists():
            memory.write_text("kvm" if _boots_with_kvm(image) else "tcg")
        return memory.read_text()


def _boots_with_kvm(image: Image) -> bool:
    """Whether the demo's guest speaks under KVM within seconds.

    A /dev/kvm alone says nothing, nor does a boot sector: on some hosts KVM stops with an
    emulation failure at the first instruction of a kernel that it cannot imitate.
    """
    with tempfile.TemporaryDirectory() as name:
        said = Path(name) / "said"
        argv = [
            "qemu-system-x86_64",
            "-accel",
            "kvm",
            "-cpu",
            "host",
            "-machine",
            "q35",
            "-m",
            "256",
        ]
        argv += ["-nodefaults", "-display", "none", "-serial", f"file:{said}"]
        argv += ["-kernel", str(image.guest_kernel), "-initrd", str(image.guest_initrd)]
        pid = spawn([*argv, "-append", LINUX_CMDLINE], log=Path(name) / "log")
        deadline = time.monotonic() + KVM_TRIAL_S
        try:
            while alive(pid) and time.monotonic() < deadline:
                if said.exists() and b"GUEST-SAYS" in said.read_bytes():
                    return True
                time.sleep(0.1)
            return False
        finally:
            kill(pid)


def launch(record: Record, *, incoming: Path | None = None) -> Record:
    """Start QEMU and let the guest run; the record with its pid and ssh port. Raises RigError."""
    for stale in ("qmp.sock", "console.sock"):
        (record.folder / stale).unlink(missing_ok=True)
    accel = best_accelerator(record.built)
    khz = tsc_khz() if accel == "tcg" else None
    argv = chassis.command_line(record, accel, tsc_khz=khz)
    if incoming:
        argv += ["-incoming", f"exec:zstd -dc {incoming}"]
    pid = spawn(argv, log=record.folder / "qemu.log")
    try:
        with connect(record.folder / "qmp.sock", timeout_s=60, pid=pid) as qmp:
            _await_restored(qmp)
            # The same as before a restart where they are free: a person's pinned keys name them.
            guests = {22, *record.ports}
            ports = {guest: forward(qmp, guest, record.ports.get(guest)) for guest in guests}
            if incoming is None:
                _plug_nvme(qmp, record)
            qmp.command("cont")
    except RigError as error:
        kill(pid)
        said = (record.folder / "qemu.log").read_text(errors="replace")[-2000:]
        raise RigError(f"QEMU did not start: {error.message}\n{said}", hint=error.hint) from error
    started = record.model_copy(update={"pid": pid, "ports": ports})
    started.save()
    return started


def _await_restored(qmp: Qmp) -> None:
    deadline = time.monotonic() + 300
    while qmp.command("query-status")["status"] == "inmigrate":
        if time.monotonic() > deadline:
            raise RigError("The frozen state was not read in time.", hint="Is the disk very busy?")
        time.sleep(0.05)


def _plug_nvme(qmp: Qmp, record: Record) -> None:
    for placed in record.placed:
        if placed.disk.transport is Transport.NVME:
            qmp.command("blockdev-add", **chassis.block_node(record, placed))
            qmp.command("device_add", **chassis.device(record, placed))


def forward(qmp: Qmp, guest_port: int, rather: int | None = None) -> int:
    """Open a port of this machine's loopback that leads to the guest's; its number."""
    said = ""
    for attempt in range(TRIES):
        port = free_port() if attempt or rather is None else rather
        said = qmp.monitor(f"hostfwd_add net0 tcp:{LOOPBACK}:{port}-:{guest_port}")
        if not said:
            return port
    raise QmpError(
        f"No port could be forwarded: {said}", hint="Are all ports taken? See `ss -ltn`."
    )


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A loopback port nobody has now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def kill(pid: int) -> None:
    """End a process at once and wait until it is gone; one that is gone is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    await_end(pid, timeout_s=20)


def await_end(pid: int, *, timeout_s: float) -> bool:
    """Wait until a process is gone; False when it still lives after the time."""
    deadline = time.monotonic() + timeout_s
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def create_root(record: Record) -> None:
    """Give the machine a fresh root disk over its frozen state's or its image's."""
    base = record.frozen / "root.qcow2" if record.frozen else record.built.disk
    form = "qcow2" if record.frozen else "raw"
    record.folder.mkdir(parents=True, exist_ok=True)
    overlay = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", form]
    run([*overlay, record.folder / "root.qcow2"], timeout_s=60)
    if record.uefi:
        run(["cp", chassis.OVMF / "OVMF_VARS_4M.fd", record.folder / "efi-vars.fd"], timeout_s=20)


def create_disks(record: Record) -> None:
    """Make the raw file of every disk that has none: a copy of the frozen one, or blank."""
    (record.folder / "disks").mkdir(parents=True, exist_ok=True)
    for disk in (*(placed.disk for placed in record.placed), *record.known):
        target = record.backing(disk.serial)
        source = record.frozen / "disks" / target.name if record.frozen else None
        if target.exists():
            continue
        if source and source.exists():
            run(["cp", "--sparse=always", source, target], timeout_s=300)
        else:
            with target.open("wb") as handle:
                handle.truncate(disk.size)
