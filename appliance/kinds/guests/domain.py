"""Virtual machines: libvirt domains whose disks are volumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final
from xml.etree.ElementTree import ParseError

from typing_extensions import override

from appliance.kinds.base import Change, Kind, Needs, Probe, View
from appliance.kinds.domain_xml import domain_xml, parse_domain
from appliance.kinds.guest_domain import domain_of
from appliance.kinds.guest_files import (
    IMPORT_MARK,
    image_steps,
    removal_steps,
    seed_steps,
    wants_import,
)
from appliance.kinds.guest_room import check_bridge, check_files, check_room
from appliance.kinds.volume_use import refuse_shared
from appliance.model.base import format_size
from appliance.model.command import change as change_command
from appliance.model.guest import (
    GUEST_DIR,
    LOG_DIR,
    SEED_DIR,
    Domain,
    GuestFound,
    GuestRecord,
    GuestSpec,
)
from appliance.model.resource import Finding, Severity
from appliance.model.steps import DefineGuestStep, GuestAct, GuestStep, RunStep, Step

WANTS: Final = "/etc/systemd/system/multi-user.target.wants"
SERVICE: Final = "libvirtd.service"
ON: Final = frozenset({"running", "shutdown"})
"""libvirt's words for a guest whose processors run; "shutdown" is one on its way out."""


class DomainKind(Kind[GuestSpec, GuestFound]):
    """Virtual machines on volumes."""

    noun = "vm"
    title = "a virtual machine with its disks on volumes"
    rank = 60
    spec_type = GuestSpec
    found_type = GuestFound
    needs = Needs(
        packages=frozenset(
            {
                "libvirt-daemon-system",
                "libvirt-daemon-driver-qemu",
                "libvirt-clients",
                "python3-libvirt",
                "qemu-system-x86",
                "qemu-utils",
                "ovmf",
                "xorriso",
            }
        ),
        units=frozenset({SERVICE}),
    )
    verbs: ClassVar[Mapping[str, str]] = {
        "start": "Start it",
        "stop": "Ask it to shut down and wait until it has",
        "force-off": "Switch it off at once; what it has not written yet is lost",
    }
    columns = ("state", "memory", "cpus", "disks", "firmware", "autostart")

    @override
    def observe(self, probe: Probe) -> Mapping[str, GuestFound]:
        """Every domain of libvirt's, and every guest of which only files are there yet."""
        records = {record.name: record for record in probe.guests()}
        names = sorted({*records, *probe.list_dir(GUEST_DIR)})
        return {
            name: _found(probe, name, records.get(name))
            for name in names
            if name in records or probe.list_dir(f"{GUEST_DIR}/{name}")
        }

    @override
    def refers(self, name: str, spec: GuestSpec) -> tuple[str, ...]:
        """Its volumes."""
        del name
        return tuple(f"volume/{volume}" for volume in spec.disks)

    @override
    def resolve(self, name: str, spec: GuestSpec, view: View) -> GuestSpec:
        """The spec, checked: nobody else uses its volumes, its files and its bridge are there."""
        resource = f"vm/{name}"
        for volume in spec.disks:
            refuse_shared(volume, resource, view)
        if name not in view.found("vm"):
            check_files(resource, spec, view)
        check_bridge(resource, spec, view)
        return spec

    @override
    def plan(self, change: Change[GuestSpec, GuestFound], view: View) -> Iterator[Step]:
        """Service, files, definition, autostart, power: each asked for by itself."""
        name, spec, found = change.name, change.wanted, change.found
        if spec is None:
            if found is not None:
                yield from _removal(name, found)
            return
        domain = domain_of(name, spec, found, view)
        if found is None or found.domain != domain or (spec.running and found.state not in ON):
            check_room(name, spec, view)
        if name == _opener(view):
            yield from _service_steps(name)
        yield from image_steps(name, spec, found, view)
        yield from seed_steps(name, spec, found)
        if found is None or found.domain != domain:
            yield DefineGuestStep(
                title=f"Define guest {name}: {_in_words(spec)}",
                resource=f"vm/{name}",
                guest=name,
                xml=domain_xml(domain),
            )
        yield from _power_steps(name, spec, found)

    @override
    def act(
        self, verb: str, name: str, arguments: Mapping[str, object], view: View
    ) -> Iterator[Step]:
        """Power, now. What the spec says of it does not change."""
        found = view.found("vm").get(name)
        state = found.state if isinstance(found, GuestFound) else ""
        spec = view.specs("vm").get(name)
        if verb == "start" and state not in ON:
            if isinstance(spec, GuestSpec):
                check_room(name, spec, view)
            yield _act_step(name, GuestAct.START)
        elif verb == "stop" and state in ON:
            yield _act_step(name, GuestAct.SHUTDOWN)
        elif verb == "force-off" and state not in {"", "shutoff", "crashed"}:
            yield _act_step(name, GuestAct.FORCE_OFF)
        elif verb not in self.verbs:
            yield from super().act(verb, name, arguments, view)

    @override
    def confirmations(
        self, change: Change[GuestSpec, GuestFound], view: View
    ) -> tuple[tuple[str, str], ...]:
        """The guest's name: its definition goes, and it is switched off if it runs."""
        del view
        found = change.found
        running = found is not None and found.state in ON | {"paused"}
        off = "it runs and is switched off hard; " if running else ""
        return ((change.name, f"guest {change.name} is deleted; {off}its volumes stay"),)

    @override
    def notes(self, change: Change[GuestSpec, GuestFound], view: View) -> tuple[str, ...]:
        """What a person might not expect."""
        spec, found = change.wanted, change.found
        if spec is None:
            return ()
        resource, notes = f"vm/{change.name}", []
        created = found is None or found.domain is None
        if created and spec.image and not wants_import(spec, found, view):
            notes.append(
                f"{resource}: volume {spec.disks[0]} holds data and keeps it; "
                f"image {spec.image} is not copied"
            )
        if (
            found is not None
            and found.domain not in {None, domain_of(change.name, spec, found, view)}
            and found.state in ON
        ):
            notes.append(f"{resource}: the change of its hardware counts from its next start")
        if created and not view.snapshot.host.kvm:
            notes.append(
                f"{resource}: this node has no KVM that works; the guest is emulated and slow"
            )
        return tuple(notes)

    @override
    def health(self, name: str, found: GuestFound) -> tuple[Finding, ...]:
        """A guest that crashed, was paused, or whose image was copied only in part."""
        what = {
            "crashed": ("has crashed", f"appliance vm start {name}"),
            "paused": ("is paused", "Look for a full pool first: appliance status"),
        }.get(found.state)
        if found.importing:
            what = ("has its image only in part", "Finish it: appliance apply SPEC.toml")
        if what is None:
            return ()
        return (
            Finding(
                severity=Severity.WARNING,
                subject=f"vm/{name}",
                what=f"Guest {name} {what[0]}",
                next_step=what[1],
            ),
        )


