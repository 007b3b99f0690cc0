"""Who calls, and from where: by what the kernel and logind write down."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.node.handlers.callers import (
    KNOWN_FOR_S,
    Caller,
    Callers,
    Peer,
    origin_of,
    system_groups,
)
from appliance.api.contract import JOB_START, STATUS, Role
from appliance.errors import ForbiddenError

SESSION = "0::/user.slice/user-1000.slice/session-12.scope\n"
REMOTE = "UID=1000\nREMOTE=1\nREMOTE_HOST=192.0.2.7\nSERVICE=sshd\nTYPE=tty\n"


def node(folder: Path, cgroup: str | bytes | None, session: str | bytes | None = None) -> Path:
    """A file system in which process 7 has this cgroup, and session 12 this record."""
    for name, text in (("proc/7/cgroup", cgroup), ("run/systemd/sessions/12", session)):
        if text is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


@pytest.mark.parametrize(
    ("cgroup", "session", "origin"),
    [
        (SESSION, REMOTE, "ssh from 192.0.2.7"),
        (SESSION, REMOTE.replace("192.0.2.7", "fe80::1%eth0"), "ssh from fe80::1%eth0"),
        (SESSION, "REMOTE=1\nSERVICE=sshd\n", "ssh from an unknown address"),
        (SESSION, "REMOTE=1\nSERVICE=cockpit\nREMOTE_HOST=h\n", "cockpit from h"),
        (SESSION, "REMOTE=1\nREMOTE_HOST=h\n", "remote from h"),
        (SESSION, "REMOTE=0\nSERVICE=login\nTTY=tty1\n", "local"),
        (SESSION, "", "local"),
        (SESSION, None, "local"),
        ("0::/user.slice/user-0.slice/session-c3.scope\n", None, "local"),
        ("0::/system.slice/ssh.service\n", None, "ssh"),
        ("0::/system.slice/system-ssh.slice/ssh@3-1.service\n", None, "ssh"),
        ("0::/system.slice/notssh.service\n", None, "local"),
        ("0::/system.slice/appliance-agent.service\n", None, "local"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service\n", None, "local"),
        ("", None, "local"),
        (None, None, "local"),
    ],
)
def test_where_a_login_came_from(
    tmp_path: Path, cgroup: str | None, session: str | None, origin: str
) -> None:
    assert origin_of(7, node(tmp_path, cgroup, session)) == origin


@pytest.mark.parametrize(
    "name", ["session-12.scope", "app.slice/session-12.scope", "ssh.service", "a/ssh@1.service"]
)
def test_a_group_a_user_made_is_no_login(tmp_path: Path, name: str) -> None:
    """systemd-run --user --unit=session-12.scope: a user names what is below user@UID.service."""
    cgroup = f"0::/user.slice/user-1000.slice/user@1000.service/{name}\n"
    assert origin_of(7, node(tmp_path, cgroup, REMOTE)) == "local"


def test_a_session_cannot_lead_to_another_file(tmp_path: Path) -> None:
    root = node(tmp_path, "0::/session-../../../etc/forged.scope\n")
    (root / "etc").mkdir()
    (root / "etc/forged").write_text(REMOTE)
    assert origin_of(7, root) == "local"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(session=st.one_of(st.text(max_size=60).map(str.encode), st.binary(max_size=60)))
def test_any_record_gives_an_origin(tmp_path: Path, session: bytes) -> None:
    assert origin_of(7, node(tmp_path, SESSION, session))


class TestRoles:
    def callers(self, *groups: str) -> Callers:
        return Callers(lambda uid, gid: ("ada", frozenset(groups)), clock=lambda: self.now)

    now = 0.0

    def role(self, callers: Callers, uid: int = 1000) -> frozenset[Role]:
        return callers.caller(Peer(os.getpid(), uid, uid)).roles

    def test_groups_give_roles_and_no_other_group_does(self) -> None:
        callers = self.callers("users", "appliance-viewer", "appliance-auditor", "appliance-x")
        assert self.role(callers) == {Role.VIEWER, Role.AUDITOR}

    def test_root_is_admin_whatever_its_groups(self) -> None:
        assert self.role(self.callers("appliance-viewer"), uid=0) == {Role.ADMIN}

    def test_a_role_that_was_taken_away_is_soon_gone(self) -> None:
        groups = {"appliance-admin"}
        callers = Callers(lambda uid, gid: ("ada", frozenset(groups)), clock=lambda: self.now)
        assert self.role(callers) == {Role.ADMIN}
        groups.clear()
        self.now = KNOWN_FOR_S - 1
        assert self.role(callers) == {Role.ADMIN}
        self.now = KNOWN_FOR_S
        assert self.role(callers) == frozenset()

    def test_what_a_role_may_not_is_told_with_who_may(self) -> None:
        viewer = Caller("vic", frozenset({Role.VIEWER}), "local")
        viewer.require(STATUS)
        with pytest.raises(ForbiddenError, match="not for viewer: it needs admin") as raised:
            viewer.require(JOB_START)
        assert "usermod -aG appliance-admin vic" in raised.value.hint

    def test_no_role_at_all_is_told_with_the_groups(self) -> None:
        with pytest.raises(ForbiddenError, match="'eve' has no role") as raised:
            Caller("eve", frozenset(), "local").require(STATUS)
        assert "appliance-viewer" in raised.value.hint


def test_an_account_that_does_not_exist_has_no_groups() -> None:
    assert system_groups(2**31 - 5, 2**31 - 5) == ("uid 2147483643", frozenset())


def test_this_users_groups_are_the_systems() -> None:
    name, groups = system_groups(0, 0)
    assert name == "root"
    assert "root" in groups
