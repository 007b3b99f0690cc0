"""Erasing: the best way the disk has, its steps, the certificate; refused with what can be done."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import InvalidInputError, RefusedError
from appliance.kinds.registry import all_kinds
from appliance.model.admission import Standing
from appliance.model.disk import Disk, DiskRole, Medium, Signature
from appliance.model.erasing import EraseMeans, EraseMethod, MethodFound, Sanitization
from appliance.model.plan import Plan
from appliance.model.resource import ActionRequest
from appliance.model.steps import BookStep, RunStep, Step, SurfaceAct, SurfaceStep, WaitStep
from appliance.model.verdict import Grade
from appliance.planner.erasing import BEST_FIRST, with_method
from appliance.planner.plan import make_plan
from tests.unit.fakehost import NOW
from tests.unit.planner.quarantine import LEFT, a_disk, a_node, a_verdict

M, CLEAR, PURGE = EraseMethod, Sanitization.CLEAR, Sanitization.PURGE
KINDS = all_kinds()


def way(method: EraseMethod, category: Sanitization = PURGE, **more: Any) -> MethodFound:
    return MethodFound(method=method, category=category, **more)


ZERO, DISCARD = way(M.OVERWRITE, CLEAR), way(M.DISCARD, CLEAR)


def asked(method: str = "", **arguments: str) -> ActionRequest:
    given = {"method": method} if method else {}
    return ActionRequest(resource="disk/S1", verb="erase", arguments=given | arguments)


def erase(found: MethodFound, disk: Disk | None = None, **node: Any) -> Plan:
    disk = disk or a_disk(**LEFT)
    act = with_method(asked(found.method), disk, EraseMeans(found=(found,)))
    return make_plan(KINDS, a_node(disk, **node), (), (), act, plan_id="p1", now=NOW)


def line(step: Step) -> str:
    assert isinstance(step, RunStep | WaitStep)
    return step.command.line()


@pytest.mark.parametrize(
    ("medium", "found", "best"),
    [
        (Medium.SSD, (ZERO, DISCARD, way(M.NVME_SANITIZE), way(M.NVME_FORMAT)), M.NVME_FORMAT),
        (Medium.SSD, (ZERO, DISCARD), M.DISCARD),
        (Medium.HDD, (ZERO, DISCARD), M.OVERWRITE),
        (Medium.SSD, (ZERO, DISCARD, way(M.ATA_SECURE_ERASE, CLEAR)), M.ATA_SECURE_ERASE),
        (Medium.HDD, (ZERO, way(M.SCSI_SANITIZE_OVERWRITE)), M.SCSI_SANITIZE_OVERWRITE),
        (Medium.HDD, (ZERO,), M.OVERWRITE),
    ],
)
def test_the_best_way(medium: Medium, found: tuple[MethodFound, ...], best: EraseMethod) -> None:
    act = with_method(asked(), a_disk(medium=medium), EraseMeans(found=found))
    assert act.arguments["method"] == best


def test_a_frozen_disk_is_refused_when_asked_for_by_name_and_told_otherwise() -> None:
    means = EraseMeans(found=(ZERO,), barred={M.ATA_SECURE_ERASE: "frozen; pull it"})
    with pytest.raises(RefusedError, match="ATA secure erase: frozen; pull it") as raised:
        with_method(asked(M.ATA_SECURE_ERASE), a_disk(), means)
    assert raised.value.hint == "It can now: overwrite."
    act = with_method(asked("auto"), a_disk(**LEFT), means)
    made = make_plan(KINDS, a_node(a_disk(**LEFT)), (), (), act, plan_id="p1", now=NOW)
    assert "A better way is barred now. ata-secure-erase: frozen; pull it." in made.notes


def test_what_is_no_way() -> None:
    with pytest.raises(RefusedError, match="does not have that"):
        with_method(asked(M.NVME_FORMAT), a_disk(), EraseMeans(found=(ZERO,)))
    for act in (asked("fire"), asked(speed="9")):
        with pytest.raises(InvalidInputError, match="not erased by"):
            with_method(act, a_disk(), EraseMeans(found=(ZERO,)))
    with pytest.raises(InvalidInputError, match="not settled"):
        make_plan(KINDS, a_node(a_disk()), (), (), asked(), plan_id="p1", now=NOW)


DEVICE = "/dev/disk/by-id/wwn-0x5000c50000000001"
LINES = {
    M.NVME_FORMAT: [f"nvme format --ses=1 --force {DEVICE}"],
    M.NVME_SANITIZE: [
        f"nvme sanitize --sanact=2 {DEVICE}",
        f"nvme sanitize-log {DEVICE} --output-format=json",
    ],
    M.SCSI_SANITIZE_BLOCK: [f"sg_sanitize --block --quick {DEVICE}"],
    M.SCSI_SANITIZE_OVERWRITE: [f"sg_sanitize --overwrite --zero --quick {DEVICE}"],
    M.ATA_SECURE_ERASE: [
        f"hdparm --user-master u --security-set-pass appliance {DEVICE}",
        f"hdparm --user-master u --security-erase appliance {DEVICE}",
    ],
    M.DISCARD: [f"blkdiscard --force {DEVICE}"],
}


@pytest.mark.parametrize("method", LINES)
def test_the_commands(method: EraseMethod) -> None:
    made = erase(way(method))
    *ways, look, book = made.steps
    assert [line(step) for step in ways] == LINES[method]
    assert isinstance(look, SurfaceStep)
    assert (look.act, look.destroys) == (SurfaceAct.BLANK, "")
    assert isinstance(book, BookStep)
    assert book.certificate is not None
    assert book.certificate.commands == tuple(LINES[method])
    assert [item.token for item in made.confirmations] == ["S1"], "only with the serial typed"
    assert [item.serial for item in made.claims] == ["S1"]


def test_the_table_of_commands_is_whole() -> None:
    assert {*LINES, M.OVERWRITE} == set(EraseMethod) == set(BEST_FIRST)


def test_the_enhanced_form_reaches_reallocated_sectors() -> None:
    made = erase(way(M.ATA_SECURE_ERASE, enhanced=True, minutes=168))
    lock, erasing, *_ = made.steps
    assert isinstance(lock, RunStep)
    assert lock.undo is not None
    assert "--security-disable" in lock.undo.argv
    assert "--security-erase-enhanced" in line(erasing)
    assert any("about 3 h" in note for note in made.notes)
    assert any("stays locked until" in note for note in made.notes)


def test_zeros_over_every_block_and_what_was_on_it() -> None:
    disk = a_disk(role=DiskRole.FOREIGN, signatures=(Signature(type="gpt"), Signature(type="xfs")))
    made = erase(ZERO, disk)
    wipe, zeros, _, book = made.steps
    assert line(wipe) == f"wipefs --all --force {DEVICE}"
    assert isinstance(zeros, SurfaceStep)
    assert (zeros.act, zeros.size) == (SurfaceAct.ZERO, disk.size)
    assert isinstance(book, BookStep)
    assert book.certificate is not None
    facts = book.certificate.model_dump(include={"serial", "held", "category", "node", "bay"})
    assert facts == {
        "serial": "S1", "held": "gpt, xfs", "category": "clear", "node": "node1", "bay": "1",
    }  # fmt: skip
    assert any("clear by NIST" in note for note in made.notes)
    assert not any("other change" in note for note in made.notes), "a GiB takes seconds"
    big = erase(ZERO, a_disk(**LEFT, size=12 * 10**12))
    assert any("about 22 h for 10.9 TiB; no other change" in note for note in big.notes)


def test_an_erased_disk_is_free_unless_something_speaks_against_it() -> None:
    for grade, standing in ((Grade.HEALTHY, "admitted"), (Grade.FAILING, "erased")):
        book = erase(ZERO, verdicts={"S1": a_verdict(grade)}).steps[-1]
        assert isinstance(book, BookStep)
        assert book.entries[0].standing == Standing(standing)
        assert book.entries[0].checks[-1].name == "erased"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"role": DiskRole.PV, "pool": "films"}, "belongs to pool 'films'"),
        ({"role": DiskRole.BOOT}, "is the boot disk"),
        ({"mounted_at": ("/mnt",)}, "is mounted at /mnt"),
        ({"holders": ("md0",)}, "is in use by md0"),
        ({"missing": True}, "does not answer"),
        ({"size": None}, "tells no capacity"),
    ],
)
def test_a_disk_in_use_is_not_erased(facts: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        erase(ZERO, a_disk(**facts))