def _opener(view: View) -> str:
    """The guest whose plan readies the node for guests; empty when the node is ready."""
    known = [found for found in view.found("vm").values() if isinstance(found, GuestFound)]
    if any(found.node_ready for found in known):
        return ""
    return min(view.specs("vm"), default="")


def _service_steps(name: str) -> Iterator[Step]:
    yield RunStep(
        title="Make the folder of the guests' console logs",
        resource=f"vm/{name}",
        command=change_command("mkdir", "-p", LOG_DIR),
        undo=change_command("rmdir", "--ignore-fail-on-non-empty", LOG_DIR),
    )
    yield RunStep(
        title="Start libvirt, now and at boot",
        resource=f"vm/{name}",
        command=change_command("systemctl", "enable", "--now", SERVICE, timeout_s=300),
        undo=change_command("systemctl", "disable", SERVICE),
    )


def _power_steps(name: str, spec: GuestSpec, found: GuestFound | None) -> Iterator[Step]:
    state = found.state if found else ""
    if spec.autostart != (found is not None and found.autostart):
        yield _act_step(name, GuestAct.AUTOSTART_ON if spec.autostart else GuestAct.AUTOSTART_OFF)
    if spec.running and state not in ON:
        yield _act_step(name, GuestAct.START)
    elif not spec.running and state in ON:
        yield _act_step(name, GuestAct.SHUTDOWN)


def _removal(name: str, found: GuestFound) -> Iterator[Step]:
    if found.domain is not None:
        if found.state not in {"shutoff", "crashed"}:
            yield _act_step(name, GuestAct.FORCE_OFF)
        yield _act_step(name, GuestAct.UNDEFINE)
    yield from removal_steps(name, found)


_WORDS: Final = {
    GuestAct.START: "Start guest {}",
    GuestAct.SHUTDOWN: "Shut guest {} down",
    GuestAct.FORCE_OFF: "Switch guest {} off",
    GuestAct.UNDEFINE: "Delete guest {}'s definition",
    GuestAct.AUTOSTART_ON: "Let guest {} start at boot",
    GuestAct.AUTOSTART_OFF: "Do not start guest {} at boot",
}


def _act_step(name: str, act: GuestAct) -> GuestStep:
    return GuestStep(title=_WORDS[act].format(name), resource=f"vm/{name}", guest=name, act=act)


def _in_words(spec: GuestSpec) -> str:
    return f"{spec.cpus} CPU, {format_size(spec.memory)}, {spec.firmware}"


def _found(probe: Probe, name: str, record: GuestRecord | None) -> GuestFound:
    folder = f"{GUEST_DIR}/{name}"
    log_parent, _, name_of_log = LOG_DIR.rpartition("/")
    return GuestFound(
        state=record.state if record else "",
        uuid=record.uuid if record else "",
        autostart=record is not None and record.autostart,
        memory=record.memory if record else 0,
        cpus=record.vcpus if record else 0,
        domain=_parse(record.xml) if record else None,
        importing=(probe.read_text(f"{folder}/{IMPORT_MARK}") or "").strip(),
        user_data=probe.read_text(f"{folder}/user-data") or "",
        meta_data=probe.read_text(f"{folder}/meta-data") or "",
        seeds=tuple(
            file
            for file in probe.list_dir(SEED_DIR)
            if file.endswith(".iso") and file.rpartition("-")[0] == name
        ),
        files=probe.list_dir(folder),
        node_ready=SERVICE in probe.list_dir(WANTS) and name_of_log in probe.list_dir(log_parent),
    )


def _parse(xml: str) -> Domain | None:
    try:
        return parse_domain(xml)
    except (ParseError, ValueError):
        return None  # a definition of a sort we never write: it is defined anew


KIND = DomainKind()
