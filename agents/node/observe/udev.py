"""The door to pyudev: reads disks, and tells of disks that come and go."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pyudev

from agents.node.observe.devices import BlockDevice, DeviceScan, is_virtual
from appliance.errors import UnavailableError

ATTRIBUTES: Final = (
    "size",
    "ro",
    "removable",
    "queue/rotational",
    "queue/logical_block_size",
    "queue/physical_block_size",
    "queue/zoned",
    "device/serial",
    "device/model",
    "device/vendor",
    "device/rev",
    "device/firmware_rev",
    "nsid",
    "wwid",
)
"""What is read of a disk beside udev's properties; attributes a disk does not have are left out."""


def scan_devices() -> DeviceScan:
    """All whole disks with their partitions. One unreadable device does not hide the others.

    Raises UnavailableError when udev itself cannot be asked.
    """
    try:
        found = list(pyudev.Context().list_devices(subsystem="block"))
    except (OSError, ImportError) as error:
        raise UnavailableError(
            f"udev cannot be asked for the disks: {error}.",
            hint="Look at: systemctl status systemd-udevd",
        ) from error
    disks: list[BlockDevice] = []
    problems: list[str] = []
    partitions = _partitions(found, problems)
    for device in found:
        if is_virtual(device.sys_name, device.device_path):
            continue
        try:
            if device.device_type == "disk":
                disks.append(_disk(device, partitions.get(device.device_path, {})))
        except (OSError, LookupError, ValueError) as error:
            problems.append(_unreadable(device.sys_name, error))
    return DeviceScan(tuple(sorted(disks, key=_kernel_order)), tuple(problems))


class Action(StrEnum):
    """What happened to a device."""

    ADD = "add"
    REMOVE = "remove"
    CHANGE = "change"


@dataclass(frozen=True)
class DeviceEvent:
    """A disk came, went or changed. `serial` is udev's, empty when it knows none any more."""

    action: Action
    node: str
    serial: str


class DeviceMonitor:
    """Listens for disks that come and go, from the moment it is made."""

    def __init__(self, source: str = "udev") -> None:
        """From "udev" an event arrives after its rules, when serial and links exist; "kernel" tells
        of a disk that went without waiting for them."""
        self._monitor = pyudev.Monitor.from_netlink(pyudev.Context(), source=source)
        self._monitor.filter_by("block", device_type="disk")
        self._monitor.start()

    def fileno(self) -> int:
        """Readable when an event waits; for select(2)."""
        return int(self._monitor.fileno())

    def poll(self, timeout_s: float) -> DeviceEvent | None:
        """The next event, None when none came in time. Mappings and loop devices are passed over.

        Raises UnavailableError when events were lost; then observe everything again.
        """
        try:
            device = self._monitor.poll(timeout_s)
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                raise UnavailableError(
                    "So many devices changed at once that the kernel dropped events.",
                    hint="The disks are read anew; nothing needs to be done.",
                ) from error
            raise
        if device is None or is_virtual(device.sys_name, device.device_path):
            return None
        return _event(device)

    def burst(self, timeout_s: float, settle_s: float) -> tuple[DeviceEvent, ...]:
        """Waits for an event, then gathers until none came for `settle_s` seconds.

        A backplane that loses power tells of each disk singly; one look at the end is enough.
        """
        return tuple(self._gather(timeout_s, settle_s))

    def _gather(self, timeout_s: float, settle_s: float) -> Iterator[DeviceEvent]:
        event = self.poll(timeout_s)
        while event is not None:
            yield event
            event = self.poll(settle_s)


def _event(device: pyudev.Device) -> DeviceEvent | None:
    try:
        action = Action(device.action)
    except ValueError:  # bind, unbind, move, offline: they say nothing about a disk's being there
        return None
    properties = device.properties
    serial = properties.get("ID_SCSI_SERIAL") or properties.get("ID_SERIAL_SHORT") or ""
    return DeviceEvent(action, device.sys_name, str(serial).strip())


def _disk(device: pyudev.Device, partitions: dict[str, str]) -> BlockDevice:
    properties = {str(key): str(value) for key, value in device.properties.items()}
    return BlockDevice(
        node=device.sys_name,
        sys_path=device.sys_path,
        number=f"{properties.get('MAJOR', '')}:{properties.get('MINOR', '')}",
        properties=properties,
        attributes=_attributes(device),
        partitions=partitions,
    )


def _attributes(device: pyudev.Device) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in ATTRIBUTES:
        try:
            value = device.attributes.get(name)
        except OSError:  # a disk that is going away answers ENODEV for single attributes
            continue
        if value is not None:
            found[name] = bytes(value).decode("utf-8", "replace").strip()
    return found


def _partitions(found: list[pyudev.Device], problems: list[str]) -> dict[str, dict[str, str]]:
    by_disk: dict[str, dict[str, str]] = {}
    for device in found:
        # sysfs hangs a partition under its disk: .../block/sda/sda1.
        parent, _, name = device.device_path.rpartition("/")
        if parent.endswith("/block") or is_virtual(name, device.device_path):
            continue
        try:
            if device.device_type == "partition":
                properties = device.properties
                by_disk.setdefault(parent, {})[name] = (
                    f"{properties['MAJOR']}:{properties['MINOR']}"
                )
        except (OSError, LookupError, ValueError) as error:
            problems.append(_unreadable(name, error))
    return by_disk


def _unreadable(node: str, error: Exception) -> str:
    return f"{node} could not be read: {error!r}."


def _kernel_order(device: BlockDevice) -> tuple[int, str]:
    return (len(device.node), device.node)
