"""An account: a person who logs in to look after the node, with one of the four roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from typing_extensions import override

from appliance.errors import InvalidInputError, RefusedError
from appliance.kinds.accounts import parse_accounts, parse_groups
from appliance.kinds.base import Change, Kind, Needs, Probe, View
from appliance.kinds.passwords import Passwords
from appliance.model.command import Command, SecretInput, read
from appliance.model.command import change as changing
from appliance.model.identity import SETUP_LOGIN, AccountFound, AccountSpec, Role
from appliance.model.names import STATE_DIR
from appliance.model.resource import Finding, Severity
from appliance.model.steps import RemoveFileStep, RunStep, Step, WriteFileStep

KEYS_DIR: Final = "/etc/ssh/appliance"
"""One file of keys an account; sshd_config.d/appliance.conf names it (AuthorizedKeysFile)."""
HOMES: Final = f"{STATE_DIR}/home"
"""Not /home, which the agent's unit cannot see (ProtectHome=)."""

_PEOPLE: Final = range(1000, 60000)
"""Numbers of ordinary accounts (Debian policy 9.2.2)."""
_NOTHING: Final = changing("true")
"""The way back of a step whose traces go with the account, or do no harm."""


def _set_password(name: str, secret: str) -> Command:
    return changing("chpasswd", stdin=SecretInput(name=secret, template=f"{name}:{{secret}}\n"))


def _lock(name: str) -> Command:
    return changing("usermod", "--lock", name)


_PASSWORDS: Final = Passwords(
    noun="account",
    mark="appliance account",
    given="a password",
    taken="the password",
    word="password",
    setting=_set_password,
    forgetting=_lock,
)


class AccountKind(Kind[AccountSpec, AccountFound]):
    """Unix accounts in the group of their role; other accounts are seen, never touched."""

    noun = "account"
    title = "a person who logs in to look after the node, in one of its roles"
    rank = 6
    spec_type = AccountSpec
    found_type = AccountFound
    needs = Needs(packages=frozenset({"passwd"}))
    verbs: ClassVar[Mapping[str, str]] = {
        "set-password": "set the password again, after its secret was changed"
    }
    columns: ClassVar[tuple[str, ...]] = ("role", "uid", "password")

    @override
    def observe(self, probe: Probe) -> Mapping[str, AccountFound]:
        """Who may log in: ours with their keys, root, and whoever else is a person or has a role.
        The node's own accounts are seen by kind user."""
        groups = parse_groups(probe.read_text("/etc/group") or "")
        found = {}
        for name, uid, comment in parse_accounts(probe.read_text("/etc/passwd") or ""):
            ours, role = comment.startswith(_PASSWORDS.mark), role_in(groups.get(name, ()))
            if not (ours or role or uid == 0 or uid in _PEOPLE):
                continue
            found[name] = AccountFound(
                uid=uid,
                ours=ours,
                role=role,
                keys=parse_keys(probe.read_text(keys_path(name)) or "") if ours else (),
                password=_PASSWORDS.secret_in(comment),
                open=name == SETUP_LOGIN and _is_open(probe),
            )
        return found

    @override
    def resolve(self, name: str, spec: AccountSpec, view: View) -> AccountSpec:
        """Check the secret, and that no share user has the name."""
        subject = f"account/{name}"
        if spec.password is not None:
            view.require_secret(spec.password, subject)
        if name in view.specs("user"):
            raise InvalidInputError(
                f"'{name}' is a share user already, who cannot log in.",
                hint="Choose another name for one of them.",
                subject=subject,
            )
        return spec

    @override
    def plan(self, change: Change[AccountSpec, AccountFound], view: View) -> Iterator[Step]:
        """Account, role, keys and password, each where it differs."""
        name, found, wanted = change.name, change.found, change.wanted
        taken = name in view.found("user") if found is None else not found.ours
        if taken:
            if wanted is None:
                return
            raise RefusedError(
                f"'{name}' is an account that was not made here, so it is left alone.",
                hint="Choose another name.",
                subject=f"account/{name}",
            )
        if found is not None and found.role is Role.ADMIN:
            _keep_an_admin(name, wanted, view)
        if wanted is None:
            if found is not None:
                yield from _remove(name, found)
            return
        yield from _make_or_correct(name, found, wanted)
        earlier = found.password if found else None
        yield from _PASSWORDS.steps(name, earlier, wanted.password, view)
        if name == _first_admin(view):
            yield from _close_setup(name, view)

    @override
    def act(
        self, verb: str, name: str, arguments: Mapping[str, object], view: View
    ) -> Iterator[Step]:
        """Set the password again: nobody can see on the node which value it was set from."""
        spec = view.specs("account").get(name)
        if verb != "set-password":
            yield from super().act(verb, name, arguments, view)
        else:
            secret = spec.password if isinstance(spec, AccountSpec) else None
            yield _PASSWORDS.set_again(name, secret, view)

    @override
    def health(self, name: str, found: AccountFound) -> tuple[Finding, ...]:
        """An account of ours that has lost its role can log in and do nothing; and who stands at
        a new machine is its administrator."""
        if found.open:
            return (_new_machine(name),)
        if not found.ours or found.role is not None:
            return ()
        return (
            Finding(
                severity=Severity.WARNING,
                subject=f"account/{name}",
                what=f"Account {name} has no role any more, so it may do nothing.",
                next_step="Apply the spec again: appliance site > site.toml; appliance apply site.toml",
            ),
        )

    @override
    def foreign(self, name: str, found: AccountFound) -> bool:
        """Accounts of the node itself, share users, and those made by hand."""
        return not found.ours


