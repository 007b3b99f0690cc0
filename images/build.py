"""The image build: three cached stages, each redone only when its own inputs change.

root    Debian packages, kernel, locked Python dependencies    about 90 s
disk    our wheel, units, configuration, file systems          about 35 s
frozen  a booted node's state, by images.frozen                about 60 s
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ApplianceError
from images.cache import Progress, cache_root
from images.disk import disk_stage, lab_key
from images.rootfs import root_stage
from images.run import run


@dataclass(frozen=True)
class Image:
    """A built image: a folder with disk.raw and the files that boot it without firmware."""

    folder: Path

    @property
    def disk(self) -> Path:
        """The bootable GPT disk; never written to, machines put an overlay over it."""
        return self.folder / "disk.raw"

    @property
    def kernel(self) -> Path:
        """The kernel, for a direct boot."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """The small initrd that finds a virtio root."""
        return self.folder / "initrd-lab"

    @property
    def guest_kernel(self) -> Path:
        """The demo guest's kernel."""
        return self.folder / "guest-vmlinuz"

    @property
    def guest_initrd(self) -> Path:
        """The demo guest's initramfs."""
        return self.folder / "guest-initrd"

    @property
    def host_key(self) -> Path:
        """The baked public host key of a lab image; a product image has none."""
        return self.folder / "host-key.pub"


def show(message: str) -> None:
    """Print one line of progress with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)


def build_image(progress: Progress = show, *, lab: bool = True) -> Image:
    """The image, built as far as its inputs changed. Raises RigError."""
    root = root_stage(lab=lab)
    if lab:
        lab_key()
    root.ensure(progress)
    return Image(disk_stage(root, lab=lab).ensure(progress))


def main(argv: list[str] | None = None) -> int:
    """`python -m images.build`: build an image and say where it is."""
    parser = argparse.ArgumentParser(prog="images.build", description=main.__doc__)
    parser.add_argument(
        "--product", action="store_true", help="no lab key, host keys made at first boot"
    )
    parser.add_argument("--qcow2", type=Path, metavar="FILE", help="also write the disk as qcow2")
    options = parser.parse_args(argv)
    try:
        image = build_image(lab=not options.product)
        if options.qcow2:
            convert = ["qemu-img", "convert", "-O", "qcow2", image.disk, options.qcow2]
            run(convert, timeout_s=600)
    except ApplianceError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        return error.exit_status
    print(image.folder)
    print(f"cache: {cache_root()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
