"""No command that changes LVM is killed for being slow: halfway through, it leaves a pool unusable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.model.command import Command, Effect
from appliance.model.steps import RunStep
from tests.plans.test_plans import CASES, plan_case

STORAGE = [path for path in CASES if path.parent.name.startswith("storage.")]
LVM = ("lv", "vg", "pv")
HOUR_S = 3600


def commands(path: Path) -> list[Command]:
    case = json.loads(path.read_text())
    steps = plan_case(case).steps if "steps" in case else ()
    runs = [step for step in steps if isinstance(step, RunStep)]
    return [command for run in runs for command in (run.command, run.undo) if command]


@pytest.mark.parametrize("path", STORAGE, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_lvm_has_hours(path: Path) -> None:
    hasty = [
        command.line()
        for command in commands(path)
        if command.argv[0].startswith(LVM)
        and command.effect is Effect.CHANGE
        and command.timeout_s < HOUR_S
    ]
    assert not hasty
