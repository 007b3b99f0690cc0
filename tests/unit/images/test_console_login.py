"""What a login on the machine's own screen begins with: the profile snippet, run by a real shell."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

RECIPE = Path(__file__).parents[3] / "images/recipe/tree"
SNIPPET = RECIPE / "etc/profile.d/appliance-console.sh"
pytestmark = pytest.mark.usefixtures("allow_processes", "allow_sockets")


def login(
    folder: Path, groups: str, *, tty: str = "/dev/ttyS0", uid: int = 1000, status: int = 0,
    interactive: bool = True, name: str = "mary",
) -> tuple[int, str]:  # fmt: skip
    """How the login went: the shell's exit status, and what was said and started."""
    stubs = {
        "id": f'case $1 in -u) echo {uid} ;; -un) echo {name} ;; *) echo "users {groups}" ;; esac',
        "tty": f"echo {tty}",
        "appliance-tui": f'echo "console $*"; exit {status}',
    }
    for command, body in stubs.items():
        stub = folder / command
        stub.write_text(f"#!/bin/sh\n{body}\n")
        stub.chmod(0o755)
    done = subprocess.run(
        ["sh", *(["-i"] if interactive else []), "-c", f". {SNIPPET}; echo a shell; exit 7"],
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_an_admin_gets_the_console_and_then_a_shell(tmp_path: Path) -> None:
    status, said = login(tmp_path, "appliance-admin")
    assert said.splitlines() == [
        "console --idle 15",
        "This is a shell. appliance-tui is the console again, exit logs out.",
        "a shell",
    ]
    assert status == 7


@pytest.mark.parametrize("role", ["technician", "auditor", "viewer"])
def test_others_are_logged_out_with_the_console(tmp_path: Path, role: str) -> None:
    assert login(tmp_path, f"appliance-{role}") == (0, "console --idle 15\n")


def test_the_login_of_a_new_machine_gets_no_shell(tmp_path: Path) -> None:
    assert login(tmp_path, "appliance-admin", name="setup") == (0, "console --idle 15\n")


def test_a_console_nobody_is_before_leaves_no_shell(tmp_path: Path) -> None:
    assert login(tmp_path, "appliance-admin", status=124) == (0, "console --idle 15\n")


def test_a_console_that_fails_leaves_the_admin_a_shell(tmp_path: Path) -> None:
    assert login(tmp_path, "appliance-admin", status=1)[1].endswith("a shell\n")


@pytest.mark.parametrize(
    "others",
    [{"uid": 0}, {"tty": "/dev/pts/0"}, {"groups": "sudo"}, {"interactive": False}],
    ids=["root", "ssh", "no role", "scp"],
)
def test_everybody_else_keeps_the_shell(tmp_path: Path, others: dict[str, object]) -> None:
    groups = str(others.pop("groups", "appliance-admin"))
    assert login(tmp_path, groups, **others) == (7, "a shell\n")  # type: ignore[arg-type]


def test_the_banner_is_found_by_agetty_and_kept_by_a_timer() -> None:
    link = RECIPE / "etc/issue.d/appliance.issue"
    script = (RECIPE / "usr/lib/appliance/banner").read_text()
    assert f"folder={link.readlink().parent}" in script
    assert os.access(RECIPE / "usr/lib/appliance/banner", os.X_OK)
    assert (
        "ExecStart=/usr/lib/appliance/banner"
        in (RECIPE / "etc/systemd/system/appliance-banner.service").read_text()
    )
    assert "appliance-banner.timer" in (RECIPE.parent / "configure.sh").read_text()
