"""A file system is made on a blank volume only, and what is found instead stays as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agents.node.apply.files import NodeFiles
from agents.node.apply.handles import Actor, Clock
from agents.node.apply.walk import perform, undo_of
from appliance.errors import StepFailedError
from appliance.kinds.share_steps import make_filesystem
from appliance.model.command import Command, Output
from tests.unit.fakehost import FakeGuests

DEVICE = "/dev/vg_tank/vol_images"
XFS = "vol_images 0x0 xfs 4e2d5dd0-52b3-4e9c-9ac6-4ac47ba46d17 images\n"


class Disk:
    """A volume on which wipefs(8) finds something, nothing, or which it cannot read."""

    def __init__(self, holds: str | None) -> None:
        self.holds = holds
        self.ran: list[str] = []

    def run(self, command: Command) -> Output:
        self.ran.append(command.argv[0])
        if self.holds is None:
            raise StepFailedError("wipefs: error", hint="Look at the disk.", subject=DEVICE)
        return Output(code=0, stdout=self.holds)


def actor(disk: Disk, root: Path) -> Actor:
    slept: list[float] = []
    clock = Clock(now_s=lambda: sum(slept), sleep=slept.append)
    return Actor(executor=disk, files=NodeFiles(root), guests=FakeGuests(), clock=clock)


@pytest.mark.parametrize("holds", [XFS, None])
def test_what_a_look_missed_is_neither_made_anew_nor_taken_back(holds: str | None, tmp_path: Path):
    disk = Disk(holds)
    look, *_ = make_filesystem("images", DEVICE, unfinished=False)
    assert undo_of(look, actor(disk, tmp_path)) == ()
    with pytest.raises(StepFailedError, match=re.escape("is blank' was not reached")):
        perform(look, actor(disk, tmp_path))
    assert set(disk.ran) == {"wipefs"}


def test_a_blank_volume_gets_its_file_system(tmp_path: Path):
    disk = Disk("")
    for step in make_filesystem("images", DEVICE, unfinished=False):
        perform(step, actor(disk, tmp_path))
    assert disk.ran == ["wipefs", "mkfs.xfs"]
