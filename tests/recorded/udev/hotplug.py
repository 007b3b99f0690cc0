"""Run under umockdev-wrapper by Debian's python3: inserts and pulls a disk, prints what was told.

Its arguments: the udev description, the disk's kernel name, the repository, its site-packages.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path[1:1] = sys.argv[3:]

import gi  # noqa: E402 - Debian's, beside the packages of the virtual environment

gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev  # noqa: E402

from agents.node.observe.udev import DeviceMonitor, scan_devices  # noqa: E402

WAIT_S = 10.0
SETTLE_S = 0.2


def without(text: str, node: str) -> tuple[str, str, str]:
    """The description without a disk's paragraph, that paragraph, and the disk's path."""
    parts = text.split("\n\n")
    (disk,) = [part for part in parts if f"\nN: {node}\n" in part]
    rest = "\n\n".join(part for part in parts if part is not disk)
    return rest, disk + "\n", "/sys" + disk.splitlines()[0].removeprefix("P: ")


def main() -> None:
    """Prints the events and how many disks there were before and after each."""
    chassis, disk, path = without(Path(sys.argv[1]).read_text(), sys.argv[2])
    testbed = UMockdev.Testbed.new()
    testbed.add_from_string(chassis)
    monitor = DeviceMonitor()
    told: list[object] = [len(scan_devices().devices)]
    testbed.add_from_string(disk)  # and tells of it
    told += monitor.burst(WAIT_S, SETTLE_S)
    told.append(len(scan_devices().devices))
    testbed.uevent(path, "remove")
    told += monitor.burst(WAIT_S, SETTLE_S)
    testbed.remove_device(path)
    told.append(len(scan_devices().devices))
    print(json.dumps([item if isinstance(item, int) else vars(item) for item in told]))


if __name__ == "__main__":
    main()
