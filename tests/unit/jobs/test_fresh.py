"""A node that changed since the preview: what makes no difference is let through, all else named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appliance.errors import StaleError
from appliance.model.disk import Signature
from appliance.model.job import JobState
from appliance.model.plan import Plan
from appliance.model.resource import ActionRequest
from appliance.model.snapshot import NodeSnapshot
from tests.unit.jobs.node import Node
from tests.unit.jobs.sites import FULL, SMALL

# A killed thread ends by an exception that nobody catches; the jobs' states tell the rest.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

Seen = Callable[[NodeSnapshot], NodeSnapshot]


def holding(serial: str, signature: Signature) -> Seen:
    """A disk on which udev reads something only now."""

    def look(seen: NodeSnapshot) -> NodeSnapshot:
        disks = (
            disk.model_copy(update={"signatures": (signature,)}) if disk.serial == serial else disk
            for disk in seen.disks
        )
        return seen.model_copy(update={"disks": tuple(disks)})

    return look


def refused(node: Node, plan: Plan) -> str:
    number = len(node.journal.jobs())
    with pytest.raises(StaleError, match="no longer as it was when the plan was made") as raised:
        node.run(plan)
    assert len(node.journal.jobs()) == number
    assert raised.value.hint.startswith("Look at the plan again")
    return raised.value.message


class TestFits:
    @pytest.fixture
    def plan(self, node: Node) -> Plan:
        return node.preview(SMALL)

    def test_a_label_on_a_disk_that_is_not_in_the_plan(self, node: Node, plan: Plan) -> None:
        node.host.looks = holding("d4", Signature(type="xfs"))
        assert node.run(plan).state is JobState.DONE

    def test_a_disk_elsewhere_was_pulled(self, node: Node, plan: Plan) -> None:
        node.host.disks = ("d1", "d2", "d3")
        assert node.run(plan).state is JobState.DONE

    def test_something_else_cannot_be_read_at_the_moment(self, node: Node, plan: Plan) -> None:
        node.host.looks = lambda seen: seen.model_copy(update={"problems": ("d4: silent",)})
        assert node.run(plan).state is JobState.DONE

    def test_what_was_confirmed_for_a_job_stays_confirmed(self, node: Node) -> None:
        node.must(FULL)
        gone = node.preview({})
        node.kill_at = 4
        job = node.run(gone)
        node.crash()
        assert node.journal.job(job.number).state is JobState.UNKNOWN
        finish = node.jobs.finish(job.number)
        assert not finish.confirmations
        node.host.looks = holding("d4", Signature(type="xfs"))
        assert node.run(finish).state is JobState.DONE
        assert not node.host.formatted


class TestFitsNoLonger:
    def test_a_disk_it_takes_was_pulled(self, node: Node) -> None:
        plan = node.preview(SMALL)
        node.host.disks = ("d1", "d3", "d4")
        assert "Planned again it is refused: There is no disk d2." in refused(node, plan)

    def test_a_disk_it_takes_holds_something_now(self, node: Node) -> None:
        plan = node.preview(SMALL)
        node.host.looks = holding("d2", Signature(type="xfs"))
        told = refused(node, plan)
        assert "Planned again it is refused: The disk with bay 2 (serial d2) holds xfs." in told
        assert not node.host.ran

    @pytest.mark.parametrize(
        ("now", "told"),
        [
            (
                Signature(type="xfs"),
                "step 1 ('Erase the signatures of the disk with bay 4 (serial d4)') would be done",
            ),
            (
                Signature(type="ext4", label="other"),
                "on the disks it overwrites is not what it was",
            ),
        ],
        ids=["kind", "label"],
    )
    def test_a_disk_it_was_to_wipe_holds_something_else_now(
        self, node: Node, now: Signature, told: str
    ) -> None:
        node.host.looks = holding("d4", Signature(type="ext4"))
        plan = node.preview(action=ActionRequest(resource="disk/d4", verb="wipe"))
        node.host.looks = holding("d4", now)
        assert told in refused(node, plan)

    def test_a_step_was_done_by_somebody_else(self, node: Node) -> None:
        plan = node.preview(SMALL)
        node.host.formatted = {"d1": "tank"}
        told = refused(node, plan)
        assert "Planned again, step 1 would be 'Format d2', not 'Format d1'." in told

    def test_the_last_steps_were_done_by_somebody_else(self, node: Node) -> None:
        node.must(SMALL)
        plan = node.preview(SMALL | {"volume": {"images": {"pool": "tank"}}})
        node.host.volumes["images"] = ("tank", 1)
        assert f"Planned again it has 0 steps, not {len(plan.steps)}." in refused(node, plan)

    def test_somebody_elses_thing_has_come(self, node: Node) -> None:
        plan = node.preview(SMALL)
        node.host.volumes["alien"] = ("elsewhere", 1)
        told = refused(node, plan)
        assert "one more warning: volume/alien is on the node but not in the wish" in told
