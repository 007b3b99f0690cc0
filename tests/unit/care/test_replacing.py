"""Which disk is being replaced now, by the plan of the job that runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agents.node.handlers.replacing import replacing
from agents.node.watch.concerns import MISSING, Replacing
from appliance.model.alert import Concern
from appliance.model.job import JobState
from appliance.model.resource import ActionRequest, Severity
from appliance.planner.spares import takeover
from appliance.state.alerts import Alerts
from tests.unit.care.node import CareNode


@pytest.fixture
def node(tmp_path: Path) -> Iterator[CareNode]:
    made = CareNode(tmp_path, "replace-by-spare")
    yield made
    made.close()


def open_job(node: CareNode, asked: ActionRequest | None) -> int:
    seen = node.now_seen
    old = seen.disk("ZSAS0002")
    assert old is not None
    plan = node.means.plan(seen, takeover(seen, node.wanted, old).wish.after, asked=asked)
    node.journal.save_plan(plan)
    return node.journal.open_job(
        plan, [""] * len(plan.steps), who="tom", origin="local", confirmed=(), summary=""
    )


def told_by(node: CareNode) -> tuple[Replacing, ...]:
    return replacing(node.kinds, node.journal, Alerts(node.store))


def test_the_disk_that_leaves_until_the_job_ends(node: CareNode) -> None:
    assert told_by(node) == ()
    number = open_job(node, ActionRequest(resource="disk/3", verb="replace"))
    assert told_by(node) == (Replacing(number, "clinic", frozenset({"ZSAS0002"})),)
    node.journal.move(number, JobState.FAILED)
    assert told_by(node) == ()


@pytest.mark.parametrize("ahead_s", [-60, 60])
def test_a_disk_lost_before_it_began_is_told(node: CareNode, ahead_s: float) -> None:
    number = open_job(node, ActionRequest(resource="disk/3", verb="replace"))
    begun = node.journal.job(number).created_at
    lost = Concern(
        cause=MISSING, subject="disk/ZSAS0003", serial="ZSAS0003", severity=Severity.CRITICAL,
        what="gone", next_step="Seat it again",
    )  # fmt: skip
    Alerts(node.store).sync((lost,), begun + timedelta(seconds=ahead_s), covers=lambda _: True)
    (told,) = told_by(node)
    assert told.lost == (frozenset({"ZSAS0003"}) if ahead_s < 0 else frozenset())


def test_any_other_change_is_no_replacement(node: CareNode) -> None:
    open_job(node, None)
    assert told_by(node) == ()


def test_what_is_left_of_a_replacement_is_one(node: CareNode) -> None:
    asked = ActionRequest(resource="disk/3", verb="replace")
    number = open_job(node, asked)
    node.journal.move(number, JobState.FAILED)
    assert node.jobs.finish(number).asked == asked
