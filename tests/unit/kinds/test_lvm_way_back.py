"""The way back of an LVM step removes what carries our tags, never whatever bears the name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.kinds.pool_parts import SPARE_MAKER
from appliance.model.command import Command
from appliance.model.names import selected, tag
from appliance.model.steps import RunStep
from tests.plans.test_plans import CASES, plan_case

LVM = [path for path in CASES if path.parent.name.startswith("storage.")]
OWN_NAMES = (SPARE_MAKER,)
"""Made for a moment, in a group of ours."""


def ways_back(path: Path) -> list[Command]:
    """The undo commands of a case that remove something by LVM."""
    case = json.loads(path.read_text())
    steps = plan_case(case).steps if "steps" in case else ()
    undos = [step.undo for step in steps if isinstance(step, RunStep) and step.undo]
    return [undo for undo in undos if undo.argv[0] in {"lvremove", "vgremove"}]


def test_there_are_some_of_each() -> None:
    found = {(undo.argv[0], path.parent.name) for path in LVM for undo in ways_back(path)}
    assert found >= {
        ("lvremove", "storage.lvm"), ("vgremove", "storage.lvm"), ("lvremove", "storage.volume"),
    }  # fmt: skip


@pytest.mark.parametrize("path", LVM, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_is_taken_back_carries_our_tags(path: Path) -> None:
    by_name = [
        undo.line()
        for undo in ways_back(path)
        if '_tags="appliance.' not in undo.line()
        and not any(f"lv_name={name}" in undo.line() for name in OWN_NAMES)
    ]
    assert not by_name


def test_all_tags_are_asked_for() -> None:
    words = selected("lv", "capacity", tag("tier", "capacity"), tag("role", "data"))
    assert words == (
        'lv_name=capacity && lv_tags="appliance.tier=capacity" && lv_tags="appliance.role=data"'
    )
