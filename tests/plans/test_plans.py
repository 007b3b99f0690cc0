"""The one harness over all plan cases: this node and this wish -> these steps, or this refusal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agents.node.apply.walk import line_of
from appliance.errors import ApplianceError
from appliance.kinds.load import load_snapshot
from appliance.kinds.registry import all_kinds
from appliance.model.plan import Plan
from appliance.model.resource import ActionRequest
from appliance.planner.plan import make_plan
from appliance.planner.site import parse_site

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*/*.json"))
KEYS = {"title", "snapshot", "before", "after", "action", "steps", "error", "confirmations",
        "warnings", "notes", "claims"}  # fmt: skip
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


def plan_case(case: dict[str, Any]) -> Plan:
    kinds = all_kinds()
    action = case.get("action")
    return make_plan(
        kinds,
        load_snapshot(kinds, case["snapshot"]),
        parse_site(kinds, case.get("before", {})),
        parse_site(kinds, case.get("after", {})),
        ActionRequest.model_validate(action) if action else None,
        plan_id="p1",
        now=NOW,
    )


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_case(path: Path) -> None:
    case = json.loads(path.read_text())
    assert set(case) <= KEYS, "unknown key in the case"
    assert ("steps" in case) != ("error" in case), "a case expects steps or an error"
    if "error" in case:
        with pytest.raises(ApplianceError) as raised:
            plan_case(case)
        error = raised.value
        assert error.code == case["error"]["code"]
        said = " ".join((error.message, error.hint, *error.details))
        assert case["error"]["contains"] in said
        assert error.hint
        return
    plan = plan_case(case)
    shown = [
        {"title": step.title, "line": line_of(step), "destroys": step.destroys}
        for step in plan.steps
    ]
    wanted = [
        {key: step[key] for key in wish} for step, wish in zip(shown, case["steps"], strict=False)
    ]
    assert wanted == case["steps"][: len(shown)]
    assert [step["title"] for step in shown] == [step["title"] for step in case["steps"]]
    assert Plan.model_validate_json(plan.model_dump_json()).steps == plan.steps
    if "confirmations" in case:
        assert [item.token for item in plan.confirmations] == case["confirmations"]
    if "claims" in case:
        assert [item.serial for item in plan.claims] == case["claims"]
    for key, said_by_plan in (("warnings", plan.warnings), ("notes", plan.notes)):
        for words in case.get(key, ()):
            assert any(words in line for line in said_by_plan), said_by_plan


def test_every_kind_has_its_five_cases() -> None:
    wanted = {"create", "change", "remove", "noop", "refuse"}
    missing = {
        f"{type(kind).__module__.split('.')[-2]}.{type(kind).__module__.split('.')[-1]}: {case}"
        for kind in all_kinds().values()
        for case in wanted
        if not list(HERE.glob(".".join(type(kind).__module__.split(".")[-2:]) + f"/{case}*.json"))
    }
    assert not missing
