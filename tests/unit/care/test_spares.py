"""A spare takes a lost disk's place by itself, once it is clear that the disk is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agents.node.care.spares import GRACE_S, RETRY_S, Spares
from appliance.errors import StepFailedError
from appliance.model.command import Command, Output
from appliance.model.disk import Disk
from appliance.model.job import JobState
from appliance.model.pool import PoolSpec
from appliance.model.resource import Severity
from appliance.model.verdict import Confidence, Grade, Part, Verdict
from tests.unit.care.node import CASES, GIB, CareNode

TOOK = (
    "the spare in bay 11 (serial ZNEW0001) took the place of the disk in "
    "bay 3 (serial ZSAS0002) in pool clinic"
)
DELTAG = "--deltag appliance.spare=ZNEW0001"


class Ward:
    """A raid6 that has lost bay 3, a spare in bay 11, and the care of both."""

    def __init__(self, node: CareNode) -> None:
        self.node = node
        self.taken: list[str] = []
        self.spares = Spares(node.means, node.book, lambda: node.seconds, self.take)
        node.turns_into[DELTAG] = taken_over()

    def take(self, lost: Disk, job: int) -> None:
        self.taken.append(f"{lost.serial} of {lost.pool} by job {job}")

    def round(self) -> float | None:
        return self.spares.round(self.node.now_seen)

    def lasts(self) -> None:
        """The loss lasts as long as a spare waits."""
        assert self.round() == GRACE_S
        self.node.passes(seconds=GRACE_S)

    def told(self) -> list[tuple[str, Severity, str]]:
        return [(item.cause, item.severity, item.what) for item in self.spares.findings()]

    def next_step(self) -> str:
        (finding,) = self.spares.findings()
        return finding.next_step

    @property
    def pool(self) -> PoolSpec:
        (spec,) = (item.spec for item in self.node.wanted if item.kind == "pool")
        assert isinstance(spec, PoolSpec)
        return spec


def taken_over() -> dict[str, Any]:
    """The node once the spare is a member and the lost disk is forgotten."""
    text = (CASES / "noop-bays.json").read_text().replace("ZSAS0002", "ZNEW0001")
    text = text.replace("0x5000c50012340008", "0x5000c500aa000000")
    snapshot: dict[str, Any] = json.loads(text)["snapshot"]
    for disk in snapshot["disks"]:
        if disk["serial"] == "ZNEW0001":
            disk["bay"] = "11"
    return snapshot


def blank(serial: str, bay: str, **more: object) -> dict[str, Any]:
    plain = {"transport": "sas", "medium": "hdd", "node": f"sd{serial.lower()}", "size": GIB}
    return {"serial": serial, "bay": bay, **plain, **more}


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    node = CareNode(tmp_path, "replace-by-spare")
    yield Ward(node)
    node.close()


def test_a_disk_that_is_seated_again_needs_no_spare(ward: Ward) -> None:
    assert ward.round() == GRACE_S
    ward.node.passes(seconds=GRACE_S - 1)
    assert ward.round() == 1
    ward.node.disk("ZSAS0002")["missing"] = False
    ward.node.passes(seconds=1)
    assert ward.round() is None
    ward.node.disk("ZSAS0002")["missing"] = True
    assert ward.round() == GRACE_S
    assert ward.node.at_rest() == []


def test_a_spare_takes_over_is_told_and_another_disk_becomes_the_spare(ward: Ward) -> None:
    node = ward.node
    ward.lasts()
    ward.round()
    (job,) = node.at_rest()
    assert (job.state, job.who, job.error) == (JobState.DONE, "spare", "")
    assert any("lvconvert --yes --repair" in line for line in node.ran)
    assert node.audited()[0] == ("spare", "apply", f"job/{job.number}")
    assert ward.taken == [f"ZSAS0002 of clinic by job {job.number}"]
    assert ward.pool.capacity
    assert ward.pool.capacity.disks[2] == "ZNEW0001"
    assert ward.told() == [
        (
            "spare-took-over",
            Severity.WARNING,
            TOOK,
        )
    ]
    assert ward.next_step() == (
        "Pull the disk in bay 3 (serial ZSAS0002) and put a blank one of its kind into bay 3; "
        "that one becomes the spare."
    )
    assert ward.round() is None
    node.snapshot["disks"].append(blank("FRESH", "3"))
    ward.round()
    assert len(node.at_rest()) == 2
    assert node.ran[-1] == "vgchange --addtag appliance.spare=FRESH vg_clinic"
    assert ward.pool.spares == ("FRESH",)
    ward.round()
    assert ward.told() == []
    assert len(node.at_rest()) == 2


@pytest.mark.parametrize(
    "disk",
    [
        blank("FRESH", "4"),
        blank("FRESH", "3", medium="ssd"),
        blank("FRESH", "3", role="quarantined", quarantine="not-erased"),
        blank("FRESH", "3", role="foreign", signatures=[{"type": "xfs"}]),
        blank("ZSAS0002", "3"),
    ],
    ids=lambda disk: f"{disk['serial']}-{disk['bay']}-{disk.get('role', disk['medium'])}",
)
def test_what_does_not_become_the_spare(ward: Ward, disk: dict[str, Any]) -> None:
    ward.lasts()
    ward.round()
    ward.node.at_rest()
    ward.node.snapshot["disks"].append(disk)
    assert ward.round() is None
    assert len(ward.node.at_rest()) == 1
    assert len(ward.told()) == 1


def test_while_a_job_runs_it_waits(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    ward.lasts()
    monkeypatch.setattr(type(ward.node.means), "job_in_the_way", lambda *_: True)
    assert ward.round() == RETRY_S
    monkeypatch.undo()
    ward.round()
    assert [job.state for job in ward.node.at_rest()] == [JobState.DONE]


def test_another_pools_rebuild_keeps_no_spare_waiting(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two disks are lost, the first one in a pool whose replacement waits for its rebuild."""
    losses = list(ward.spares._losses(ward.node.now_seen, ward.node.wanted))
    held = losses[0]._replace(disk=losses[0].disk.model_copy(update={"pool": "x", "serial": "X"}))
    monkeypatch.setattr(Spares, "_losses", lambda *_: iter((held, *losses)))
    monkeypatch.setattr(
        type(ward.node.means), "job_in_the_way", lambda _, item="": item == "pool/x"
    )
    ward.lasts()
    assert ward.round() == RETRY_S, "and is tried again when the rebuild is over"
    assert [job.state for job in ward.node.at_rest()] == [JobState.DONE]
    monkeypatch.setattr(Spares, "_losses", lambda *_: iter((held,)))
    assert ward.round() == RETRY_S
    assert len(ward.node.at_rest()) == 1


