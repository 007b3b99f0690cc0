"""Erasing a disk: only what is asked for, only a disk nobody uses, only with its serial typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.errors import InvalidInputError, NotFoundError, RefusedError
from appliance.model.disk import DiskRole, Signature, Transport
from appliance.model.plan import Plan
from appliance.model.resource import ActionRequest
from appliance.model.steps import RunStep
from appliance.planner.plan import make_plan
from tests.unit.fakehost import NOW, FakeHost
from tests.unit.fakekinds import KINDS

OLD = {"signatures": (Signature(type="gpt"), Signature(type="xfs"), Signature(type="xfs"))}


def wipe(tmp_path: Path, state: dict[str, Any], name: str = "d1", verb: str = "wipe") -> Plan:
    snapshot = FakeHost(tmp_path).observe({})
    disks = tuple(
        disk.model_copy(update=state) if disk.serial == "d1" else disk for disk in snapshot.disks
    )
    action = ActionRequest(resource=f"disk/{name}", verb=verb)
    seen = snapshot.model_copy(update={"disks": disks})
    return make_plan(KINDS, seen, (), (), action, plan_id="p1", now=NOW)


def test_a_foreign_disk_is_erased_once_its_serial_is_typed(tmp_path: Path) -> None:
    made = wipe(tmp_path, OLD)
    (step,) = made.steps
    assert isinstance(step, RunStep)
    assert step.command.argv[:2] == ("wipefs", "--all")
    assert step.undo is None
    assert step.destroys.endswith("gpt, xfs")
    assert [item.token for item in made.confirmations] == ["d1"]
    assert [claim.serial for claim in made.claims] == ["d1"]


@pytest.mark.parametrize(
    ("names", "twin"),
    [
        ({"wwn": "0x5000c50012340000"}, {"wwn": "0x5000c50012340000"}),
        (
            {"transport": Transport.NVME, "model": "SAMSUNG X", "wwn": "eui.1"},
            {"transport": Transport.NVME, "model": "SAMSUNG X", "wwn": "eui.2", "serial": "d1_2"},
        ),
    ],
)
def test_a_disk_whose_name_may_lead_to_another_is_not_erased(
    tmp_path: Path, names: dict[str, Any], twin: dict[str, Any]
) -> None:
    snapshot = FakeHost(tmp_path).observe({})
    first, second, *_ = snapshot.disks
    disks = (first.model_copy(update=OLD | names), second.model_copy(update=twin))
    seen = snapshot.model_copy(update={"disks": disks})
    action = ActionRequest(resource=f"disk/{first.serial}", verb="wipe")
    with pytest.raises(RefusedError, match="could reach either"):
        make_plan(KINDS, seen, (), (), action, plan_id="p1", now=NOW)


@pytest.mark.parametrize("name", ["7", "bay:7"])
def test_a_bay_that_two_disks_are_in_names_neither(tmp_path: Path, name: str) -> None:
    snapshot = FakeHost(tmp_path).observe({})
    disks = tuple(disk.model_copy(update=OLD | {"bay": "7"}) for disk in snapshot.disks[:2])
    seen = snapshot.model_copy(update={"disks": disks})
    assert seen.disk("bay:7") is None
    assert seen.disk("d2") == disks[1]
    action = ActionRequest(resource=f"disk/{name}", verb="wipe")
    with pytest.raises(RefusedError, match="may be any of 2 disks: d1, d2"):
        make_plan(KINDS, seen, (), (), action, plan_id="p1", now=NOW)


def test_an_empty_disk_needs_no_erasing(tmp_path: Path) -> None:
    assert wipe(tmp_path, {"signatures": ()}).empty


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"role": DiskRole.BOOT}, "is the boot disk"),
        ({"mounted_at": ("/mnt",)}, "is mounted at /mnt"),
        ({"holders": ("md0",)}, "is in use by md0"),
        ({"pool": "tank", "role": DiskRole.PV}, "belongs to pool 'tank'"),
        ({"missing": True}, "does not answer"),
        ({"size": None, "signatures": ()}, "tells no capacity"),
    ],
)
def test_a_disk_in_use_is_not_erased(tmp_path: Path, state: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        wipe(tmp_path, OLD | state)


def test_only_disks_that_are_there_and_only_by_wipe(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no disk 'd9'"):
        wipe(tmp_path, OLD, name="d9")
    with pytest.raises(InvalidInputError, match="no act 'shred'"):
        wipe(tmp_path, OLD, verb="shred")


def test_the_device_is_named_by_what_is_stable(tmp_path: Path) -> None:
    made = wipe(tmp_path, OLD | {"wwn": "0x5000c500a1b2c3d4"})
    (step,) = made.steps
    assert isinstance(step, RunStep)
    assert step.command.argv[-1] == "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4"
    assert isinstance(made.claims[0].signatures, tuple)
