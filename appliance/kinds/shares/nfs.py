"""A share's NFS face: one exports file of its own, served by the kernel as NFSv4.2 only."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from pydantic import ValidationError
from typing_extensions import override

from appliance.kinds.base import Change, Kind, Needs, Port, Probe, View
from appliance.kinds.nfs_state import (
    LEGACY,
    SERVER,
    SETTINGS,
    SETTINGS_FILE,
    exports_file,
    observe_exports,
    parse_exports,
)
from appliance.kinds.share_rules import refuse_while_open
from appliance.kinds.share_steps import revoke_nfs
from appliance.kinds.units import PATIENCE_S
from appliance.model.command import change
from appliance.model.resource import Finding, Severity
from appliance.model.share import NfsClient, NfsFound, NfsSpec, Squash
from appliance.model.steps import RemoveFileStep, RunStep, Step, WriteFileStep

_NAMESPACE: Final = uuid.UUID("6f0d7c1e-3c5a-5a0e-9d43-0b9f6f1c2a77")
"""Of our fsids: the same share name gives the same fsid on any box, so that file handles live
on when the disks move."""

_SQUASH: Final = {
    Squash.ROOT: "root_squash",
    Squash.ALL: "all_squash",
    Squash.NONE: "no_root_squash",
}


class NfsKind(Kind[NfsSpec, NfsFound]):
    """Exports of shares. Clients mount NODE:/NAME with -t nfs4."""

    noun = "nfs"
    title = "a share's NFS face; clients mount NODE:/NAME as NFSv4.2"
    rank = 40
    face_of = "share"
    spec_type = NfsSpec
    found_type = NfsFound
    needs = Needs(
        packages=frozenset({"nfs-kernel-server"}),
        units=frozenset({SERVER}),
        ports=frozenset({Port(number=2049)}),
    )
    verbs: ClassVar[Mapping[str, str]] = {
        "disconnect": "take back the open files of all its clients; unsaved data is lost"
    }
    columns: ClassVar[tuple[str, ...]] = ("exported", "clients", "open_files")

    @override
    def observe(self, probe: Probe) -> Mapping[str, NfsFound]:
        """Exports with a file of ours."""
        return observe_exports(probe)

    @override
    def plan(self, change: Change[NfsSpec, NfsFound], view: View) -> Iterator[Step]:
        """The export's own file, the one server behind all, and the server's table."""
        name, found, wanted = change.name, change.found, change.wanted
        if wanted is None:
            if found is not None:
                refuse_while_open(name, view)
                yield from _remove(name, view)
            return
        line = export_line(name, wanted)
        differs = found is None or found.line != line
        if differs and found is not None:
            yield _settle(name, "Make sure that the server's table agrees with its files")
        if differs:
            yield WriteFileStep(
                title=f"Export share {name} over NFS",
                resource=f"nfs/{name}",
                path=exports_file(name),
                content=f"# Written by the appliance; changes by hand are overwritten.\n{line}\n",
            )
        if name == min(view.specs("nfs")):
            yield from _serve(name, _server(view))
        if found is None or differs or not found.exported:
            yield _settle(name, f"Have the server take up the export of share {name}")

    @override
    def act(
        self, verb: str, name: str, arguments: Mapping[str, object], view: View
    ) -> Iterator[Step]:
        """Cut clients off."""
        if verb != "disconnect":
            yield from super().act(verb, name, arguments, view)
        yield revoke_nfs(name)

    @override
    def notes(self, change: Change[NfsSpec, NfsFound], view: View) -> tuple[str, ...]:
        """How to mount it, and who is root on it."""
        del view
        if change.wanted is None:
            return ()
        trusted = [c.address for c in change.wanted.clients if c.squash is Squash.NONE]
        rooted = (f"root of {', '.join(trusted)} is root on share {change.name}",)
        mount = f"clients mount share {change.name} with: mount -t nfs4 NODE:/{change.name} DIR"
        return (mount, *(rooted if trusted else ()))

    @override
    def adopt(self, name: str, found: NfsFound) -> NfsSpec | None:
        """The wish behind a line of ours; None for one that was changed by hand."""
        clients = parse_exports(found.line).get(f"/{name}", {})
        try:
            spec = NfsSpec.model_validate(_described(clients))
        except ValidationError:
            return None
        return spec if export_line(name, spec) == found.line else None

    @override
    def health(self, name: str, found: NfsFound) -> tuple[Finding, ...]:
        """Server down, export unknown to it."""
        return tuple(_findings(name, found))


def export_line(name: str, spec: NfsSpec) -> str:
    """The line of exports(5). `mountpoint`: never the empty folder below a missing file system."""
    clients = (f"{client.address}({_options(name, spec, client)})" for client in spec.clients)
    return f"/{name} {' '.join(clients)}"


def _options(name: str, spec: NfsSpec, client: NfsClient) -> str:
    squash = _SQUASH[client.squash]
    return ",".join((
        client.access.value, "sync", "no_subtree_check", squash,
        f"anonuid={spec.anonymous_uid}", f"anongid={spec.anonymous_gid}",
        f"sec={':'.join(security.value for security in client.security)}",
        "insecure" if spec.insecure_ports else "secure",
        f"fsid={uuid.uuid5(_NAMESPACE, name)}",
        "mountpoint",
    ))  # fmt: skip


def _described(clients: Mapping[str, frozenset[str]]) -> Mapping[str, object]:
    """Options of exports(5) as the fields of a spec; what does not fit is found when validated."""
    squash = {word: squash.value for squash, word in _SQUASH.items()}
    first = next(iter(clients.values()), frozenset[str]())
    return {
        "clients": [
            {
                "address": address,
                "access": "rw" if "rw" in options else "ro",
                "squash": next((squash[word] for word in options if word in squash), ""),
                "security": _value(options, "sec").split(":"),
            }
            for address, options in clients.items()
        ],
        "insecure_ports": "insecure" in first,
        "anonymous_uid": _value(first, "anonuid"),
        "anonymous_gid": _value(first, "anongid"),
    }


def _value(options: frozenset[str], key: str) -> str:
    return next((word.partition("=")[2] for word in options if word.startswith(f"{key}=")), "")


def _server(view: View) -> NfsFound | None:
    """Any finding: what they say of the server is the same in all."""
    return next((f for f in view.found("nfs").values() if isinstance(f, NfsFound)), None)


def _run(name: str, title: str, argv: tuple[str, ...], undo: tuple[str, ...]) -> RunStep:
    return RunStep(
        title=title,
        resource=f"nfs/{name}",
        command=change(*argv, timeout_s=PATIENCE_S),
        undo=change(*undo, timeout_s=PATIENCE_S),
    )


def _settle(name: str, title: str) -> RunStep:
    """Also asked for before a file changes: undone last-first, it then runs after the file is
    back, and the table follows it.
    """
    return _run(name, title, ("exportfs", "-ra"), ("exportfs", "-ra"))


def _serve(name: str, found: NfsFound | None) -> Iterator[Step]:
    running, settings = found is not None and found.running, found is not None and found.settings
    if not settings:
        yield WriteFileStep(
            title="Have the NFS server speak version 4.2 only",
            resource=f"nfs/{name}",
            path=SETTINGS_FILE,
            content=SETTINGS,
        )
    if found is None or found.legacy:
        yield _run(name, "Keep the services of NFS version 3 off",
                   ("systemctl", "mask", "--now", *LEGACY),
                   ("systemctl", "unmask", *LEGACY))  # fmt: skip
    if found is None or not found.enabled:
        yield _run(name, "Start the NFS server at every boot", ("systemctl", "enable", SERVER),
                   ("systemctl", "disable", SERVER))  # fmt: skip
    if not running or not settings:
        back = ("systemctl", "restart" if running else "stop", SERVER)
        yield _run(name, "Start the NFS server", ("systemctl", "restart", SERVER), back)


def _remove(name: str, view: View) -> Iterator[Step]:
    """Removals run from the last name to the first, so the first name shuts the server."""
    last = not view.specs("nfs") and name == min(view.found("nfs"))
    if last:
        yield _run(name, "Stop the NFS server: nothing is exported any more",
                   ("systemctl", "disable", "--now", SERVER),
                   ("systemctl", "enable", "--now", SERVER))  # fmt: skip
    else:
        yield _settle(name, "Make sure that the server's table agrees with its files")
    yield RemoveFileStep(
        title=f"Export share {name} over NFS no more",
        resource=f"nfs/{name}",
        path=exports_file(name),
    )
    if not last:
        yield _settle(name, f"Have the server let go of share {name}")
        yield revoke_nfs(name)


def _findings(name: str, found: NfsFound) -> Iterator[Finding]:
    subject = f"nfs/{name}"
    if not found.running:
        yield Finding(
            severity=Severity.CRITICAL,
            subject=subject,
            what="The NFS server does not run.",
            next_step=f"systemctl status {SERVER}; then apply the site again.",
        )
    elif not found.exported:
        yield Finding(
            severity=Severity.CRITICAL,
            subject=subject,
            what="The server does not export this share as its file says.",
            next_step="Apply the site again; it runs: exportfs -ra",
        )
    if not found.enabled:
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what="The NFS server would not start after a reboot.",
            next_step="Apply the site again.",
        )


KIND = NfsKind()
