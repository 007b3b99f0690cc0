"""What looks tell of how full the tiers are, and what the status makes of it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from agents.node.handlers.filling import note_fills, runways
from appliance.api import contract as api
from appliance.kinds.load import load_snapshot
from appliance.kinds.registry import all_kinds
from appliance.model.capacity import Pace
from appliance.model.pool import PoolFound, TierFound
from appliance.model.snapshot import NodeSnapshot
from tests.contract.conftest import Agent

CAPTURED = Path(__file__).parents[2] / "hardware-profiles/lab-12bay/captures/snapshot.json"


def seen(percent: float, days: float) -> NodeSnapshot:
    """The recorded node, its tiers so full, so many days later."""
    snapshot = load_snapshot(all_kinds(), json.loads(CAPTURED.read_text()))
    found = {}
    for name, pool in snapshot.found["pool"].items():
        assert isinstance(pool, PoolFound)
        filled = {"data_percent": percent}
        tiers = {tier: state.model_copy(update=filled) for tier, state in pool.tiers.items()}
        found[name] = pool.model_copy(update={"tiers": tiers})
    at = snapshot.taken_at + timedelta(days=days)
    return snapshot.model_copy(update={"found": {**snapshot.found, "pool": found}, "taken_at": at})


def test_a_tier_that_fills_tells_how_long_it_lasts(agent: Agent) -> None:
    context = agent.context
    shift = (context.now() - seen(0, 0).taken_at) / timedelta(days=1)
    now = seen(20, shift)
    assert {item.pace for item in runways(context, now)} == {Pace.UNKNOWN}
    for day in range(11):
        note_fills(context.fills, seen(10 + day, shift - 10 + day))
    found = runways(context, now)
    assert found
    assert all(item.pace is Pace.FILLING and 79 < (item.days or 0) < 81 for item in found)


def test_a_tier_that_is_no_thin_pool_yet_has_no_runway(agent: Agent) -> None:
    snapshot = seen(10, 0)
    bare = {
        name: pool.model_copy(update={"tiers": dict.fromkeys(pool.tiers, TierFound())})
        for name, pool in snapshot.found["pool"].items()
        if isinstance(pool, PoolFound)
    }
    assert bare
    found = {**snapshot.found, "pool": bare}
    assert not runways(agent.context, snapshot.model_copy(update={"found": found}))
    assert agent.client().call(api.STATUS).runways == ()
