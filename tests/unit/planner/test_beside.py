"""Which plans go side by side: every replacement there is a case for, and what is planned beside."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import RefusedError
from appliance.kinds.load import load_snapshot
from appliance.kinds.registry import all_kinds
from appliance.model.plan import Plan
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import WaitStep
from appliance.planner.beside import Scope, lets_others, touched
from appliance.planner.plan import make_plan
from appliance.planner.site import parse_site

CASES = Path(__file__).parents[2] / "plans/storage.lvm"
REPLACEMENTS = sorted(path.stem for path in CASES.glob("replace-*.json"))
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
KINDS = all_kinds()
VOLUME: dict[str, Any] = {
    "volume": {"new": {"pool": "clinic", "tier": "capacity", "size": "8 MiB"}}
}


def case(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text())
    return found


def planned(
    name: str, scope: Scope | None = None, more: dict[str, Any] | None = None, **seen: Any
) -> Plan:
    """The plan of a case; with a scope, the one made while the case's own job waits."""
    told = case(name)
    snapshot = load_snapshot(KINDS, told["snapshot"])
    before, after = (parse_site(KINDS, told[side]) for side in ("before", "after"))
    if scope is not None:
        before = after
        after = (*after, *parse_site(KINDS, more or {}))
    return make_plan(
        KINDS, snapshot.model_copy(update=seen), before, after, plan_id="p", now=NOW,
        scope=scope or Scope(),
    )  # fmt: skip


@pytest.mark.parametrize("name", REPLACEMENTS)
def test_a_replacement_lets_others_in_where_it_waits(name: str) -> None:
    plan = planned(name)
    waits = any(isinstance(step, WaitStep) for step in plan.steps)
    assert lets_others(plan) is waits
    assert {item.partition("/")[0] for item in touched(plan)} <= {"pool", "disk", "spare"}
    assert Plan.model_validate_json(plan.model_dump_json()).steps == plan.steps


@pytest.mark.parametrize("name", [name for name in REPLACEMENTS if lets_others(planned(name))])
def test_nothing_of_it_is_planned_beside_it(name: str) -> None:
    aside = touched(planned(name))
    plan = planned(name, Scope(aside=aside))
    assert plan.empty, [step.title for step in plan.steps]
    assert plan.confirmations == ()
    assert plan.notes == ("pool/clinic: left alone, for a job changes it and waits.",)
    assert set(plan.aside) == aside


def test_a_volume_beside_a_rebuild() -> None:
    plan = planned("replace-healthy", Scope(aside=touched(planned("replace-healthy"))), VOLUME)
    assert {step.resource for step in plan.steps} == {"volume/new"}
    assert not touched(plan) & set(plan.aside)


def test_no_volume_in_a_group_that_misses_the_disk_that_is_rebuilt() -> None:
    """LVM makes none until it has forgotten that disk, which comes after the rebuild."""
    aside = touched(planned("replace-missing"))
    with pytest.raises(RefusedError, match="Pool 'clinic' misses ZSAS0002") as raised:
        planned("replace-missing", Scope(aside=aside), VOLUME)
    assert "It is being replaced" in raised.value.hint
    whole = planned("replace-missing", Scope(), VOLUME)
    assert "volume/new" in touched(whole), "in the same job it comes after the replacement"


def test_the_progress_of_a_rebuild_changes_no_digest() -> None:
    def seen(**state: object) -> NodeSnapshot:
        told = case("replace-half-rebuilding")["snapshot"]
        for tier in told["found"]["pool"]["clinic"]["tiers"].values():
            tier.update(state)
        return load_snapshot(KINDS, told)

    moves = ({"sync_percent": 12.5, "sync_action": "recover"}, {"sync_percent": 99.9},
             {"data_percent": 80.0, "health": "refresh needed"})  # fmt: skip
    assert len({seen(**state).digest() for state in moves}) == 1


def test_what_makes_other_things_too_lets_nobody_in() -> None:
    assert not lets_others(planned("replace-healthy", Scope(), VOLUME))
    replace = planned("replace-healthy")
    assert not lets_others(replace.model_copy(update={"before": ()})), "a pool that is made"
    assert not lets_others(replace.model_copy(update={"after": ()})), "a pool that goes"
    calm = tuple(step for step in replace.steps if not isinstance(step, WaitStep))
    assert not lets_others(replace.model_copy(update={"steps": calm})), "nothing is waited for"


def test_disks_that_are_overwritten_and_wishes_that_change_are_touched() -> None:
    plan = planned("replace-healthy")
    claimed = {f"disk/{serial}" for step in plan.steps for serial in step.claims}
    assert claimed
    assert claimed <= touched(plan)
    idle = plan.model_copy(update={"steps": ()})
    assert touched(idle) == {"pool/clinic"}


def test_a_scope() -> None:
    assert Scope().covers("pool/a")
    assert not Scope(aside=frozenset({"pool/a"})).covers("pool/a")
    own = Scope(only=frozenset({"pool/a"}))
    assert own.covers("pool/a")
    assert not own.covers("share/a")
