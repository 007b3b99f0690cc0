"""A network link: an interface, a bond or a VLAN. A change goes back by itself unless confirmed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from typing_extensions import override

from appliance.errors import InvalidInputError, RefusedError
from appliance.kinds.base import Change, Kind, Probe, View
from appliance.kinds.link_files import cards_of, files_of, link_specs, observe_links
from appliance.model.command import change as changing
from appliance.model.command import read
from appliance.model.link import (
    CONFIRM_TITLE,
    LONGEST_DEVICE,
    OUTCOME_FILE,
    REVERT_AFTER_S,
    LinkFound,
    LinkSpec,
    NetworkOutcome,
)
from appliance.model.resource import Finding, Severity
from appliance.model.steps import RemoveFileStep, RunStep, Step, WaitStep, WriteFileStep

_AGENT: Final = "appliance-agent"
_ARM: Final = changing(_AGENT, "network", "arm")
_DISARM: Final = changing(_AGENT, "network", "disarm")
# reload alone would not make changed bonds and VLANs anew (networkctl(1)).
_APPLY: Final = changing("systemctl", "restart", "systemd-networkd.service")
_PATIENCE_S: Final = REVERT_AFTER_S + 30
"""The timer takes the change back first, so that the words of the failure are true."""


class LinkKind(Kind[LinkSpec, LinkFound]):
    """Files for systemd-networkd. The way back is armed before the first of them is touched."""

    noun = "link"
    title = "a way to the network: an interface, bond or VLAN with its addresses"
    rank = 4
    spec_type = LinkSpec
    found_type = LinkFound
    columns: ClassVar[tuple[str, ...]] = ("interface", "state", "addresses", "mac")

    @override
    def observe(self, probe: Probe) -> Mapping[str, LinkFound]:
        """Our links and the interfaces nobody manages."""
        return observe_links(probe)

    @override
    def resolve(self, name: str, spec: LinkSpec, view: View) -> LinkSpec:
        """Check that its interfaces are there and nobody else's, and its device's name is free."""
        found = view.found("link").get(name)
        known = isinstance(found, LinkFound) and bool(found.files)
        cards = cards_of(_findings(view).values())
        for interface in spec.interfaces:
            # A card that died must not make every plan impossible.
            if not known and interface not in cards:
                raise _invalid(
                    name,
                    f"there is no network interface '{interface}'",
                    f"Name one of: {', '.join(sorted(cards)) or 'none was found'}.",
                )
        if spec.interface is None and (len(name) > LONGEST_DEVICE or name in cards):
            raise _invalid(
                name,
                "a bond or VLAN has the link's own name, which is too long or an interface's",
                f"Choose another name of at most {LONGEST_DEVICE} characters.",
            )
        _check_others(name, spec, view)
        return spec

    @override
    def refers(self, name: str, spec: LinkSpec) -> tuple[str, ...]:
        """A VLAN stands on the link that carries it."""
        return (f"link/{spec.vlan.on}",) if spec.vlan is not None else ()

    @override
    def plan(self, change: Change[LinkSpec, LinkFound], view: View) -> Iterator[Step]:
        """Arm the way back, write the files, let networkd read them, wait for the confirmation.

        Of the links that change together the first arms and the last applies and waits.
        """
        touched = view.remembered(_touched)
        if change.name not in touched:
            return
        if change.name == touched[0]:
            yield RunStep(
                title=f"Let the network go back by itself in {REVERT_AFTER_S} s",
                resource=f"link/{change.name}",
                command=_ARM,
                undo=_DISARM,
            )
        yield from _files(change, view)
        if change.name == touched[-1]:
            yield from _apply(change.name)

    @override
    def notes(self, change: Change[LinkSpec, LinkFound], view: View) -> tuple[str, ...]:
        """That somebody must confirm, said once."""
        if change.name != view.remembered(_touched)[-1]:
            return ()
        words = (
            f"The network goes back to what it is now {REVERT_AFTER_S} s after the change, unless "
            "somebody who still reaches the node confirms it: appliance network confirm"
        )
        return (words,)

    @override
    def health(self, name: str, found: LinkFound) -> tuple[Finding, ...]:
        """A link of ours that is down; a bond that lives on what is left of it."""
        if found.files and found.state in {"down", ""}:
            what = f"Link {name} is down: {found.interface} has no connection."
            return (_finding(name, what, "Check cable and switch port.", "link-down"),)
        if found.ports_down:
            ports = ", ".join(found.ports_down)
            what = f"Bond {name} has lost {ports}; what is left of it carries the traffic."
            next_step = f"Check cable and switch port of {ports}: the next one lost may cut it off."
            return (_finding(name, what, next_step, "bond-port-down"),)
        if found.files and found.unanswered:
            what = f"Bond {name} speaks LACP (802.3ad), and no switch answers it."
            next_step = "Make its ports one LACP group on the switch, or choose active-backup."
            return (_finding(name, what, next_step, "bond-unanswered"),)
        return ()

    @override
    def foreign(self, name: str, found: LinkFound) -> bool:
        """An interface without a file of ours."""
        return not found.files


def _finding(name: str, what: str, next_step: str, cause: str) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        subject=f"link/{name}",
        what=what,
        next_step=next_step,
        cause=cause,
    )


def _findings(view: View) -> Mapping[str, LinkFound]:
    return {name: item for name, item in view.found("link").items() if isinstance(item, LinkFound)}


def _touched(view: View) -> tuple[str, ...]:
    """The links whose files change, in the planner's order (planner/order.py): removals, what is
    built, and the removal of a carrier whose VLAN stays and must leave it first."""
    found, links = _findings(view), link_specs(view)
    gone = {
        name
        for name, item in found.items()
        if item.files and name not in links and f"link/{name}" in view.managed
    }
    late = {
        name
        for name in gone
        if any(f"VLAN={other}\n" in text for text in found[name].files.values() for other in links)
    }
    built = sorted(
        name
        for name, spec in links.items()
        if files_of(name, spec, links) != (found[name].files if name in found else {})
    )
    touched = (*sorted(gone - late, reverse=True), *built, *sorted(late, reverse=True))
    waiting = sorted(name for name in links if name in found and found[name].unconfirmed)
    # Cut off between writing and confirming: all is written, yet nothing may have been applied.
    return touched or tuple(waiting[-1:])


def _files(change: Change[LinkSpec, LinkFound], view: View) -> Iterator[Step]:
    name, links, resource = change.name, link_specs(view), f"link/{change.name}"
    found = change.found.files if change.found is not None else {}
    wanted = files_of(name, change.wanted, links) if change.wanted is not None else {}
    devices = {path for path in (*found, *wanted) if path.endswith(".netdev")}
    if any(found.get(path) != wanted.get(path) for path in devices):
        clear = changing("networkctl", "delete", name, ok_codes=(0, 1))
        yield RunStep(
            title=f"Clear away the device {name}", resource=resource, command=clear, undo=clear
        )
    for path, content in wanted.items():
        if found.get(path) != content:
            yield WriteFileStep(
                title=f"Write down link {name}", resource=resource, path=path, content=content
            )
    for path in sorted(set(found) - set(wanted)):
        yield RemoveFileStep(title=f"Forget a file of link {name}", resource=resource, path=path)


def _apply(name: str) -> Iterator[Step]:
    resource = f"link/{name}"
    yield RunStep(title="Set the network up anew", resource=resource, command=_APPLY, undo=_APPLY)
    yield WaitStep(
        title=CONFIRM_TITLE,
        resource=resource,
        command=read("cat", OUTCOME_FILE),
        until=f"^{NetworkOutcome.CONFIRMED}$",
        timeout_s=_PATIENCE_S,
    )


def _check_others(name: str, spec: LinkSpec, view: View) -> None:
    """Raises InvalidInputError, or RefusedError for a second way out."""
    links = link_specs(view)
    if spec.vlan is not None and (spec.vlan.on not in links or links[spec.vlan.on].vlan):
        raise _invalid(
            name,
            f"'{spec.vlan.on}' cannot carry a VLAN",
            "Name a managed link that is an interface or a bond.",
        )
    for other, item in links.items():
        both = set(item.interfaces) & set(spec.interfaces)
        if other != name and both:
            raise _invalid(
                name,
                f"its interface {min(both)} belongs to link {other} as well",
                "Take it out of one of them.",
            )
        if other < name and item.gateway and spec.gateway:
            raise RefusedError(
                f"Links {other} and {name} both have a gateway, so answers may take the wrong way.",
                hint="Keep the gateway of the link that leads to all other networks.",
                subject=f"link/{name}",
            )


def _invalid(name: str, why: str, hint: str) -> InvalidInputError:
    return InvalidInputError(
        f"Link '{name}' cannot be made: {why}.", hint=hint, subject=f"link/{name}"
    )


KIND = LinkKind()
