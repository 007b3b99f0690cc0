"""Acts on libvirt's domains. Each is idempotent: what is so already is left alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import libvirt

from appliance.errors import NotFoundError, StepFailedError, UnavailableError
from appliance.model.steps import GuestAct

SYSTEM: Final = "qemu:///system"
POLL_S: Final = 0.5
ASK_AGAIN_S: Final = 10.0
"""A guest that is still booting does not hear the first power button event."""

_OFF: Final = frozenset({libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED})
_UNDEFINE: Final = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)
"""Everything libvirt itself keeps of a domain; disks are no part of it."""


class LibvirtGuests:
    """The hypervisor of this node, connected to for each act: libvirtd may restart in between."""

    def __init__(
        self,
        uri: str = SYSTEM,
        *,
        now_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._uri = uri
        self._now_s = now_s
        self._sleep = sleep
        libvirt.registerErrorHandler(_quiet, None)

    def define(self, xml: str) -> None:
        """Define a domain, or replace its definition. Raises StepFailedError."""
        with self._connection() as connection, _as_step("define", "a guest"):
            connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)

    def definition(self, name: str) -> str | None:
        """The persistent definition, None when there is no such domain.

        Raises UnavailableError when libvirt does not answer.
        """
        with self._connection() as connection:
            domain = _lookup(connection, name)
            if domain is None:
                return None
            flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
            return str(domain.XMLDesc(flags))

    def act(self, name: str, act: GuestAct, timeout_s: float) -> None:
        """Do it and wait until it is done.

        Raises StepFailedError, UnavailableError when libvirt does not answer, NotFoundError for
        a domain that is not defined (but undefining that is fine).
        """
        with self._connection() as connection:
            domain = _lookup(connection, name)
            if domain is None:
                if act is GuestAct.UNDEFINE:
                    return
                raise NotFoundError(
                    f"libvirt knows no guest '{name}'.",
                    hint="List them: virsh list --all; define it: appliance apply SPEC.toml",
                    subject=f"vm/{name}",
                )
            with _as_step(act.value, name):
                self._do(domain, name, act, timeout_s)

    def _do(self, domain: libvirt.virDomain, name: str, act: GuestAct, timeout_s: float) -> None:
        match act:
            case GuestAct.START:
                _start(domain)
            case GuestAct.SHUTDOWN:
                self._shut_down(domain, name, timeout_s)
            case GuestAct.FORCE_OFF:
                if _state(domain) not in _OFF:
                    domain.destroy()
            case GuestAct.UNDEFINE:
                domain.undefineFlags(_UNDEFINE)
            case GuestAct.AUTOSTART_ON | GuestAct.AUTOSTART_OFF:
                domain.setAutostart(int(act is GuestAct.AUTOSTART_ON))

    def _shut_down(self, domain: libvirt.virDomain, name: str, timeout_s: float) -> None:
        begun = self._now_s()
        asked = -ASK_AGAIN_S
        while _state(domain) not in _OFF:
            waited = self._now_s() - begun
            if waited >= timeout_s:
                raise StepFailedError(
                    f"Guest '{name}' did not shut down within {timeout_s:g} s.",
                    hint="It may not listen to its power button; switch it off at once with: "
                    f"appliance vm force-off {name}",
                    subject=f"vm/{name}",
                )
            if waited - asked >= ASK_AGAIN_S:
                asked = waited
                _press_power(domain)
            self._sleep(POLL_S)

    @contextmanager
    def _connection(self) -> Iterator[libvirt.virConnect]:
        try:
            connection = libvirt.open(self._uri)
        except libvirt.libvirtError as error:
            raise UnavailableError(
                f"libvirt does not answer: {_why(error)}.",
                hint="Start it: systemctl start libvirtd; look: journalctl -u libvirtd",
                subject="libvirtd",
            ) from error
        try:
            yield connection
        finally:
            connection.close()


def _start(domain: libvirt.virDomain) -> None:
    state = _state(domain)
    if state == libvirt.VIR_DOMAIN_PAUSED:
        domain.resume()
    elif state in _OFF:
        domain.create()


def _press_power(domain: libvirt.virDomain) -> None:
    """Ask once; a guest that has just gone off cannot be asked, and need not be."""
    try:
        domain.shutdown()
    except libvirt.libvirtError:
        if _state(domain) not in _OFF:
            raise


def _state(domain: libvirt.virDomain) -> int:
    return int(domain.state()[0])


def _lookup(connection: libvirt.virConnect, name: str) -> libvirt.virDomain | None:
    try:
        return connection.lookupByName(name)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise UnavailableError(
            f"libvirt could not look for guest '{name}': {_why(error)}.",
            hint="Look at its log: journalctl -u libvirtd",
            subject=f"vm/{name}",
        ) from error


@contextmanager
def _as_step(verb: str, name: str) -> Iterator[None]:
    try:
        yield
    except libvirt.libvirtError as error:
        raise StepFailedError(
            f"libvirt could not {verb} {name}: {_why(error)}.",
            hint="Look at its log: journalctl -u libvirtd; /var/log/libvirt/qemu",
            subject=f"vm/{name}",
        ) from error


def _why(error: libvirt.libvirtError) -> str:
    return str(error.get_error_message() or error).rstrip(".")


def _quiet(_context: object, _error: object) -> None:
    """libvirt prints every error on stderr unless someone takes it; they all come as exceptions."""