def test_without_a_spare_nothing_is_done_nor_told(ward: Ward) -> None:
    ward.node.site["pool"]["clinic"].pop("spares")
    ward.node.want(ward.node.site)
    assert ward.round() is None
    assert ward.told() == []


def test_a_spare_that_does_not_fit_is_told(ward: Ward) -> None:
    ward.node.disk("ZNEW0001")["size"] = GIB // 2
    ward.lasts()
    assert ward.round() is None
    ((cause, severity, what),) = ward.told()
    assert (cause, severity) == ("spare-in-vain", Severity.CRITICAL)
    assert what == "no spare takes the place of serial ZSAS0002 by itself"
    ward.node.disk("ZSAS0002")["missing"] = False
    ward.round()
    assert ward.told() == []


def test_what_else_differs_from_the_wish_is_not_done_along(ward: Ward) -> None:
    ward.node.site["spare"] = {"any": {"disk": "ZNEW0001"}}
    ward.node.site["pool"]["clinic"].pop("spares")
    ward.node.site["user"] = {"ada": {}}
    ward.node.want(ward.node.site)
    ward.lasts()
    ward.round()
    assert ward.node.at_rest() == []
    assert "user/ada" in next(ward.spares.findings()).why


def test_a_takeover_that_failed_is_not_tried_again(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(command: Command) -> Output:
        if "--repair" in command.line():
            raise StepFailedError("LVM cannot.", hint="Look.", subject="pool/clinic")
        return Output(code=0, stdout="")

    monkeypatch.setattr(ward.node, "run", breaks)
    ward.lasts()
    ward.round()
    (job,) = ward.node.at_rest()
    assert job.state is JobState.FAILED
    ((_, severity, what),) = ward.told()
    assert severity is Severity.CRITICAL
    assert "was to take the place of" in what
    assert ward.next_step() == job.next_step
    ward.node.passes(seconds=GRACE_S)
    assert ward.round() is None
    assert len(ward.node.at_rest()) == 1


def test_a_global_spare_takes_over_and_is_named_again(ward: Ward) -> None:
    node = ward.node
    node.site["pool"]["clinic"].pop("spares")
    node.site["spare"] = {"any": {"disk": "ZNEW0001"}}
    node.want(node.site)
    node.disk("ZNEW0001").pop("pool")
    node.snapshot["found"]["pool"]["clinic"].pop("spares")
    node.snapshot["found"]["spare"] = {"any": {"disk": "ZNEW0001"}}
    node.turns_into = {"pvchange": taken_over()}
    ward.lasts()
    ward.round()
    (job,) = node.at_rest()
    assert (job.state, job.error) == (JobState.DONE, "")
    assert [item.id for item in node.wanted] == ["pool/clinic"]
    node.snapshot["disks"].append(blank("FRESH", "3"))
    ward.round()
    node.at_rest()
    assert [item.id for item in node.wanted] == ["pool/clinic", "spare/any"]
    ward.round()
    assert ward.told() == []


def test_a_failing_disk_is_replaced_while_it_stands_unless_only_lost_ones_count(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = ward.node
    node.snapshot = taken_over()
    for item in (node.snapshot, node.site):
        text = json.dumps(item).replace("ZNEW0001", "ZSAS0002")
        item.clear()
        item.update(json.loads(text))
    node.snapshot["disks"].append(blank("ZNEW0001", "12", role="spare", pool="clinic"))
    found = node.snapshot["found"]["pool"]["clinic"]
    found["spares"] = ["ZNEW0001"]
    for member in found["tiers"]["capacity"]["members"]:
        if member["serial"] == "ZSAS0002":
            member["volumes"] = ["capacity_tdata_corig_rimage_2", "capacity_tdata_corig_rmeta_2"]
    pool = node.site["pool"]["clinic"]
    pool |= {"spares": ["ZNEW0001"], "spares_for": "lost"}
    node.want(node.site)
    sure = partial(third_disk_fails, Confidence.HIGH)
    unsure = partial(third_disk_fails, Confidence.LOW)
    monkeypatch.setattr(node.verdicts, "verdict", sure)
    assert ward.round() is None
    pool["spares_for"] = "failing"
    node.want(node.site)
    monkeypatch.setattr(node.verdicts, "verdict", unsure)
    assert ward.round() is None
    monkeypatch.setattr(node.verdicts, "verdict", sure)
    ward.lasts()
    ward.round()
    node.at_rest()
    assert any("lvconvert --yes --replace" in line for line in node.ran)
    assert not any("--repair" in line for line in node.ran)


def third_disk_fails(confidence: Confidence, disk: Disk) -> Verdict:
    """The verdict on any disk."""
    grade = Grade.FAILING if disk.serial == "ZSAS0002" else Grade.HEALTHY
    return Verdict(
        verdict=grade, part=Part.DISK, confidence=confidence, evidence=(), next_step="Look."
    )
