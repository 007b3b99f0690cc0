"""The node's identity: its name, its time zone and where it gets the time from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from typing_extensions import override

from appliance.kinds.base import Change, Kind, Probe, View
from appliance.kinds.units import PATIENCE_S, UnitState, parse_unit_states, unit_states
from appliance.model.command import Command, read
from appliance.model.command import change as changing
from appliance.model.identity import IdentityFound, IdentitySpec
from appliance.model.names import NODE
from appliance.model.resource import Finding, Severity
from appliance.model.steps import RunStep, Step, WriteFileStep

HOSTS: Final = "/etc/hosts"
SOURCES: Final = "/etc/chrony/sources.d/appliance.sources"
"""Where chronyd looks for time servers (chrony.conf(5), sourcedir)."""
POOL: Final = "pool 2.debian.pool.ntp.org iburst\n"
"""Debian's own choice, where nobody names a server."""
CHRONY: Final = "chrony.service"

_ZONES: Final = "/usr/share/zoneinfo/"
_RESOURCE: Final = f"identity/{NODE}"
_RELOAD: Final = changing("chronyc", "reload", "sources")
_OWN_LINE: Final = re.compile(r"^127\.0\.1\.1\s.*$", re.MULTILINE)


class IdentityKind(Kind[IdentitySpec, IdentityFound]):
    """Through hostnamed, timedated and chronyd, whose files are the truth."""

    noun = "identity"
    title = "the node's name, time zone and time servers; there is one, named node"
    rank = 2
    only = NODE
    spec_type = IdentitySpec
    found_type = IdentityFound
    columns: ClassVar[tuple[str, ...]] = ("hostname", "timezone", "ntp", "time_active")

    @override
    def observe(self, probe: Probe) -> Mapping[str, IdentityFound]:
        """The one identity, which every node has."""
        zone = probe.run(read("readlink", "/etc/localtime", ok_codes=(0, 1))).stdout.strip()
        states = parse_unit_states(probe.run(unit_states(CHRONY)).stdout)
        service = states.get(CHRONY, UnitState())
        found = IdentityFound(
            # As in the host's own reading: the kernel's name may be hidden from the agent.
            hostname=(probe.read_text("/etc/hostname") or "").strip(),
            timezone=zone.partition(_ZONES)[2] or "Etc/UTC",
            sources=probe.read_text(SOURCES),
            hosts=probe.read_text(HOSTS) or "",
            time_enabled=service.enabled,
            time_active=service.active,
        )
        return {NODE: found}

    @override
    def plan(self, change: Change[IdentitySpec, IdentityFound], view: View) -> Iterator[Step]:
        """Each part where it differs. No longer wanted, the node keeps the name it has."""
        found, wanted = change.found, change.wanted
        if wanted is None or found is None:
            return
        if found.hostname != wanted.hostname:
            yield _step(
                f"Name the node {wanted.hostname}",
                changing("hostnamectl", "set-hostname", wanted.hostname),
                changing("hostnamectl", "set-hostname", found.hostname),
            )
        hosts = hosts_with(found.hosts, wanted.hostname)
        if found.hosts != hosts:
            yield WriteFileStep(
                title="Let the node find its own name",
                resource=_RESOURCE,
                path=HOSTS,
                content=hosts,
            )
        if found.timezone != wanted.timezone:
            yield _step(
                f"Set the time zone {wanted.timezone}",
                changing("timedatectl", "set-timezone", wanted.timezone),
                changing("timedatectl", "set-timezone", found.timezone),
            )
        yield from _time(found, wanted)

    @override
    def health(self, name: str, found: IdentityFound) -> tuple[Finding, ...]:
        """A node whose time runs free."""
        if found.time_active or not found.time_enabled:
            return ()
        return (
            Finding(
                severity=Severity.WARNING,
                subject=_RESOURCE,
                what="The time service does not run, so the node's clock may drift.",
                next_step=f"Look why: systemctl status {CHRONY}",
                cause="time-service-down",
            ),
        )

    @override
    def foreign(self, name: str, found: IdentityFound) -> bool:
        """Every node has a name; not to manage it is no loose end."""
        return True

    @override
    def adopt(self, name: str, found: IdentityFound) -> IdentitySpec | None:
        """As it is; None when its name is none we could give."""
        try:
            return IdentitySpec(
                hostname=found.hostname, timezone=found.timezone, ntp=servers_in(found.sources)
            )
        except ValueError:
            return None


def hosts_with(text: str, hostname: str) -> str:
    """hosts(5) with the node's own name at 127.0.1.1, as Debian has it; all else as it was."""
    line = f"127.0.1.1 {hostname}"
    if _OWN_LINE.search(text):
        return _OWN_LINE.sub(line, text, count=1)
    lines = text if not text or text.endswith("\n") else f"{text}\n"
    return f"{lines}{line}\n"


def sources_of(ntp: tuple[str, ...]) -> str:
    """The file of time servers, by chrony.conf(5)."""
    return "".join(f"server {server} iburst\n" for server in ntp) or POOL


def servers_in(sources: str | None) -> tuple[str, ...]:
    """The time servers a file of ours names."""
    words = [line.split() for line in (sources or "").splitlines()]
    return tuple(word[1] for word in words if len(word) > 1 and word[0] == "server")


def _time(found: IdentityFound, wanted: IdentitySpec) -> Iterator[Step]:
    sources = sources_of(wanted.ntp)
    running = found.time_enabled and found.time_active
    if found.sources != sources:
        yield WriteFileStep(
            title=f"Take the time from {', '.join(wanted.ntp) or 'the public pool'}",
            resource=_RESOURCE,
            path=SOURCES,
            content=sources,
        )
        if running:
            yield _step("Tell the time service of its servers", _RELOAD, _RELOAD)
    if not running:
        back = "stop" if found.time_enabled else "disable --now"
        yield _step(
            "Start the time service, now and at boot",
            changing("systemctl", "enable", "--now", CHRONY, timeout_s=PATIENCE_S),
            changing("systemctl", *back.split(), CHRONY, timeout_s=PATIENCE_S),
        )


def _step(title: str, command: Command, undo: Command) -> RunStep:
    return RunStep(title=title, resource=_RESOURCE, command=command, undo=undo)


KIND = IdentityKind()
