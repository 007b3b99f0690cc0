"""Everything we would ask for in a review is a test; make check and CI run the same commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SCRIPTS = sorted(str(path) for path in [ROOT / "images/setup", ROOT / ".ci/run"]) + sorted(
    str(path) for path in (ROOT / "images/recipe").rglob("*.sh")
)

CHECKS = {
    "ruff-format": ["ruff", "format", "--check", "."],
    "ruff-check": ["ruff", "check", "."],
    "mypy": ["mypy"],
    "import-walls": ["lint-imports", "--no-logo"],
    "vulture": ["vulture"],
    "codespell": ["codespell", "appliance", "agents", "tui", "images", "tests", "README.md"],
    "deptry": ["deptry", "appliance", "agents", "tui", "images"],
    "shellcheck": ["shellcheck", *SCRIPTS],
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CHECKS)
def test_linter(name: str) -> None:
    program, *arguments = CHECKS[name]
    done = subprocess.run(
        [str(BIN / program), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{name}\n{done.stdout[-6000:]}{done.stderr[-2000:]}"
