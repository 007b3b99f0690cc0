"""The NFS server as it stands: its exports, its settings, and the files clients hold open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from appliance.kinds.base import Probe
from appliance.kinds.units import UnitState, parse_mountinfo, parse_unit_states, unit_states
from appliance.model.names import SHARE_ROOT
from appliance.model.share import NfsFound, OpenFile

SERVER: Final = "nfs-server.service"
LEGACY: Final = ("rpcbind.socket", "rpcbind.service", "rpc-statd.service")
"""What only NFSv3 needs (nfs.systemd(7)); a port mapper is one open door more."""

EXPORTS_DIR: Final = "/etc/exports.d"
SETTINGS_FILE: Final = "/etc/nfs.conf.d/appliance.conf"
SETTINGS: Final = f"""\
# Written by the appliance. nfs.conf(5); rootdir lets clients mount NODE:/NAME.
[nfsd]
vers3=n
vers4=y
vers4.0=n
vers4.1=n
vers4.2=y

[mountd]
manage-gids=n

[exports]
rootdir={SHARE_ROOT}
"""

_TABLE: Final = "/var/lib/nfs/etab"
NFSD: Final = "/proc/1/root/proc/fs/nfsd"
"""nfsd(7) as the first process sees it. The agent's unit has mounts of its own, and a /proc in which
what is mounted below it after the agent's start, as this is with the first export, never shows.
"""

_CLIENTS: Final = f"{NFSD}/clients"
_CLIENT: Final = re.compile(r"(\S+?)\(([^)]*)\)")
_OPEN: Final = re.compile(
    r'type: (?P<type>open|deleg), access: (?P<access>\w+).*superblock: "(?P<major>[0-9a-f]+):(?P<minor>[0-9a-f]+):\d+"'
    r'(?:.*filename: "(?P<file>[^"]*)")?'
)


def exports_file(share: str) -> str:
    """The file of one export; exports(5) takes only names that end in .exports."""
    return f"{EXPORTS_DIR}/appliance-{share}.exports"


def observe_exports(probe: Probe) -> Mapping[str, NfsFound]:
    """Every export with a file of ours."""
    names = [
        match[1]
        for entry in probe.list_dir(EXPORTS_DIR)
        if (match := re.fullmatch(r"appliance-(.+)\.exports", entry))
    ]
    if not names:
        return {}
    states = parse_unit_states(probe.run(unit_states(SERVER, *LEGACY)).stdout)
    server = states.get(SERVER, UnitState())
    table = parse_exports(probe.read_text(_TABLE) or "")
    open_files = _open_files(probe) if server.active else {}
    settings = probe.read_text(SETTINGS_FILE) == SETTINGS
    found = {}
    for name in names:
        text = probe.read_text(exports_file(name)) or ""
        line = next((item for item in text.splitlines() if item.startswith("/")), "")
        found[name] = NfsFound(
            line=line,
            exported=server.active and _agrees(line, table),
            running=server.active,
            enabled=server.enabled,
            settings=settings,
            legacy=any(states.get(unit, UnitState()).startable for unit in LEGACY),
            open_files=open_files.get(name, ()),
        )
    return found


def parse_exports(text: str) -> Mapping[str, Mapping[str, frozenset[str]]]:
    """Path -> client -> options, from exports(5) or from the server's table of them."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for line in text.splitlines():
        path, _, rest = line.replace("\t", " ").partition(" ")
        if path.startswith("/"):
            clients = {name: frozenset(words.split(",")) for name, words in _CLIENT.findall(rest)}
            found.setdefault(path, {}).update(clients)
    return found


def parse_open_files(client: str, states: str) -> Iterator[tuple[str, OpenFile]]:
    """(device MAJOR:MINOR decimal, open file) from a client's `info` and `states`.

    A client that holds a delegation for writing opens the file again without asking, and may
    not have sent all it wrote, so it counts as open; one for reading does not.
    """
    address = re.search(r'^address: "(.+):\d+"', client, re.MULTILINE)
    who = address[1] if address else "unknown client"
    for line in states.splitlines():
        match = _OPEN.search(line)
        if match and (match["type"] == "open" or "w" in match["access"]):
            number = f"{int(match['major'], 16)}:{int(match['minor'], 16)}"
            yield number, OpenFile(who=who, path=match["file"] or "a file without a name")


def _agrees(line: str, table: Mapping[str, Mapping[str, frozenset[str]]]) -> bool:
    """The server's table spells every option out, so ours must all be among them."""
    for path, clients in parse_exports(line).items():
        served = table.get(path, {})
        if set(served) != set(clients):
            return False
        if any(options - served[client] for client, options in clients.items()):
            return False
    return bool(line)


def _open_files(probe: Probe) -> Mapping[str, tuple[OpenFile, ...]]:
    mounts = parse_mountinfo(probe.read_text("/proc/self/mountinfo") or "")
    shares = {
        mount.number: mount.target.removeprefix(f"{SHARE_ROOT}/")
        for mount in mounts
        if mount.target.startswith(f"{SHARE_ROOT}/")
    }
    found: dict[str, list[OpenFile]] = {}
    for client in probe.list_dir(_CLIENTS):
        info = probe.read_text(f"{_CLIENTS}/{client}/info") or ""
        states = probe.read_text(f"{_CLIENTS}/{client}/states") or ""
        for number, file in parse_open_files(info, states):
            found.setdefault(shares.get(number, ""), []).append(file)
    return {name: tuple(files) for name, files in found.items()}
