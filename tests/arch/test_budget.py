"""The size budget and the rules a linter has no word for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from appliance.kinds.registry import all_kinds

ROOT = Path(__file__).parents[2]
HOUSES = ("appliance", "agents", "tui", "images")
SOURCES = sorted(path for house in HOUSES for path in (ROOT / house).rglob("*.py"))
ROOMS = sorted(
    {
        path.parent
        for path in SOURCES
        if path.parent != ROOT and any(item.suffix == ".py" for item in path.parent.iterdir())
    }
)
MODULE_WALL = 500
FUNCTION_WALL = 60
README_WALL = 40


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_module_and_functions_within_budget(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MODULE_WALL
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_WALL, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_public_things_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text())
    if path.name != "__init__.py":
        assert ast.get_docstring(tree), "the module has no docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_names_say_what_a_module_is_for(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


TOP_ROOMS = sorted(
    path
    for path in [
        *(ROOT / "appliance").iterdir(),
        *(ROOT / "agents").iterdir(),
        *(ROOT / "agents/node").iterdir(),
        ROOT / "tui",
        ROOT / "images",
        ROOT / "hardware-profiles",
        ROOT / "tests/lab",
    ]
    if path.name != "__pycache__"
    and path.is_dir()
    and any(item.name != "__init__.py" for item in path.glob("*.*"))
)


@pytest.mark.parametrize("room", TOP_ROOMS, ids=_id)
def test_each_room_has_a_short_readme(room: Path) -> None:
    readme = room / "README.md"
    assert readme.exists(), f"{_id(room)} has no README.md"
    assert len(readme.read_text().splitlines()) <= README_WALL


@pytest.mark.parametrize("noun", list(all_kinds()))
def test_each_kind_has_its_plan_cases(noun: str) -> None:
    module = type(all_kinds()[noun]).__module__.split(".")
    folder = ROOT / "tests/plans" / ".".join(module[-2:])
    missing = {"create", "change", "remove", "noop", "refuse"} - {
        path.stem.split("-")[0] for path in folder.glob("*.json")
    }
    assert not missing, f"{folder} lacks {sorted(missing)}"
