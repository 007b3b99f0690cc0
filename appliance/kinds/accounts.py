"""Which users and groups a wish may name: those of the node that are no system accounts; and
what passwd(5) and group(5) say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from appliance.kinds.base import View
from appliance.model.share import UserFound, UserSpec

OPEN_GROUP: Final = "users"
"""Debian's group 100 for ordinary users (base-passwd): the one system group a wish may name."""

_SYSTEM_GROUPS: Final = frozenset({
    "adm", "audio", "backup", "bin", "cdrom", "crontab", "daemon", "dialout", "dip", "disk", "fax",
    "floppy", "games", "input", "irc", "kmem", "kvm", "list", "lp", "mail", "man", "messagebus",
    "news", "nogroup", "operator", "plugdev", "polkitd", "proxy", "render", "root", "sasl", "sgx",
    "shadow", "src", "staff", "sudo", "sys", "tape", "tss", "tty", "utmp", "uucp", "video", "voice",
    "www-data",
})  # fmt: skip
_SYSTEM_PREFIXES: Final = ("appliance", "libvirt", "systemd", "ssl-", "ssh")


class Account(NamedTuple):
    """A line of passwd(5), as far as it matters here."""

    name: str
    uid: int
    comment: str


def user_names(view: View) -> frozenset[str]:
    """Our users, wanted or on the node."""
    ours = {
        name
        for name, found in view.found("user").items()
        if isinstance(found, UserFound) and found.ours
    }
    return frozenset(ours | set(view.specs("user")))


def group_names(view: View) -> frozenset[str]:
    """`users`, each user's own group, and the groups of our users."""
    return frozenset({OPEN_GROUP, *user_names(view), *_memberships(view)})


def _memberships(view: View) -> Iterator[str]:
    for spec in view.specs("user").values():
        if isinstance(spec, UserSpec):
            yield from (group.partition(":")[0] for group in spec.groups)
    for found in view.found("user").values():
        if isinstance(found, UserFound) and found.ours:
            yield from (group.partition(":")[0] for group in found.groups)


def is_system_group(name: str) -> bool:
    """Whether a group belongs to the node: Debian's own (base-passwd, group.master), and those
    by which daemons and our roles get their rights.
    """
    return name in _SYSTEM_GROUPS or name.startswith(_SYSTEM_PREFIXES)


def parse_accounts(text: str) -> Iterator[Account]:
    """The accounts of passwd(5)."""
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) == 7:  # noqa: PLR2004 - passwd(5)
            yield Account(fields[0], int(fields[2]), fields[4])


def parse_groups(text: str) -> Mapping[str, tuple[str, ...]]:
    """User -> supplementary groups as name:gid, from group(5)."""
    members: dict[str, list[str]] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) == 4:  # noqa: PLR2004 - group(5)
            for user in filter(None, fields[3].split(",")):
                members.setdefault(user, []).append(f"{fields[0]}:{fields[2]}")
    return {user: tuple(sorted(groups)) for user, groups in members.items()}
