"""The guests a lab runs inside a node: a boot sector that speaks, and a small Linux that reports.

Both prove the whole way from a provisioned volume to running code. The boot sector needs about
2 s under nested emulation, the Linux guest about 40 s.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Mapping
from pathlib import Path

from images.run import run

SECTOR = 512
DEFAULT_WORDS = "BOOT-SECTOR-SAYS the second sector of my disk"

LINUX_CMDLINE = "console=ttyS0 no_timer_check quiet"
"""Without `no_timer_check` the kernel hangs at "8254 timer not connected" inside TCG inside TCG."""

LINUX_INIT = """\
#!/bin/busybox sh
# The demo's guest: says on its serial console what it reads from its own disk, then waits.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for name in virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
    if [ -f "/modules/$name.ko" ]; then insmod "/modules/$name.ko"; fi
done
exec >/dev/ttyS0 2>&1
echo "GUEST-SAYS kernel $(uname -r), up $(cut -d' ' -f1 /proc/uptime) s"
disk=/dev/vda
for try in 1 2 3 4 5 6 7 8 9 10; do
    if [ -b "$disk" ]; then break; fi
    sleep 1
done
echo "GUEST-SAYS disk of $(cat /sys/block/vda/size) sectors begins: $(head -c 64 "$disk" | tr -cd ' -~')"
written="written by the guest at $(cut -d' ' -f1 /proc/uptime) s"
echo "$written" | dd of="$disk" bs=512 seek=8 count=1 conv=sync,fsync 2>/dev/null
echo "GUEST-SAYS read back: $(dd if="$disk" bs=512 skip=8 count=1 2>/dev/null | tr -d '\\000')"
while true; do
    sleep 60
done
"""


def boot_sector(words: str = DEFAULT_WORDS) -> bytes:
    """A disk image (2 sectors) that prints its second sector, which holds `words`, on COM1.

    The code runs in real mode at 0x7c00: it loads the second sector by BIOS call 13h and writes
    it byte by byte to the UART at 0x3f8 until a zero byte, then halts.
    """
    text = (words + "\r\n").encode("ascii")
    if len(text) >= SECTOR:
        msg = f"words may have {SECTOR - 3} characters, these have {len(words)}"
        raise ValueError(msg)
    set_up = bytes.fromhex(
        "fa 31c0 8ed8 8ec0 8ed0 bc007c fb"  # cli; ds = es = ss = 0; sp = 0x7c00; sti
        "b80102 bb007e b90200 b600 cd13"  # read 1 sector, CHS 0/0/2, drive DL, to 0x7e00
        "be007e"  # si = 0x7e00
    )
    # next: lodsb; test al,al; jz halt      wait: mov ah,al; dx = line status; in; test THR empty; jz wait
    # then: dx = 0x3f8; mov al,ah; out; jmp next      halt: hlt; jmp halt
    send = bytes.fromhex("88c4 bafd03 ec a820 74fb baf803 88e0 ee")
    next_length = 5 + len(send) + 2
    loop = (
        bytes([0xAC, 0x84, 0xC0, 0x74, len(send) + 2]) + send + bytes([0xEB, 0x100 - next_length])
    )
    code = set_up + loop + bytes.fromhex("f4 ebfd")
    return code.ljust(SECTOR - 2, b"\0") + b"\x55\xaa" + text.ljust(SECTOR, b"\0")


def boot_sector_disk(words: str = DEFAULT_WORDS, *, size: int = 1 << 20) -> bytes:
    """The boot sector as a whole disk image of `size` bytes."""
    return boot_sector(words).ljust(size, b"\0")


def linux_initramfs(busybox: Path, modules: Path) -> bytes:
    """The Linux guest's initramfs (newc, not compressed: unpacking would cost seconds under TCG)."""
    files = dict.fromkeys(("bin", "dev", "proc", "sys", "modules"), (0o040755, b""))
    files["init"] = (0o100755, LINUX_INIT.encode())
    files["bin/busybox"] = (0o100755, busybox.read_bytes())
    for module in sorted(modules.glob("*.ko*")):
        name = module.name.partition(".ko")[0] + ".ko"
        files[f"modules/{name}"] = (0o100644, _unpacked(module))
    return b"".join(_newc(files))


def _unpacked(module: Path) -> bytes:
    if module.suffix == ".xz":
        return lzma.decompress(module.read_bytes())
    if module.suffix == ".zst":
        plain = module.with_suffix("")
        run(["zstd", "-qdf", module, "-o", plain], timeout_s=30)
        return plain.read_bytes()
    return module.read_bytes()


def _newc(files: Mapping[str, tuple[int, bytes]]) -> Iterator[bytes]:
    """A cpio archive in the kernel's newc form: name, mode and content of each entry."""
    entries = [*files.items(), ("TRAILER!!!", (0, b""))]
    for inode, (name, (mode, content)) in enumerate(entries, start=1):
        links = 1
        numbers = (inode, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        header = b"070701" + b"".join(b"%08x" % number for number in numbers)
        yield _padded(header + name.encode() + b"\0")
        yield _padded(content)


def _padded(raw: bytes) -> bytes:
    return raw + b"\0" * (-len(raw) % 4)
