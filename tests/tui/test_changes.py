"""Every change goes form -> preview -> confirm -> live job -> proof, on a node that carries it out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from appliance.api import contract as api
from appliance.client.memory import MemoryTransport
from appliance.model.job import JobState
from appliance.model.plan import PlanRequest
from tests.contract.conftest import Agent
from tests.contract.test_calls import apply
from tests.tui.conftest import ADMIN
from tests.tui.driving import Person, same_screen, sitting
from tests.unit.jobs.sites import FULL, SMALL


async def fill_volume(person: Person, name: str, pool: str, size: str) -> None:
    await person.press("4", "n")
    await person.type(name)
    await person.press("down")
    await person.type(pool)
    await person.press("down")
    await person.type(size)


def test_a_volume_is_made_by_keys_alone_and_proved(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), SMALL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await fill_volume(person, "scans", "tank", "3")
            assert "there are: tank" in person.screen or "a size" in person.screen
            same_screen("form-80x24", person.screen)
            await person.press("ctrl+s")
            same_screen("preview-80x24", person.screen)
            await person.press("enter")
            assert "Carry out 1 step?" in person.screen
            await person.press("y")
            await person.until("PROVED")
            assert "$ lvcreate scans tank 3" in person.screen
            assert "lvcreate is done" in person.screen
            await person.press("escape")
            assert "scans" in person.line("> ")

    asyncio.run(scene())
    assert agent.host.volumes == {"scans": ("tank", 3)}


def test_what_breaks_a_rule_is_refused_at_its_field(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), SMALL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await fill_volume(person, "Bad", "tank", "lots")
            await person.press("ctrl+s")
            assert "! 1 to 31 characters, a small letter first" in person.screen
            assert "! 'lots' is not a size; write for example 500 GiB" in person.screen
            same_screen("form-refused-80x24", person.screen)
            await person.press("end", "ctrl+u")
            await person.type("good")
            await person.press("down", "down", "ctrl+u", "up", "ctrl+u", "ctrl+s")
            assert "! this is required" in person.screen

    asyncio.run(scene())
    assert not agent.host.volumes


def test_what_the_node_refuses_stays_in_the_form(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), SMALL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await fill_volume(person, "scans", "nowhere", "1")
            await person.press("ctrl+s")
            assert "nowhere" in person.screen
            assert "error:" in person.screen
            assert "new volume" in person.screen

    asyncio.run(scene())


def test_a_share_has_its_faces_in_one_form(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), FULL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("5")
            assert "SERVED BY" in person.screen
            assert "nfs" in person.line("> images")
            await person.press("e")
            assert "10.0.0.1" in person.line("clients")
            await person.press("down", "down")
            await person.type(",10.0.0.2")
            await person.press("ctrl+s", "enter", "y")
            await person.until("PROVED")
            await person.press("escape", "e", "down", "left", "ctrl+s")
            assert "Drop export images" in person.screen
            await person.press("enter", "y")
            await person.until("PROVED")

    asyncio.run(scene())
    assert agent.host.exports == {}
    assert agent.host.mounts == {"images": "images"}


def test_destroying_needs_the_name_typed(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), SMALL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("3", "d")
            assert "DESTROYS pool tank" in person.screen
            await person.press("enter")
            same_screen("confirm-80x24", person.screen)
            await person.type("tan")
            await person.press("enter")
            assert "This is not tank" in person.screen
            assert agent.host.pools == {"tank"}
            await person.type("k")
            await person.press("enter")
            await person.until("PROVED")

    asyncio.run(scene())
    assert agent.host.pools == set()


def test_a_plan_gone_stale_is_made_again_and_shown(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), SMALL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await fill_volume(person, "scans", "tank", "3")
            await person.press("ctrl+s")
            agent.host.volumes["other"] = ("tank", 1)
            await person.press("enter", "y")
            assert "The node has changed since the preview" in person.screen
            assert "Create scans" in person.screen
            await person.press("enter", "y")
            await person.until("PROVED")

    asyncio.run(scene())
    assert agent.host.volumes["scans"] == ("tank", 3)


def test_the_second_editor_sees_what_the_first_changed(
    agent: Agent, admin: MemoryTransport
) -> None:
    apply(agent.client(ADMIN), FULL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("4", "e", "down")
            await person.press("ctrl+u")
            await person.type("9")
            bigger = {"volume": {"images": {"pool": "tank", "size": 7}}}
            await asyncio.to_thread(change, agent, bigger)
            await person.settle()
            await person.press("ctrl+s")
            assert "Someone else changed volume images meanwhile" in person.screen
            assert "size: was 5, is 7 now" in person.screen.replace("\n", " ")
            await person.press("ctrl+s")
            assert "Grow images" in person.screen

    asyncio.run(scene())


def change(agent: Agent, put: dict[str, dict[str, dict[str, object]]]) -> None:
    client = agent.client(ADMIN)
    plan = client.call(api.PLAN_MAKE, PlanRequest(put=put))
    from tests.contract.test_calls import start

    start(client, plan)
    agent.join()


def test_a_name_that_is_taken_is_told(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), FULL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await fill_volume(person, "images", "tank", "9")
            await person.press("ctrl+s")
            assert "There is a volume 'images' already" in person.screen

    asyncio.run(scene())


def test_who_may_not_is_told_what_role_it_needs(agent: Agent, viewer: MemoryTransport) -> None:
    apply(agent.client(ADMIN), SMALL)

    async def scene() -> None:
        async with sitting(viewer) as person:
            await fill_volume(person, "scans", "tank", "3")
            await person.press("ctrl+s", "enter", "y")
            assert "it needs admin" in person.screen
            assert "Create scans" in person.screen

    asyncio.run(scene())

    assert not agent.host.volumes


def test_an_act_takes_arguments_and_shows_what_it_destroys(
    agent: Agent, admin: MemoryTransport
) -> None:
    apply(agent.client(ADMIN), FULL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("4", "a")
            assert "Make it empty" in person.screen
            await person.type("oops")
            await person.press("enter")
            assert "'oops' is not KEY=VALUE" in person.screen
            await person.press("a", "enter")
            assert "DESTROYS all of its files" in person.screen

    asyncio.run(scene())


class TestWhileAJobRuns:
    """A job held at its first step by the test."""

    @pytest.fixture
    def gate(self) -> threading.Event:
        return threading.Event()

    @pytest.fixture
    def on_edge(self, gate: threading.Event) -> Callable[[int, int, str], None]:
        def wait(job: int, step: int, edge: str) -> None:
            if step == 1 and edge == "begun":
                assert gate.wait(20)

        return wait

    def test_it_is_seen_live_by_everybody(
        self, agent: Agent, admin: MemoryTransport, gate: threading.Event
    ) -> None:
        client = agent.client(ADMIN)

        async def scene() -> None:
            async with sitting(admin) as person:
                await person.press("9")
                assert "nothing was ever changed here" in person.screen
                plan = await asyncio.to_thread(client.call, api.PLAN_MAKE, PlanRequest(site=SMALL))
                from tests.contract.test_calls import start

                await asyncio.to_thread(start, client, plan)
                await person.until("running")
                assert "running" in person.line("  ada  ")
                person.app.desk.gateway._asked = 0  # the long poll below stays open
                await person.pilot.press("enter")
                await person.until("$ format tank d1")
                assert "[....................] 0/3 Format d1" in person.screen
                gate.set()
                await person.until("PROVED")
                assert "[####################] 3/3" in person.screen

        try:
            asyncio.run(scene())
        finally:
            gate.set()
        assert agent.context.journal.job(1).state is JobState.DONE
