"""A user: a local account that owns files and opens SMB sessions, and can do nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from typing_extensions import override

from appliance.errors import InvalidInputError, RefusedError
from appliance.kinds.accounts import is_system_group, parse_accounts, parse_groups
from appliance.kinds.base import Change, Kind, Needs, Probe, View
from appliance.kinds.passwords import Passwords
from appliance.model.command import Command, SecretInput, change, read
from appliance.model.share import UserFound, UserSpec
from appliance.model.steps import RunStep, Step

_PASSDB: Final = ("/var/lib/samba/private", "passdb.tdb")
_NOTHING: Final = change("true")
"""The way back of a step whose traces do no harm."""


def _set_password(name: str, secret: str) -> Command:
    twice = SecretInput(name=secret, template="{secret}\n{secret}\n")
    return change("smbpasswd", "-s", "-a", name, stdin=twice)


def _forget_password(name: str) -> Command:
    return change("smbpasswd", "-x", name)


_PASSWORDS: Final = Passwords(
    noun="user",
    mark="appliance share user",
    given="SMB access",
    taken="SMB access",
    word="SMB password",
    setting=_set_password,
    forgetting=_forget_password,
)


class UserKind(Kind[UserSpec, UserFound]):
    """Accounts without shell, home and login; other accounts are seen, never touched."""

    noun = "user"
    title = "a local account for SMB and for owning files; it cannot log in"
    rank = 25
    spec_type = UserSpec
    found_type = UserFound
    needs = Needs(packages=frozenset({"samba", "passwd"}))
    verbs: ClassVar[Mapping[str, str]] = {
        "set-password": "set the SMB password again, after its secret was changed"
    }
    columns: ClassVar[tuple[str, ...]] = ("uid", "groups", "password")

    @override
    def observe(self, probe: Probe) -> Mapping[str, UserFound]:
        """Every account of /etc/passwd."""
        accounts = probe.read_text("/etc/passwd") or ""
        groups = parse_groups(probe.read_text("/etc/group") or "")
        samba: frozenset[str] = frozenset()
        if _PASSWORDS.mark in accounts and _PASSDB[1] in probe.list_dir(_PASSDB[0]):
            samba = parse_samba_users(probe.run(read("pdbedit", "--list")).stdout)
        return parse_users(accounts, groups, samba)

    @override
    def resolve(self, name: str, spec: UserSpec, view: View) -> UserSpec:
        """Check the secret, the number and that no group gives rights over the node."""
        subject = f"user/{name}"
        if spec.password is not None:
            view.require_secret(spec.password, subject)
        for group in spec.groups:
            if is_system_group(group.partition(":")[0]):
                raise RefusedError(
                    f"User '{name}' cannot join '{group}': system groups give rights over the node.",
                    hint="Name 'users' or a group of your own.",
                    subject=subject,
                )
        for other, uid in _numbers(view):
            if other != name and spec.uid is not None and uid == spec.uid:
                raise InvalidInputError(
                    f"The number {uid} of user '{name}' belongs to '{other}'.",
                    hint="Choose another uid, or leave it out for the next free one.",
                    subject=subject,
                )
        return spec

    @override
    def plan(self, change: Change[UserSpec, UserFound], view: View) -> Iterator[Step]:
        """Account, groups and SMB password, each where it differs."""
        name, found, wanted = change.name, change.found, change.wanted
        if found is not None and not found.ours:
            if wanted is None:
                return
            raise RefusedError(
                f"'{name}' is an account of the node itself, so it cannot be a share user.",
                hint="Choose another name.",
                subject=f"user/{name}",
            )
        if wanted is None:
            if found is not None:
                yield from _remove(name, found, view)
            return
        if found is None:
            yield from _make_groups(name, wanted)
            yield _make_account(name, wanted)
        else:
            yield from _correct(name, found, wanted)
        earlier = found.password if found else None
        yield from _PASSWORDS.steps(name, earlier, wanted.password, view)

    @override
    def act(
        self, verb: str, name: str, arguments: Mapping[str, object], view: View
    ) -> Iterator[Step]:
        """Set the password again: nobody can see on the node which value it was set from."""
        spec = view.specs("user").get(name)
        if verb != "set-password":
            yield from super().act(verb, name, arguments, view)
        else:
            secret = spec.password if isinstance(spec, UserSpec) else None
            yield _PASSWORDS.set_again(name, secret, view)

    @override
    def foreign(self, name: str, found: UserFound) -> bool:
        """Accounts of the node itself."""
        del name
        return not found.ours


def parse_samba_users(text: str) -> frozenset[str]:
    """Names in `pdbedit --list`: name:uid:full name."""
    return frozenset(line.split(":")[0] for line in text.splitlines() if ":" in line)


def parse_users(
    text: str, groups: Mapping[str, tuple[str, ...]], samba: frozenset[str]
) -> Mapping[str, UserFound]:
    """Name -> account, from passwd(5); an empty password is one that nobody noted."""
    return {
        name: UserFound(
            uid=uid,
            ours=comment.startswith(_PASSWORDS.mark),
            groups=groups.get(name, ()),
            password=(_PASSWORDS.secret_in(comment) or "") if name in samba else None,
        )
        for name, uid, comment in parse_accounts(text)
    }


def _numbers(view: View) -> Iterator[tuple[str, int]]:
    for name, spec in view.specs("user").items():
        if isinstance(spec, UserSpec) and spec.uid is not None:
            yield name, spec.uid
    for name, found in view.found("user").items():
        if isinstance(found, UserFound):
            yield name, found.uid


def _step(name: str, title: str, command: Command, undo: Command | None = None) -> RunStep:
    return RunStep(title=title, resource=f"user/{name}", command=command, undo=undo)


def _make_groups(name: str, wanted: UserSpec) -> Iterator[Step]:
    for group in wanted.groups:
        title, _, number = group.partition(":")
        gid = ("--gid", number) if number else ()
        # groupadd(8): 9 says that there is such a group already.
        command = change("groupadd", *gid, title, ok_codes=(0, 9))
        yield _step(name, f"Have a group {title}", command, _NOTHING)


def _names(groups: tuple[str, ...]) -> str:
    return ",".join(sorted(group.partition(":")[0] for group in groups))


def _make_account(name: str, wanted: UserSpec) -> RunStep:
    uid = ("--uid", str(wanted.uid)) if wanted.uid is not None else ()
    bare = ("--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin")
    groups = ("--user-group", "--groups", _names(wanted.groups))
    options = (*bare, *groups, "--comment", _PASSWORDS.mark, *uid)
    return _step(name, f"Make the account {name}", change("useradd", *options, name),
                 change("userdel", name))  # fmt: skip


def _correct(name: str, found: UserFound, wanted: UserSpec) -> Iterator[Step]:
    if wanted.uid is not None and wanted.uid != found.uid:
        raise RefusedError(
            f"User '{name}' has the number {found.uid}; with {wanted.uid} it would lose its files.",
            hint="Keep the number, or make a user with another name.",
            subject=f"user/{name}",
        )
    numbered = {group.partition(":")[0]: group for group in found.groups}
    for group in wanted.groups:
        title = group.partition(":")[0]
        if ":" in group and numbered.get(title, group) != group:
            raise RefusedError(
                f"Group '{title}' is {numbered[title]}, not {group}; files go by number.",
                hint="Keep the number, or name another group.",
                subject=f"user/{name}",
            )
    if _names(wanted.groups) != _names(found.groups):
        yield from _make_groups(name, wanted)
        yield _step(name, f"Put {name} into the groups {_names(wanted.groups)}",
                    change("usermod", "--groups", _names(wanted.groups), name),
                    change("usermod", "--groups", _names(found.groups), name))  # fmt: skip


def _remove(name: str, found: UserFound, view: View) -> Iterator[Step]:
    if found.password is not None:
        yield _PASSWORDS.take(name, found.password, view)
    groups = ("--groups", _names(found.groups)) if found.groups else ()
    again = ("useradd", "--no-create-home", "--home-dir", "/nonexistent", "--shell",
             "/usr/sbin/nologin", "--user-group", *groups, "--comment", _PASSWORDS.comment(found.password),
             "--uid", str(found.uid), name)  # fmt: skip
    yield _step(name, f"Remove the account {name}", change("userdel", name), change(*again))


KIND = UserKind()
