"""LUNs over iSCSI: one LIO target a LUN, so that changing one never touches another's sessions.

The plan writes the target's document and lets `appliance-agent target apply NAME` make the kernel
match it; a technician can run that command again at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from typing_extensions import override

from appliance.errors import InvalidInputError, RefusedError
from appliance.kinds.base import Change, Kind, Needs, Port, Probe, View
from appliance.kinds.lio_tree import FABRIC, read_lun
from appliance.kinds.volume_use import refuse_shared
from appliance.model.command import change as change_command
from appliance.model.lun import (
    IQN_DATE,
    TARGET_DIR,
    LiveTarget,
    LunFound,
    LunSpec,
    TargetConfig,
    target_name,
)
from appliance.model.names import logical_volume, volume_group
from appliance.model.resource import Finding, Severity
from appliance.model.steps import RemoveFileStep, RunStep, Step, WriteFileStep

AGENT: Final = "appliance-agent"


class IscsiKind(Kind[LunSpec, LunFound]):
    """Volumes offered as disks over iSCSI."""

    noun = "lun"
    title = "a volume as a disk over iSCSI, for named initiators with CHAP"
    rank = 50
    spec_type = LunSpec
    found_type = LunFound
    needs = Needs(
        packages=frozenset({"python3-rtslib-fb"}),
        ports=frozenset({Port(number=3260)}),
        modules=frozenset({"target_core_mod", "target_core_iblock", "iscsi_target_mod"}),
    )
    verbs: ClassVar[Mapping[str, str]] = {
        "reload": "Set the target up again, with the secrets as they are stored now",
    }
    columns = ("volume", "target", "initiators", "sessions", "enabled")

    @override
    def observe(self, probe: Probe) -> Mapping[str, LunFound]:
        """Every document, and every target in the kernel that is named as ours are."""
        found: dict[str, LunFound] = {}
        for file in probe.list_dir(TARGET_DIR):
            name = file.removesuffix(".json")
            if name != file:
                found[name] = read_lun(probe, name, document=True)
        for target in probe.list_dir(FABRIC):
            name = target.rpartition(":")[2]
            if target.startswith(f"{IQN_DATE}.") and name not in found:
                found[name] = read_lun(probe, name, document=False, target=target)
        return found

    @override
    def refers(self, name: str, spec: LunSpec) -> tuple[str, ...]:
        """The volume."""
        del name
        return (f"volume/{spec.volume}",)

    @override
    def resolve(self, name: str, spec: LunSpec, view: View) -> LunSpec:
        """The spec with its target's name fixed; a renamed host keeps the names initiators know."""
        resource = f"lun/{name}"
        refuse_shared(spec.volume, resource, view)
        for chap in filter(None, (spec.chap, spec.mutual)):
            view.require_secret(chap.secret, resource)
        known = view.found("lun").get(name)
        kept = known.target if isinstance(known, LunFound) else ""
        target = spec.target or kept or target_name(view.snapshot.host.hostname, name)
        if target.rpartition(":")[2] != name:
            raise InvalidInputError(
                f"The target of {resource} must end with ':{name}', but is '{target}'.",
                hint="Leave `target` out to have it named for you.",
                subject=resource,
            )
        return spec.model_copy(update={"target": target})

    @override
    def plan(self, change: Change[LunSpec, LunFound], view: View) -> Iterator[Step]:
        """Write the document where it differs, then let the kernel follow."""
        found = change.found
        if change.wanted is None:
            if found is not None:
                yield from _removal(change.name, found)
            return
        config = _config(change.name, change.wanted, view)
        resource = f"lun/{change.name}"
        if found is not None and found.live is not None:
            _refuse_disturbance(change.name, found, found.live, config)
            if found.live.target != config.target:
                yield _remove_step(change.name, found)
        if found is None or found.config != config:
            yield WriteFileStep(
                title=f"Write down what target {config.target} shall be",
                resource=resource,
                path=config.path,
                content=config.document(),
                mode=0o600,
            )
        if found is None or found.live != config.live():
            yield _apply_step(config, found)

    @override
    def act(
        self, verb: str, name: str, arguments: Mapping[str, object], view: View
    ) -> Iterator[Step]:
        """`reload`: make the kernel match the document once more."""
        found = view.found("lun").get(name)
        if verb != "reload":
            yield from super().act(verb, name, arguments, view)
        elif isinstance(found, LunFound) and found.config is not None:
            yield RunStep(
                title=f"Set target {found.target} up again",
                resource=f"lun/{name}",
                command=change_command(AGENT, "target", "apply", name),
            )
        else:
            raise InvalidInputError(
                f"LUN '{name}' has not been set up yet.",
                hint="Apply the spec that holds it first: appliance apply SPEC.toml",
                subject=f"lun/{name}",
            )

    @override
    def confirmations(
        self, change: Change[LunSpec, LunFound], view: View
    ) -> tuple[tuple[str, str], ...]:
        """The LUN's name: its initiators lose a disk."""
        del view
        return ((change.name, f"initiators lose the disk {change.name}; its volume stays"),)

    @override
    def notes(self, change: Change[LunSpec, LunFound], view: View) -> tuple[str, ...]:
        """Where initiators find it, and who loses it."""
        if change.wanted is None:
            return ()
        config = _config(change.name, change.wanted, view)
        notes = [f"lun/{change.name}: initiators find it as {config.target} on port 3260"]
        if not config.enabled and change.found is not None and change.found.sessions:
            notes.append(f"lun/{change.name}: {_names(change.found.sessions)} will lose it")
        return tuple(notes)

    @override
    def health(self, name: str, found: LunFound) -> tuple[Finding, ...]:
        """A target that should be offered and is not, or not as written down."""
        if found.config is None or found.live == found.config.live():
            return ()
        offered = found.live is not None and found.live.enabled
        return (
            Finding(
                severity=Severity.WARNING if offered else Severity.CRITICAL,
                subject=f"lun/{name}",
                what="The kernel's target is not as written down"
                if offered
                else "Initiators cannot log in: the target is not offered",
                why=f"{found.config.path} and {FABRIC}/{found.target} differ",
                next_step=f"appliance lun reload {name}",
            ),
        )

    @override
    def adopt(self, name: str, found: LunFound) -> LunSpec | None:
        """The spec that a document on the node describes."""
        del name
        config = found.config
        volume = _volume_of(config.device) if config else ""
        if config is None or not volume:
            return None
        return LunSpec(
            volume=volume,
            initiators=config.initiators,
            chap=config.chap,
            mutual=config.mutual,
            read_only=config.read_only,
            enabled=config.enabled,
            target=config.target,
        )


