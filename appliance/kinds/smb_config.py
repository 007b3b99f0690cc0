"""What Samba is told: smb.conf for all shares, one included file for each; and what it tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from appliance.model.names import share_path, versions_path
from appliance.model.share import Encryption, OpenFile, SmbSpec

MAIN_FILE: Final = "/etc/samba/smb.conf"
SHARE_DIR: Final = "/etc/samba/appliance"

_MAIN: Final = """\
# Written by the appliance; changes by hand are overwritten. smb.conf(5)
[global]
server role = standalone server
server string = %h
map to guest = never
restrict anonymous = 2
disable netbios = yes
smb ports = 445
server min protocol = SMB3_11
server signing = mandatory
server smb encrypt = {encryption}
logging = systemd
load printers = no
disable spoolss = yes
printcap name = /dev/null
"""

_SHARE: Final = """\
# Written by the appliance; changes by hand are overwritten. smb.conf(5)
[{name}]
path = {path}
valid users = {users}
read only = yes
write list = {writers}
browseable = {browseable}
# What members of the share's group make belongs to that group, as it does over NFS.
force group = +{group}
server smb encrypt = {encryption}
# Never the empty folder below a file system that is not there.
root preexec = /usr/bin/mountpoint -q {path}
root preexec close = yes
# Windows ACLs are kept beside the permissions of the file system, which stay the truth: what NFS
# changes there shows here.
vfs objects = {modules}
acl_xattr:ignore system acls = no
inherit acls = yes
inherit permissions = yes
store dos attributes = yes
map archive = no
# Previous versions: snapshots of the volume, mounted read-only. vfs_shadow_copy2(8)
shadow:snapdir = {versions}
shadow:basedir = {path}
shadow:sort = desc
"""

_WITH_NFS: Final = """\
# NFS clients and SMB clients see each other's writes: a cache held by one is called back.
kernel oplocks = yes
"""


def share_file(name: str) -> str:
    """Samba's file for one share."""
    return f"{SHARE_DIR}/{name}.conf"


def main_text(shares: Mapping[str, SmbSpec]) -> str:
    """smb.conf. Every session is encrypted unless one of the shares leaves it to the client."""
    strict = all(spec.encryption is Encryption.REQUIRED for spec in shares.values())
    encryption = Encryption.REQUIRED if strict else Encryption.DESIRED
    includes = "".join(f"include = {share_file(name)}\n" for name in sorted(shares))
    return _MAIN.format(encryption=encryption.value) + includes


def share_text(name: str, spec: SmbSpec, group: str, *, nfs: bool) -> str:
    """The file of one share, whose files belong to `group`; `nfs`: it has an NFS face as well."""
    text = _SHARE.format(
        name=name,
        path=share_path(name),
        group=group,
        users=" ".join((*spec.writers, *spec.readers)),
        writers=" ".join(spec.writers),
        browseable="no" if spec.hidden else "yes",
        encryption=spec.encryption.value,
        modules="acl_xattr streams_xattr shadow_copy2",
        versions=versions_path(name),
    )
    return text + _WITH_NFS if nfs else text


def described(name: str, text: str) -> SmbSpec | None:
    """The wish behind a file of ours; None for one that was changed by hand."""
    facts = dict(re.findall(r"^([a-z ]+) = (.*)$", text, re.MULTILINE))
    writers = facts.get("write list", "").split()
    wish = {
        "writers": writers,
        "readers": [item for item in facts.get("valid users", "").split() if item not in writers],
        "encryption": facts.get("server smb encrypt"),
        "hidden": facts.get("browseable") == "no",
    }
    try:
        spec = SmbSpec.model_validate(wish)
    except ValidationError:
        return None
    group = facts.get("force group", "").removeprefix("+")
    return spec if share_text(name, spec, group, nfs="kernel oplocks" in facts) == text else None


def parse_status(text: str) -> tuple[Mapping[str, int], Mapping[str, tuple[OpenFile, ...]]]:
    """Share -> connections, and top folder -> open files, from `smbstatus --json`."""
    status: dict[str, Any] = json.loads(text)
    who = {
        session["server_id"]["pid"]: f"{session['username']} at {session['remote_machine']}"
        for session in status.get("sessions", {}).values()
    }
    connections: dict[str, int] = {}
    for connection in status.get("tcons", {}).values():
        connections[connection["service"]] = connections.get(connection["service"], 0) + 1
    files: dict[str, list[OpenFile]] = {}
    for item in status.get("open_files", {}).values():
        files.setdefault(item["service_path"], []).extend(_opens(item, who))
    return connections, {path: tuple(found) for path, found in files.items()}


def _opens(item: Mapping[str, Any], who: Mapping[str, str]) -> Iterator[OpenFile]:
    """A client keeps the top folder open for as long as it is connected: no file of anyone's."""
    if item["filename"] != ".":
        for opened in item["opens"].values():
            pid = opened["server_id"]["pid"]
            yield OpenFile(who=who.get(pid, f"process {pid}"), path=item["filename"])
