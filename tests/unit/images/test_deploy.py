"""Code into a node: what differs and nothing else, by the very shell lines a node runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from typing_extensions import override

from images.cache import REPO
from images.deploy import PROFILES, code_of, deploy
from images.run import Ran
from images.ssh import Ssh
from images.verbs import Verbs, shell_line

pytestmark = pytest.mark.usefixtures("allow_processes", "allow_sleep")


class Here(Verbs):
    """A node that is this machine."""

    @property
    @override
    def name(self) -> str:
        return "here"

    @property
    @override
    def ssh(self) -> Ssh:
        raise AssertionError

    @override
    def execute(self, *words: str, timeout_s: float = 120, stdin: bytes | None = None) -> Ran:
        done = subprocess.run(
            ["sh", "-c", shell_line(words)], input=stdin or b"", capture_output=True, check=False
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A site-packages in which somebody else's package and our empty houses stand."""
    folder = tmp_path / "site packages"
    for name in ("appliance", "agents", "tui", "pydantic"):
        (folder / name).mkdir(parents=True)
    (folder / "pydantic/main.py").write_text("theirs")
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A working tree."""
    for name, text in {
        "appliance/a.py": "a = 1",
        "appliance/kinds/b.py": "b = 1",
        "appliance/__pycache__/a.cpython-311.pyc": "ours",
        "agents/c.py": "c = 1",
        "tui/d.py": "",
        "hardware-profiles/x/profile.toml": "x = 1",
        "images/no.py": "",
    }.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "tree"


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_only_what_differs_goes_in(place: Path, tree: Path) -> None:
    everything = {"appliance/a.py": "a = 1", "appliance/kinds/b.py": "b = 1", "agents/c.py": "c = 1",
                  "tui/d.py": "", f"{PROFILES}/x/profile.toml": "x = 1"}  # fmt: skip
    assert set(deploy(Here(), code_of(tree), str(place))) == set(everything)
    assert files(place) == everything | {"pydantic/main.py": "theirs"}
    kept = place / "appliance/kinds/b.py"
    before = kept.stat()
    (tree / "appliance/a.py").write_text("a = 2")
    assert deploy(Here(), code_of(tree), str(place)) == ("appliance/a.py",)
    assert (place / "appliance/a.py").read_text() == "a = 2"
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert deploy(Here(), code_of(tree), str(place)) == ()


def test_what_is_gone_leaves_no_package_behind(place: Path, tree: Path) -> None:
    deploy(Here(), code_of(tree), str(place))
    compiled = place / "appliance/kinds/__pycache__"
    compiled.mkdir()
    (compiled / "b.cpython-313.pyc").write_text("compiled")
    (tree / "appliance/kinds/b.py").unlink()
    assert deploy(Here(), code_of(tree), str(place)) == ("appliance/kinds/b.py",)
    assert not (place / "appliance/kinds").exists()
    assert (place / "appliance/a.py").exists()


def test_this_trees_code_is_found_with_its_profiles() -> None:
    code = code_of(REPO)
    assert {"appliance/errors.py", "agents/node/main.py"} < set(code)
    assert f"{PROFILES}/lab-12bay/profile.toml" in code
    assert not [name for name in code if "__pycache__" in name]
