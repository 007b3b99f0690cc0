"""A look that was begun before something changed is not handed out afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agents.node.observe.devices import BlockDevice, DeviceScan
from agents.node.watch.looking import Looking, Sources
from agents.node.watch.verdicts import Verdicts
from appliance.errors import StepFailedError
from appliance.model.command import Command, Output
from appliance.model.disk import DiskRole
from appliance.state.audit import Audit
from appliance.state.db import Store
from appliance.state.disk_book import DiskBook
from appliance.state.disk_records import DiskRecords
from appliance.state.disks import DiskMemory
from tests.unit.fakehost import NOW
from tests.unit.fakes import FakeProbe
from tests.unit.observe.chassis import Rules, boot_disk, sas


class NoTools(FakeProbe):
    """A machine without any program."""

    def run(self, command: Command) -> Output:
        raise StepFailedError(f"There is no {command.argv[0]}.", hint="-")


def looking(store: Store, during: Callable[[], None], disks: Sequence[BlockDevice] = ()) -> Looking:
    def scan() -> DeviceScan:
        during()
        return DeviceScan(tuple(disks))

    sources = Sources(
        probe=NoTools,
        scan=scan,
        kinds={},
        profile=Rules(),
        disks=DiskMemory(store),
        secrets=tuple,
        smart=dict,
        now=lambda: NOW,
        book=DiskBook(store, Audit(store), lambda: NOW),
        verdict=Verdicts(DiskRecords(store), lambda: NOW).verdict,
    )
    return Looking(sources, dict, clock=lambda: 0.0)


def test_a_look_is_shared_until_it_is_forgotten(store: Store) -> None:
    looks: list[int] = []
    node = looking(store, lambda: looks.append(1))
    assert node.last() is None
    first = node.recent()
    assert node.recent() is first is node.last()
    node.forget()
    assert node.last() is first
    node.recent()
    assert len(looks) == 2


def test_a_pulled_disk_is_missing_before_the_next_look(store: Store) -> None:
    disks = (boot_disk(), sas("sdc", 1))
    node = looking(store, lambda: None, disks)
    before = {disk.serial: disk for disk in node.recent().disks}
    node.forget()
    node.gone({"VJG001X"})
    after = {disk.serial: disk for disk in node.recent().disks}
    assert after["VJG001X"].missing
    assert after["VJG001X"].paths == ()
    others = before.keys() - {"VJG001X"}
    assert others
    assert all(after[serial] == before[serial] for serial in others)
    assert not any(disk.missing for disk in node.anew().disks)


def test_a_disk_that_came_is_in_its_bay_before_the_next_look(store: Store) -> None:
    disks = [sas("sdc", 1)]
    node = looking(store, lambda: None, disks)
    (member,) = node.recent().disks
    node.gone({member.serial})
    disks[:] = [sas("sdk", 1), sas("sdl", 2)]
    node.came("sdk")
    node.came("sdl")
    node.came("sdz")
    found = {disk.node: disk for disk in node.recent().disks}
    assert set(found) == {"sdk", "sdl"}
    assert not found["sdk"].missing
    assert found["sdk"].signatures == member.signatures
    stranger = found["sdl"]
    assert (stranger.role, stranger.signatures[0].type) == (DiskRole.FOREIGN, "unreadable")


def test_a_second_path_is_no_second_disk(store: Store) -> None:
    disks = [sas("sdc", 1)]
    node = looking(store, lambda: None, disks)
    before = node.recent().disks
    disks.append(sas("sdq", 1))
    node.came("sdq")
    assert node.recent().disks == before


def test_what_changed_during_a_look_is_looked_at_again(store: Store) -> None:
    looks: list[int] = []

    def during() -> None:
        looks.append(1)
        if len(looks) == 1:
            node.forget()

    node = looking(store, during)
    node.recent()
    node.recent()
    node.recent()
    assert len(looks) == 2
