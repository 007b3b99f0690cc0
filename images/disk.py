"""Stage 2: our own program and configuration on top of the root tar, as a bootable GPT disk."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from appliance.kinds import registry
from images import guests
from images.cache import REPO, Progress, Stage, cache_root, digest_of, digest_of_files, locked
from images.rootfs import RECIPE
from images.run import run, stream

ESP_MIB = 256
ROOT_MIB = 3072
MIB = 1 << 20
OUR_SOURCES = ("appliance", "agents", "tui", "hardware-profiles", "pyproject.toml")
"""What the node's program is made of; the lab itself is no part of it."""
SSH_PORT = 22
GUEST_DIR = "usr/lib/appliance/guest"
BOOT_FILES = ("appliance.efi", "initrd-lab")
FORMAT = "1"
WHEEL = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")

PARTITIONS = f"""\
label: gpt
start=1MiB, size={ESP_MIB}MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=esp
size={ROOT_MIB}MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=root
"""


def disk_stage(root: Stage, *, lab: bool) -> Stage:
    """The stage that makes disk.raw and, beside it, what boots it without firmware."""
    sources = digest_of_files(REPO / name for name in OUR_SOURCES)
    key_text = lab_key().with_suffix(".pub").read_text() if lab else ""
    code = digest_of_files([Path(__file__), Path(guests.__file__), RECIPE])
    key = digest_of(
        FORMAT, root.key, sources, code, key_text, firewall_ports(), _modules(), _units()
    )

    def make(folder: Path, progress: Progress) -> None:
        tree = folder / "tree"
        progress("disk: unpacking the root")
        _unpack(root.folder / "root.tar", tree)
        progress("disk: installing our wheel and the configuration")
        _configure(tree, folder, lab=lab)
        progress("disk: making the guest and the boot files")
        _export(tree, folder)
        progress("disk: writing the file systems")
        _write_disk(tree, folder)
        shutil.rmtree(tree)

    return Stage("disk", key, make)


def lab_key() -> Path:
    """The lab's private ssh key, made once a machine; only lab images know it."""
    key = cache_root() / "key" / "lab"
    with locked("key"):
        if not key.exists():
            key.parent.mkdir(parents=True, exist_ok=True)
            run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "appliance-lab", "-f", key],
                timeout_s=30,
            )
    return key


def _unpack(tar: Path, tree: Path) -> None:
    tree.mkdir()
    options = ["--exclude=./dev/*", "--numeric-owner", "--xattrs", "--xattrs-include=*"]
    run(["tar", "-C", tree, "-xf", tar, *options], timeout_s=600)


def _configure(tree: Path, folder: Path, *, lab: bool) -> None:
    layers = [RECIPE / "tree", *([RECIPE / "lab-tree"] if lab else [])]
    for layer in layers:
        run(["cp", "-rT", "--preserve=mode", layer, tree], timeout_s=60)
    _put(tree / "etc/nftables.d/ports.nft", firewall_ports())
    _put(tree / "etc/modules-load.d/appliance.conf", _modules())
    wheels = tree / "opt/wheels"
    wheels.mkdir(parents=True)
    _build_wheel(folder / "source", wheels)
    _put(wheels / "units.txt", _units())
    if lab:
        shutil.copy(lab_key().with_suffix(".pub"), tree / "opt/wheels/lab.pub")
    with _devices(tree):
        script = [RECIPE / "configure.sh", tree, "lab" if lab else "product"]
        stream(script, log=folder / "configure.log", timeout_s=600)
    shutil.rmtree(wheels)


def _build_wheel(source: Path, wheels: Path) -> None:
    """Our wheel, built from a copy: the working tree may be edited meanwhile."""
    source.mkdir()
    for name in OUR_SOURCES:
        run(["cp", "-r", REPO / name, source / name], timeout_s=60)
    (source / "images").mkdir()
    _put(source / "images/__init__.py", "")
    _put(source / "README.md", "")
    run([*WHEEL, "--wheel-dir", str(wheels), source], timeout_s=300)
    shutil.rmtree(source)


