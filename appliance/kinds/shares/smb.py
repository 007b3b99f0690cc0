"""A share's SMB face: a file of its own that smb.conf includes, served by Samba as SMB 3.1.1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from typing_extensions import override

from appliance.errors import InvalidInputError
from appliance.kinds.accounts import OPEN_GROUP, group_names, user_names
from appliance.kinds.base import Change, Kind, Needs, Port, Probe, View
from appliance.kinds.share_rules import refuse_while_open
from appliance.kinds.share_steps import end_smb_sessions
from appliance.kinds.share_versions import (
    follow_snapshots,
    forget_snapshots,
    shown_versions,
)
from appliance.kinds.smb_config import (
    MAIN_FILE,
    SHARE_DIR,
    described,
    main_text,
    parse_status,
    share_file,
    share_text,
)
from appliance.kinds.units import PATIENCE_S, UnitState, parse_unit_states, unit_states
from appliance.model.command import Command, change, read
from appliance.model.names import share_path
from appliance.model.resource import Finding, Severity
from appliance.model.share import ShareSpec, SmbFound, SmbSpec, UserSpec
from appliance.model.steps import RemoveFileStep, RunStep, Step, WriteFileStep

_SERVER: Final = "smbd.service"
_RELOAD: Final = change("smbcontrol", "all", "reload-config")
"""Sessions stay; a restart would end them."""


class SmbKind(Kind[SmbSpec, SmbFound]):
    """Shares over SMB. Clients open \\\\NODE\\NAME."""

    noun = "smb"
    title = "a share's SMB face; encrypted SMB 3.1.1 with Windows ACLs"
    rank = 40
    face_of = "share"
    spec_type = SmbSpec
    found_type = SmbFound
    needs = Needs(
        packages=frozenset({"samba", "samba-vfs-modules"}),
        units=frozenset({_SERVER}),
        ports=frozenset({Port(number=445)}),
    )
    verbs: ClassVar[Mapping[str, str]] = {
        "disconnect": "end all sessions on it, open files included; unsaved data is lost"
    }
    columns: ClassVar[tuple[str, ...]] = ("writers", "readers", "sessions", "open_files")

    @override
    def observe(self, probe: Probe) -> Mapping[str, SmbFound]:
        """Shares with a file of ours."""
        names = [
            entry.removesuffix(".conf")
            for entry in probe.list_dir(SHARE_DIR)
            if entry.endswith(".conf")
        ]
        if not names:
            return {}
        states = parse_unit_states(probe.run(unit_states(_SERVER)).stdout)
        server = states.get(_SERVER, UnitState())
        main = probe.read_text(MAIN_FILE) or ""
        status = probe.run(read("smbstatus", "--json")).stdout if server.active else "{}"
        sessions, open_files = parse_status(status)
        versions = shown_versions(probe.read_text("/proc/self/mountinfo") or "")
        return {
            name: SmbFound(
                text=probe.read_text(share_file(name)) or "",
                main=main,
                running=server.active,
                enabled=server.enabled,
                versions=versions.get(name, ()),
                sessions=sessions.get(name, 0),
                open_files=open_files.get(share_path(name), ()),
            )
            for name in names
        }

    @override
    def resolve(self, name: str, spec: SmbSpec, view: View) -> SmbSpec:
        """Check that everybody named exists."""
        users, groups = user_names(view), group_names(view)
        for principal in (*spec.writers, *spec.readers):
            known = groups if principal.startswith("@") else users
            if principal.removeprefix("@") not in known:
                raise InvalidInputError(
                    f"'{principal}' of share '{name}' is no {_word(principal)} of this node.",
                    hint=f"There are: {', '.join(sorted(known)) or 'none'}; add it with "
                    "[user.NAME] in the spec.",
                    subject=f"smb/{name}",
                )
        return spec

    @override
    def refers(self, name: str, spec: SmbSpec) -> tuple[str, ...]:
        """The users named."""
        del name
        people = (*spec.writers, *spec.readers)
        return tuple(f"user/{person}" for person in people if not person.startswith("@"))

    @override
    def plan(self, change: Change[SmbSpec, SmbFound], view: View) -> Iterator[Step]:
        """Each share's own file and its previous versions where they differ; the last share in order then has Samba take
        all of them up, once.
        """
        name, found, wanted = change.name, change.found, change.wanted
        if wanted is None:
            if found is not None:
                refuse_while_open(name, view)
                yield from _remove(name, view)
            return
        changed = _changed(view)
        server = _server(view)
        if changed and name == changed[0] and server is not None and server.running:
            yield _reload(name, "Make sure that Samba agrees with its files")
        if name in changed:
            yield WriteFileStep(
                title=f"Show share {name} over SMB",
                resource=f"smb/{name}",
                path=share_file(name),
                content=_text(name, wanted, view),
            )
        yield from follow_snapshots(name, found, view)
        if name == max(view.specs("smb")):
            yield from _serve(name, server, view, changed=bool(changed))

    @override
    def act(
        self, verb: str, name: str, arguments: Mapping[str, object], view: View
    ) -> Iterator[Step]:
        """Cut clients off."""
        if verb != "disconnect":
            yield from super().act(verb, name, arguments, view)
        yield end_smb_sessions(name)

    @override
    def notes(self, change: Change[SmbSpec, SmbFound], view: View) -> tuple[str, ...]:
        """People whom the permissions of the files keep out."""
        share = view.specs("share").get(change.name)
        if change.wanted is None or not isinstance(share, ShareSpec):
            return ()
        if share.mode[-1] != "0":
            return ()
        return tuple(
            f"{person} may enter share {change.name}, but is not in its group '{share.group}': "
            f"permissions {share.mode} keep others out of its files"
            for person in (*change.wanted.writers, *change.wanted.readers)
            if person not in {f"@{share.group}", share.owner}
            and not _is_member(person, share.group, view)
        )

    @override
    def adopt(self, name: str, found: SmbFound) -> SmbSpec | None:
        """The wish behind a file of ours."""
        return described(name, found.text)

    @override
    def health(self, name: str, found: SmbFound) -> tuple[Finding, ...]:
        """Server down, share unknown to it."""
        return tuple(_findings(name, found))


def _word(principal: str) -> str:
    return "group" if principal.startswith("@") else "user"


def _is_member(user: str, group: str, view: View) -> bool:
    spec = view.specs("user").get(user)
    groups = spec.groups if isinstance(spec, UserSpec) else ()
    return group in {item.partition(":")[0] for item in groups}


def _wanted(view: View) -> Mapping[str, SmbSpec]:
    return {n: spec for n, spec in view.specs("smb").items() if isinstance(spec, SmbSpec)}


def _found(view: View) -> Mapping[str, SmbFound]:
    return {n: item for n, item in view.found("smb").items() if isinstance(item, SmbFound)}


def _server(view: View) -> SmbFound | None:
    """Any finding: what they say of the server is the same in all."""
    return next(iter(_found(view).values()), None)


def _text(name: str, spec: SmbSpec, view: View) -> str:
    share = view.specs("share").get(name)
    group = share.group if isinstance(share, ShareSpec) else OPEN_GROUP
    return share_text(name, spec, group, nfs=name in view.specs("nfs"))


def _changed(view: View) -> list[str]:
    found = _found(view)
    return sorted(
        name
        for name, spec in _wanted(view).items()
        if name not in found or found[name].text != _text(name, spec, view)
    )


def _run(name: str, title: str, command: Command, undo: Command) -> RunStep:
    return RunStep(title=title, resource=f"smb/{name}", command=command, undo=undo)


def _systemctl(*words: str) -> Command:
    return change("systemctl", *words, timeout_s=PATIENCE_S)


def _reload(name: str, title: str) -> RunStep:
    """Also asked for before a file changes: undone last-first, it then runs after the file is
    back, and Samba follows it.
    """
    return _run(name, title, _RELOAD, _RELOAD)


def _write_main(name: str, shares: Mapping[str, SmbSpec]) -> WriteFileStep:
    return WriteFileStep(
        title=f"List the SMB shares: {', '.join(sorted(shares)) or 'none'}",
        resource=f"smb/{name}",
        path=MAIN_FILE,
        content=main_text(shares),
    )


def _serve(name: str, server: SmbFound | None, view: View, *, changed: bool) -> Iterator[Step]:
    wanted, found = _wanted(view), _found(view)
    kept = {item: spec for item, spec in wanted.items() if item in found}
    # Removals of the same plan have rewritten smb.conf already, so that it lists what is kept.
    dropped = set(found) - set(wanted)
    main = main_text(kept) if dropped else server.main if server else ""
    if main != main_text(wanted):
        yield _write_main(name, wanted)
        changed = True
    if changed:
        yield RunStep(
            title="Check Samba's configuration before it goes live",
            resource=f"smb/{name}",
            command=read("testparm", "--suppress-prompt", MAIN_FILE),
        )
    if server is None or not server.enabled:
        yield _run(name, "Start Samba at every boot", _systemctl("enable", _SERVER),
                   _systemctl("disable", _SERVER))  # fmt: skip
    if server is None or not server.running:
        yield _run(name, "Start Samba", _systemctl("restart", _SERVER),
                   _systemctl("stop", _SERVER))  # fmt: skip
    elif changed:
        yield _reload(name, "Have Samba take up the change; sessions go on")


def _remove(name: str, view: View) -> Iterator[Step]:
    """Removals run from the last name to the first, so the first name shuts the server."""
    wanted, found = _wanted(view), _found(view)
    last = not wanted and name == min(found)
    running = found[name].running
    if last:
        yield _run(name, "Stop Samba: nothing is shared any more",
                   _systemctl("disable", "--now", _SERVER),
                   _systemctl("enable", "--now", _SERVER))  # fmt: skip
    elif running:
        yield _reload(name, "Make sure that Samba agrees with its files")
    yield _write_main(name, {n: spec for n, spec in wanted.items() if n in found})
    if running and not last:
        yield _reload(name, f"Have Samba show share {name} no more")
        yield end_smb_sessions(name)
    yield from forget_snapshots(name, found[name])
    yield RemoveFileStep(
        title=f"Remove Samba's file of share {name}",
        resource=f"smb/{name}",
        path=share_file(name),
    )


def _findings(name: str, found: SmbFound) -> Iterator[Finding]:
    subject = f"smb/{name}"
    if not found.running:
        yield Finding(
            severity=Severity.CRITICAL,
            subject=subject,
            what="Samba does not run.",
            next_step=f"systemctl status {_SERVER}; then apply the site again.",
        )
    if f"include = {share_file(name)}" not in found.main.splitlines():
        yield Finding(
            severity=Severity.CRITICAL,
            subject=subject,
            what="smb.conf does not list this share.",
            next_step="Apply the site again.",
        )
    if not found.enabled:
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what="Samba would not start after a reboot.",
            next_step="Apply the site again.",
        )


KIND = SmbKind()
