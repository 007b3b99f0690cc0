"""Who is calling: the socket's peer, as the kernel tells it, to a user, roles and an origin."""

from __future__ import annotations

import grp
import os
import pwd
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from appliance.api.contract import Endpoint, Role
from appliance.api.paths import GROUPS
from appliance.errors import ForbiddenError

ROLE_OF_GROUP: Final[Mapping[str, Role]] = MappingProxyType(
    {group: Role(group.partition("-")[2]) for group in GROUPS}
)
KNOWN_FOR_S: Final = 30.0
"""How long a user's groups are believed, so that a warm connection loses a role soon after the
user lost the group."""
# From the root of the cgroup tree: below user@UID.service users make groups of any name themselves.
_SESSION: Final = re.compile(r"^0::/user\.slice/user-\d+\.slice/session-(\w+)\.scope", re.MULTILINE)
_SSHD: Final = re.compile(
    r"^0::/system\.slice/(system-sshd?\.slice/)?sshd?(@[^/]*)?\.service", re.MULTILINE
)
"""Where a node keeps no login sessions, its SSH logins stay in sshd's own service."""


class Peer(NamedTuple):
    """Credentials of the other end of a unix socket (SO_PEERCRED, unix(7))."""

    pid: int
    uid: int
    gid: int


@dataclass(frozen=True)
class Caller:
    """The user behind a request."""

    user: str
    roles: frozenset[Role]
    origin: str
    """local; ssh, or ssh from ADDRESS where the login session tells."""

    def require(self, endpoint: Endpoint[Any, Any]) -> None:
        """Raises ForbiddenError unless one of the caller's roles allows the endpoint."""
        if self.roles & endpoint.roles:
            return
        if not self.roles:
            raise ForbiddenError(
                f"User '{self.user}' has no role on this node.",
                hint=f"An administrator adds a role with: usermod -aG GROUP {self.user}; groups: "
                f"{', '.join(GROUPS)}",
                subject=endpoint.name,
            )
        raise ForbiddenError(
            f"'{endpoint.summary}' is not for {' and '.join(sorted(self.roles))}: it needs "
            f"{' or '.join(sorted(endpoint.roles))}.",
            hint=f"Ask one who has that role; user '{self.user}' gets it with: usermod -aG "
            f"appliance-{min(endpoint.roles)} {self.user}",
            subject=endpoint.name,
        )


class Callers:
    """Looks callers up; a user's groups are looked up again when they are half a minute old."""

    def __init__(
        self,
        groups_of: Callable[[int, int], tuple[str, frozenset[str]]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._groups_of = groups_of or system_groups
        self._clock = clock
        self._guard = threading.Lock()
        self._known: dict[tuple[int, int], tuple[float, str, frozenset[Role]]] = {}

    def caller(self, peer: Peer) -> Caller:
        """The caller behind a peer."""
        user, roles = self._roles(peer)
        return Caller(user, roles, origin_of(peer.pid))

    def _roles(self, peer: Peer) -> tuple[str, frozenset[Role]]:
        key, now = (peer.uid, peer.gid), self._clock()
        with self._guard:
            known = self._known.get(key)
        if known is not None and now - known[0] < KNOWN_FOR_S:
            return known[1], known[2]
        user, groups = self._groups_of(peer.uid, peer.gid)
        roles = frozenset(role for group, role in ROLE_OF_GROUP.items() if group in groups)
        if peer.uid == 0:
            roles = frozenset({Role.ADMIN})
        with self._guard:
            self._known[key] = (now, user, roles)
        return user, roles


def system_groups(uid: int, gid: int) -> tuple[str, frozenset[str]]:
    """Name and groups of a user by the system's databases; "uid N" for one they do not know."""
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return f"uid {uid}", frozenset()
    found = set()
    for number in {gid, *os.getgrouplist(account.pw_name, account.pw_gid)}:
        try:
            found.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return account.pw_name, frozenset(found)


def origin_of(pid: int, root: Path = Path("/")) -> str:
    """Where a process's login came from, by its session's cgroup and logind's record of it.

    Both are written by root, so a user cannot forge them; what is in no login session is local.
    """
    try:
        cgroup = _text(root / f"proc/{pid}/cgroup")
        session = _SESSION.search(cgroup)
        if session is None:
            return "ssh" if _SSHD.search(cgroup) else "local"
        text = _text(root / "run/systemd/sessions" / session[1])
    except OSError:
        return "local"
    facts = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if facts.get("REMOTE") != "1":
        return "local"
    service = "ssh" if facts.get("SERVICE") == "sshd" else facts.get("SERVICE", "remote")
    return f"{service} from {facts.get('REMOTE_HOST', 'an unknown address')}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
