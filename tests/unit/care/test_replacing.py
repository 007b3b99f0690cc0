"""Which disk is being replaced now, by the plan of the job that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.node.handlers.replacing import replacing
from agents.node.watch.concerns import Replacing
from appliance.model.job import JobState
from appliance.model.resource import ActionRequest
from appliance.planner.spares import takeover
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


def test_the_disk_that_leaves_until_the_job_ends(node: CareNode) -> None:
    assert replacing(node.kinds, node.journal) == ()
    number = open_job(node, ActionRequest(resource="disk/3", verb="replace"))
    told = replacing(node.kinds, node.journal)
    assert told == (Replacing(number, "clinic", frozenset({"ZSAS0002"})),)
    node.journal.move(number, JobState.FAILED)
    assert replacing(node.kinds, node.journal) == ()


def test_any_other_change_is_no_replacement(node: CareNode) -> None:
    open_job(node, None)
    assert replacing(node.kinds, node.journal) == ()


def test_what_is_left_of_a_replacement_is_one(node: CareNode) -> None:
    asked = ActionRequest(resource="disk/3", verb="replace")
    number = open_job(node, asked)
    node.journal.move(number, JobState.FAILED)
    assert node.jobs.finish(number).asked == asked