def keys_path(name: str) -> str:
    """Where sshd finds an account's keys."""
    return f"{KEYS_DIR}/{name}"


def role_in(groups: tuple[str, ...]) -> Role | None:
    """The most powerful role that these groups (name:gid) give."""
    names = {group.partition(":")[0] for group in groups}
    return next((role for role in Role if role.group in names), None)


def parse_keys(text: str) -> tuple[str, ...]:
    """The keys of an authorized_keys file (sshd(8)), without comments."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _keep_an_admin(name: str, wanted: AccountSpec | None, view: View) -> None:
    """Raises RefusedError when the wish leaves no account that may change it again."""
    if wanted is not None and wanted.role is Role.ADMIN:
        return
    specs = view.specs("account").values()
    if not any(isinstance(spec, AccountSpec) and spec.role is Role.ADMIN for spec in specs):
        raise RefusedError(
            f"'{name}' is the last account with the role admin; without it nobody could change "
            "anything any more.",
            hint="Make another admin first: appliance account create NAME --role admin --keys KEY",
            subject=f"account/{name}",
        )


def _is_open(probe: Probe) -> bool:
    """passwd(1): NP stands for no password."""
    return probe.run(read("passwd", "--status", SETUP_LOGIN)).stdout.split()[1:2] == ["NP"]


def _new_machine(name: str) -> Finding:
    return Finding(
        severity=Severity.INFO,
        subject=f"account/{name}",
        what=f"Who stands at this machine's own screen can set it up: {name} logs in without a password.",
        next_step="Make an administrator, by the first boot or: appliance account create NAME "
        "--role admin --password SECRET",
    )


def _first_admin(view: View) -> str:
    specs = view.specs("account").items()
    admins = (
        name
        for name, spec in specs
        if isinstance(spec, AccountSpec)
        and spec.role is Role.ADMIN
        and (spec.keys or spec.password)
    )
    return min(admins, default="")


def _close_setup(name: str, view: View) -> Iterator[Step]:
    """Locked, not removed: whoever sets the machine up is logged in with it just now."""
    found = view.found("account").get(SETUP_LOGIN)
    if isinstance(found, AccountFound) and found.open:
        lock, back = ("usermod", "--lock", SETUP_LOGIN), ("passwd", "--delete", SETUP_LOGIN)
        title = f"Close the login {SETUP_LOGIN} of the first boot: {name} is administrator now"
        yield _step(name, title, changing(*lock), changing(*back))


def _step(name: str, title: str, command: Command, undo: Command | None = None) -> RunStep:
    return RunStep(title=title, resource=f"account/{name}", command=command, undo=undo)


def _make_or_correct(name: str, found: AccountFound | None, wanted: AccountSpec) -> Iterator[Step]:
    if found is None:
        yield _make(name, wanted.role)
    elif found.role is not wanted.role:
        title = f"Give {name} the role {wanted.role}"
        yield _step(name, title, _into(name, wanted.role), _into(name, found.role))
    if (found.keys if found else ()) != wanted.keys:
        yield _write_keys(name, wanted.keys)


def _make(name: str, role: Role) -> RunStep:
    home = ("--create-home", "--home-dir", f"{HOMES}/{name}", "--shell", "/bin/bash")
    options = (*home, "--user-group", "--groups", role.group, "--comment", _PASSWORDS.mark)
    return _step(
        name,
        f"Make the account {name} with the role {role}",
        changing("useradd", *options, name),
        changing("userdel", "--remove", name),
    )


def _into(name: str, role: Role | None) -> Command:
    return changing("usermod", "--groups", role.group if role else "", name)


def _write_keys(name: str, keys: tuple[str, ...]) -> Step:
    title, path = f"Write down the SSH keys of {name}", keys_path(name)
    if not keys:
        return RemoveFileStep(
            title=f"Take the SSH keys from {name}", resource=f"account/{name}", path=path
        )
    # sshd reads the file as the account itself, so it may be read by all.
    return WriteFileStep(
        title=title,
        resource=f"account/{name}",
        path=path,
        content="".join(f"{key}\n" for key in keys),
        mode=0o644,
    )


def _remove(name: str, found: AccountFound) -> Iterator[Step]:
    """Keys first, so that nobody comes back in between; the home stays, for it may hold work."""
    if found.keys:
        yield _write_keys(name, ())
    # pkill(1): 1 says that none ran. userdel(8) refuses an account that is logged in.
    end = changing("pkill", "--signal", "KILL", "--uid", str(found.uid), ok_codes=(0, 1))
    yield _step(name, f"End the sessions of {name}", end, _NOTHING)
    groups = ("--groups", found.role.group) if found.role else ()
    again = ("useradd", "--no-create-home", "--home-dir", f"{HOMES}/{name}", "--shell", "/bin/bash",
             "--user-group", *groups, "--comment", _PASSWORDS.mark, "--uid", str(found.uid), name)  # fmt: skip
    undo = None if found.password else changing(*again)
    yield _step(name, f"Remove the account {name}", changing("userdel", name), undo)


KIND = AccountKind()