def _config(name: str, spec: LunSpec, view: View) -> TargetConfig:
    return TargetConfig(
        name=name,
        target=spec.target,
        device=view.volume_device(spec.volume),
        initiators=spec.initiators,
        chap=spec.chap,
        mutual=spec.mutual,
        read_only=spec.read_only,
        enabled=spec.enabled,
    )


def _apply_step(config: TargetConfig, found: LunFound | None) -> RunStep:
    """Undo runs before the document is put back, so it gets the earlier document by stdin."""
    undo = change_command(AGENT, "target", "remove", config.name)
    if found is not None and found.config is not None and found.live is not None:
        undo = change_command(AGENT, "target", "apply", "-", stdin=found.config.document())
    verb = "Offer" if found is None or found.live is None else "Change"
    return RunStep(
        title=f"{verb} {config.device} as target {config.target}",
        resource=f"lun/{config.name}",
        command=change_command(AGENT, "target", "apply", config.name),
        undo=undo,
    )


def _remove_step(name: str, found: LunFound) -> RunStep:
    undo = None
    if found.config is not None:
        undo = change_command(AGENT, "target", "apply", "-", stdin=found.config.document())
    return RunStep(
        title=f"Withdraw target {found.target}",
        resource=f"lun/{name}",
        command=change_command(AGENT, "target", "remove", name),
        undo=undo,
    )


def _removal(name: str, found: LunFound) -> Iterator[Step]:
    if found.sessions:
        raise RefusedError(
            f"LUN '{name}' cannot be removed: {_names(found.sessions)} uses it now.",
            hint="Log out on the initiator first, or cut it off by setting enabled = false; "
            "then remove it.",
            subject=f"lun/{name}",
        )
    if found.live is not None:
        yield _remove_step(name, found)
    if found.document:
        yield RemoveFileStep(
            title=f"Forget target {found.target or name}",
            resource=f"lun/{name}",
            path=f"{TARGET_DIR}/{name}.json",
        )


def _refuse_disturbance(name: str, found: LunFound, live: LiveTarget, config: TargetConfig) -> None:
    """Refuse what would tear a disk from under an initiator that is logged in."""
    if not found.sessions or not config.enabled:
        return
    wanted = config.live()
    moved = {
        "its volume": live.device != wanted.device,
        "its target's name": live.target != wanted.target,
        "read-only": {acl.read_only for acl in live.acls} != {config.read_only},
    }
    lost = sorted(set(found.sessions) - set(config.initiators))
    changed = [word for word, differs in moved.items() if differs]
    if not lost and not changed:
        return
    who = _names(lost or found.sessions)
    what = "lose its access" if lost else f"have {' and '.join(changed)} changed"
    raise RefusedError(
        f"LUN '{name}' is in use: {who} is logged in and would {what}.",
        hint="Log out on the initiator first, then apply again.",
        subject=f"lun/{name}",
    )


def _names(initiators: tuple[str, ...] | list[str]) -> str:
    return "initiator " + ", ".join(initiators)


def _volume_of(device: str) -> str:
    """The volume of ours a device is; empty for any other device."""
    group, _, volume = device.removeprefix("/dev/").partition("/")
    if not group.startswith(volume_group("")) or not volume.startswith(logical_volume("")):
        return ""
    return volume.removeprefix(logical_volume(""))


KIND = IscsiKind()
