"""A look that was begun before something changed is not handed out afterwards."""

from __future__ import annotations

from collections.abc import Callable

from agents.node.observe.devices import DeviceScan
from agents.node.watch.looking import Looking, Sources
from appliance.state.db import Store
from appliance.state.disks import DiskMemory
from tests.unit.fakehost import NOW
from tests.unit.fakes import FakeProbe
from tests.unit.observe.chassis import Rules


def looking(store: Store, during: Callable[[], None]) -> Looking:
    def scan() -> DeviceScan:
        during()
        return DeviceScan()

    sources = Sources(
        probe=FakeProbe,
        scan=scan,
        kinds={},
        profile=Rules(),
        disks=DiskMemory(store),
        secrets=tuple,
        smart=dict,
        now=lambda: NOW,
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