def firewall_ports() -> str:
    """The port sets the static nftables rules refer to."""
    numbers: dict[str, set[int]] = {"tcp": {SSH_PORT}, "udp": set()}
    for port in registry.needs().ports:
        numbers.setdefault(port.protocol, set()).add(port.number)
    lines = [
        f"define service_{protocol} = {{ {', '.join(str(number) for number in sorted(found))} }}"
        for protocol, found in sorted(numbers.items())
        if found
    ]
    return "\n".join(lines) + "\n"


def _modules() -> str:
    return "".join(f"{name}\n" for name in sorted(registry.needs().modules))


def _units() -> str:
    return "".join(f"{name}\n" for name in sorted(registry.needs().units))


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@contextmanager
def _devices(tree: Path) -> Iterator[None]:
    """What programs in a chroot cannot do without: /proc and three devices; the disk gets none."""
    with ExitStack() as undo:
        run(["mount", "-t", "proc", "proc", tree / "proc"], timeout_s=10)
        undo.callback(run, ["umount", tree / "proc"], timeout_s=10)
        for name in ("null", "zero", "urandom"):
            node = tree / "dev" / name
            node.touch()
            undo.callback(node.unlink)
            run(["mount", "--bind", f"/dev/{name}", node], timeout_s=10)
            undo.callback(run, ["umount", node], timeout_s=10)
        yield


def _export(tree: Path, folder: Path) -> None:
    """Take what QEMU boots directly, and what identifies the node, out of the tree."""
    kernel = next((tree / "boot").glob("vmlinuz-*"))
    shutil.copy(kernel, folder / "vmlinuz")
    for name in BOOT_FILES:
        shutil.copy(tree / "boot" / name, folder / name)
        (tree / "boot" / name).unlink()
    host_key = tree / "etc/ssh/ssh_host_ed25519_key.pub"
    if host_key.exists():
        shutil.copy(host_key, folder / "host-key.pub")
    shutil.copy(tree / GUEST_DIR / "vmlinuz", folder / "guest-vmlinuz")
    initrd = guests.linux_initramfs(tree / "usr/bin/busybox", tree / GUEST_DIR)
    (folder / "guest-initrd").write_bytes(initrd)
    (tree / GUEST_DIR / "initrd").write_bytes(initrd)


def _write_disk(tree: Path, folder: Path) -> None:
    disk, esp = folder / "disk.raw", folder / "esp.img"
    with disk.open("wb") as handle:
        handle.truncate((1 + ESP_MIB + ROOT_MIB + 1) * MIB)
    run(["sfdisk", "--quiet", disk], stdin=PARTITIONS.encode(), timeout_s=60)
    with esp.open("wb") as handle:
        handle.truncate(ESP_MIB * MIB)
    run(["mkfs.vfat", "-F32", "-n", "ESP", esp], timeout_s=60)
    folders = ["::EFI", "::EFI/BOOT", "::EFI/Linux", "::EFI/systemd", "::loader"]
    run(["mmd", "-i", esp, *folders], timeout_s=60)
    _put(folder / "loader.conf", "timeout 0\n")
    loader = tree / "usr/lib/systemd/boot/efi/systemd-bootx64.efi"
    for source, target in (
        (loader, "::EFI/BOOT/BOOTX64.EFI"),
        (folder / "appliance.efi", "::EFI/Linux/appliance.efi"),
        (folder / "loader.conf", "::loader/loader.conf"),
    ):
        run(["mcopy", "-i", esp, source, target], timeout_s=120)
    dd = ["dd", f"if={esp}", f"of={disk}", "bs=1M", "seek=1", "conv=notrunc,sparse", "status=none"]
    run(dd, timeout_s=120)
    esp.unlink()
    lazy = f"offset={(1 + ESP_MIB) * MIB},lazy_itable_init=1,lazy_journal_init=1"
    ext4 = ["mke2fs", "-q", "-F", "-t", "ext4", "-L", "approot", "-d", str(tree), "-E", lazy]
    run([*ext4, str(disk), f"{ROOT_MIB}M"], timeout_s=600, env={**os.environ, "MKE2FS_SYNC": "0"})
