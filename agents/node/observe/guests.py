"""The reading door to libvirt: the domains there are, with their persistent definitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import libvirt

from appliance.errors import UnavailableError
from appliance.model.guest import GuestRecord

URI: Final = "qemu:///system"
RUN_DIR: Final = Path("/run")
DEFINITIONS: Final = Path("/etc/libvirt/qemu")
"""Where libvirt's QEMU driver keeps the definitions of persistent domains."""
SOCKETS: Final = ("libvirt/virtqemud-sock", "libvirt/libvirt-sock")
"""Under RUN_DIR: the modular daemon's socket, and the monolithic one's."""
PID_FILES: Final = ("virtqemud.pid", "libvirtd.pid")
STATES: Final = {
    libvirt.VIR_DOMAIN_RUNNING: "running",
    libvirt.VIR_DOMAIN_BLOCKED: "running",
    libvirt.VIR_DOMAIN_PAUSED: "paused",
    libvirt.VIR_DOMAIN_SHUTDOWN: "shutdown",
    libvirt.VIR_DOMAIN_SHUTOFF: "shutoff",
    libvirt.VIR_DOMAIN_CRASHED: "crashed",
    libvirt.VIR_DOMAIN_PMSUSPENDED: "pmsuspended",
}
_KIB: Final = 1024


def read_guests(
    uri: str = URI, *, run_dir: Path = RUN_DIR, definitions: Path = DEFINITIONS
) -> tuple[GuestRecord, ...]:
    """All domains by name; none where no hypervisor is installed or nothing was ever defined.

    The daemon starts when it is asked (systemd sockets) and takes seconds to, so it is not asked
    before it can have anything to tell. Raises UnavailableError when it ought to answer and
    does not.
    """
    if not _worth_asking(uri, run_dir, definitions):
        return ()
    _silence()
    try:
        connection = libvirt.openReadOnly(uri)
    except libvirt.libvirtError as error:
        raise _unavailable(error) from error
    try:
        return tuple(sorted(_records(connection), key=lambda record: record.name))
    except libvirt.libvirtError as error:
        raise _unavailable(error) from error
    finally:
        connection.close()


def _worth_asking(uri: str, run_dir: Path, definitions: Path) -> bool:
    parts = urlsplit(uri)
    named = parse_qs(parts.query).get("socket")
    if named:
        return Path(named[0]).exists()
    if parts.scheme != "qemu":
        return True
    if not any((run_dir / socket).exists() for socket in SOCKETS):
        return False
    awake = any((run_dir / name).exists() for name in PID_FILES)
    return awake or any(definitions.glob("*.xml"))


def _records(connection: libvirt.virConnect) -> Iterator[GuestRecord]:
    for domain in connection.listAllDomains():
        try:
            yield _record(domain)
        except libvirt.libvirtError as error:
            # It went away between the list and the question; that is no fault.
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise


def _record(domain: libvirt.virDomain) -> GuestRecord:
    state, memory_kib, _, vcpus, cpu_time_ns = domain.info()
    lasting = domain.isPersistent()
    return GuestRecord(
        name=domain.name(),
        uuid=domain.UUIDString(),
        state=STATES.get(state, "unknown"),
        autostart=bool(lasting and domain.autostart()),
        memory=memory_kib * _KIB,
        vcpus=vcpus,
        xml=domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE if lasting else 0),
        cpu_time_ns=cpu_time_ns,
    )


def _silence() -> None:
    """libvirt prints every error on stderr beside raising it, unless somebody takes them."""
    libvirt.registerErrorHandler(lambda _context, _error: None, None)


def _unavailable(error: libvirt.libvirtError) -> UnavailableError:
    return UnavailableError(
        f"libvirt does not answer: {error.get_error_message() or error}.",
        hint="Look at: systemctl status libvirtd virtqemud; journalctl -u libvirtd",
        subject="libvirt",
    )
