"""Bays whose disks are to be pulled are lit, and dark again when the reason is over."""

from __future__ import annotations

import pytest

from agents.node.apply.handles import NodeProbe
from agents.node.care.lights import BayLights
from appliance.model.disk import Disk
from appliance.model.job import JobState
from appliance.model.light import Lamp
from tests.unit.care.node import CareNode

SLOT = "/sys/class/enclosure/0:0:8:0/Slot 03"
SERIAL = "ZSAS0000"


class Bay:
    """Bay 1 has both lights; the disk in it is a member of the pool."""

    def __init__(self, node: CareNode) -> None:
        self.node = node
        node.files.real(f"{SLOT}/device/block/sda").mkdir(parents=True)
        for lamp in Lamp:
            node.files.real(f"{SLOT}/{lamp}").write_text("0\n")
        plan = node.means.plan(node.now_seen, node.wanted)
        node.journal.save_plan(plan)
        self.job = node.journal.open_job(
            plan, (), who="tom", origin="local", confirmed=(), summary=""
        )
        self.restart()

    def restart(self) -> None:
        """The agent begins anew; the enclosure keeps its lights."""
        node = self.node
        self.lights = BayLights(
            node.means, node.book, lambda: NodeProbe(node, node.files, tuple), node.files, node
        )

    @property
    def disk(self) -> Disk:
        found = self.node.now_seen.disk(SERIAL)
        assert found is not None
        return found

    def fails(self) -> None:
        self.node.verdicts.hear(SERIAL, "kernel-raid-dropped", 1, "Disk failure on dm-3")

    def goes(self) -> None:
        """The kernel takes the disk away, and nothing leads from it to its bay any more."""
        self.node.disk(SERIAL)["missing"] = True
        self.node.files.real(f"{SLOT}/device/block/sda").rmdir()

    def round(self) -> dict[Lamp, str]:
        """What the switches say after a look."""
        assert self.lights.round(self.node.now_seen) is None
        return {lamp: self.node.files.real(f"{SLOT}/{lamp}").read_text()[0] for lamp in Lamp}

    def noted(self) -> list[str]:
        lines = self.node.audit.page(100)
        return [line.outcome.partition(" (")[0] for line in lines if line.who == "light"][::-1]


DARK = {Lamp.LOCATE: "0", Lamp.FAULT: "0"}
FAULT = {Lamp.LOCATE: "0", Lamp.FAULT: "1"}
BOTH = {Lamp.LOCATE: "1", Lamp.FAULT: "1"}


@pytest.fixture
def bay(node: CareNode) -> Bay:
    return Bay(node)


def test_a_disk_that_leaves_is_shown_until_it_is_pulled(bay: Bay) -> None:
    assert bay.round() == DARK
    bay.lights.light(bay.disk, bay.job)
    assert bay.round() == BOTH
    bay.node.disk(SERIAL)["missing"] = True
    assert bay.round() == FAULT, "it is a member that does not answer now"
    bay.node.snapshot["disks"].remove(bay.node.disk(SERIAL))
    assert bay.round() == DARK
    assert bay.noted() == [
        "locate light lit", "fault light lit", "locate light dark", "fault light dark",
    ]  # fmt: skip
    assert list(bay.lights.findings()) == []


def test_dark_again_when_the_job_was_taken_back(bay: Bay) -> None:
    bay.lights.light(bay.disk, bay.job)
    for state in (JobState.RUNNING, JobState.UNDOING, JobState.UNDONE):
        bay.node.journal.move(bay.job, state)
    assert bay.round() == DARK


def test_the_fault_light_shines_while_a_disk_fails(bay: Bay) -> None:
    bay.fails()
    assert bay.round() == FAULT
    assert bay.round() == FAULT
    bay.node.verdicts.moved(SERIAL)
    assert bay.round() == DARK
    assert bay.noted() == ["fault light lit", "fault light dark"]


def test_a_disk_that_only_may_fail_is_no_fault(bay: Bay) -> None:
    bay.node.verdicts.hear(SERIAL, "kernel-medium-errors", 3, "critical medium error, dev sda")
    assert bay.round() == DARK


def test_a_member_that_does_not_answer_is_shown_where_it_was_last(bay: Bay) -> None:
    assert bay.round() == DARK
    bay.goes()
    assert bay.round() == FAULT
    missing = bay.disk
    lit = bay.lights.lit(missing, Lamp.FAULT)
    assert lit is not None
    assert (lit.available, lit.on) == (True, True)
    assert bay.lights.lit(missing, Lamp.LOCATE) is None


def test_what_was_lit_is_put_out_after_a_restart_too(bay: Bay) -> None:
    bay.lights.light(bay.disk, bay.job)
    bay.fails()
    assert bay.round() == BOTH
    bay.restart()
    assert bay.round() == BOTH
    bay.node.snapshot["disks"].remove(bay.node.disk(SERIAL))
    bay.restart()
    assert bay.round() == DARK


def test_a_bay_stays_lit_when_the_next_disk_in_it_fails_as_well(bay: Bay) -> None:
    assert bay.round() == DARK
    bay.node.disk(SERIAL)["missing"] = True
    assert bay.round() == FAULT
    new = {**bay.node.disk(SERIAL), "serial": "NEW", "missing": False, "node": "sda"}
    bay.node.snapshot["disks"] += [new]
    bay.node.verdicts.hear("NEW", "kernel-raid-dropped", 1, "Disk failure on dm-3")
    assert bay.round() == FAULT
    bay.node.snapshot["disks"].remove(bay.node.disk(SERIAL))
    assert bay.round() == FAULT


def test_where_there_is_no_light_nothing_happens(bay: Bay) -> None:
    for lamp in Lamp:
        bay.node.files.real(f"{SLOT}/{lamp}").unlink()
    bay.fails()
    bay.lights.light(bay.disk, bay.job)
    bay.lights.round(bay.node.now_seen)
    assert bay.noted() == []


def test_a_light_that_cannot_be_switched_is_told_once(bay: Bay) -> None:
    bay.lights.light(bay.disk, bay.job)
    bay.node.files.real(f"{SLOT}/{Lamp.LOCATE}").unlink()
    bay.node.disk(SERIAL)["missing"] = True
    bay.lights.round(bay.node.now_seen)
    bay.lights.round(bay.node.now_seen)
    assert bay.noted()[2:] == ["not locate light dark"]
