"""The bay of a disk that leaves is lit until the disk is pulled."""

from __future__ import annotations

import pytest

from agents.node.apply.handles import NodeProbe
from agents.node.care.lights import BayLights
from appliance.model.disk import Disk
from appliance.model.job import JobState
from tests.unit.care.node import CareNode

SLOT = "/sys/class/enclosure/0:0:8:0/Slot 03"


class Bay:
    """Bay 1 has a light, and the disk in it leaves by job 1."""

    def __init__(self, node: CareNode) -> None:
        self.node = node
        node.files.real(f"{SLOT}/device/block/sda").mkdir(parents=True)
        self.switch = node.files.real(f"{SLOT}/locate")
        self.switch.write_text("0\n")
        self.lights = BayLights(node.means, lambda: NodeProbe(node, node.files, tuple), node.files)
        plan = node.means.plan(node.now_seen, node.wanted)
        node.journal.save_plan(plan)
        self.job = node.journal.open_job(
            plan, (), who="tom", origin="local", confirmed=(), summary=""
        )

    @property
    def disk(self) -> Disk:
        found = self.node.now_seen.disk("ZSAS0000")
        assert found is not None
        return found

    def round(self) -> str:
        """What the switch says after a look."""
        assert self.lights.round(self.node.now_seen) is None
        return self.switch.read_text()[0]


@pytest.fixture
def bay(node: CareNode) -> Bay:
    return Bay(node)


def test_lit_until_the_disk_is_pulled(bay: Bay) -> None:
    bay.lights.light(bay.disk, bay.job)
    assert bay.round() == "1"
    bay.node.disk("ZSAS0000")["missing"] = True
    assert bay.round() == "0"
    assert [line for line in bay.node.audited() if line[1] == "disk_light_set"] == [
        ("replace", "disk_light_set", "disk/ZSAS0000")
    ] * 2
    assert list(bay.lights.findings()) == []


def test_dark_again_when_the_job_was_taken_back(bay: Bay) -> None:
    bay.lights.light(bay.disk, bay.job)
    for state in (JobState.RUNNING, JobState.UNDOING, JobState.UNDONE):
        bay.node.journal.move(bay.job, state)
    assert bay.round() == "0"


def test_where_there_is_no_light_nothing_happens(bay: Bay) -> None:
    bay.switch.unlink()
    bay.lights.light(bay.disk, bay.job)
    assert bay.node.audited() == []


def test_a_light_that_cannot_be_switched_is_told_once(bay: Bay) -> None:
    bay.lights.light(bay.disk, bay.job)
    bay.switch.unlink()
    bay.node.disk("ZSAS0000")["missing"] = True
    bay.lights.round(bay.node.now_seen)
    bay.lights.round(bay.node.now_seen)
    assert len(bay.node.audited()) == 2
