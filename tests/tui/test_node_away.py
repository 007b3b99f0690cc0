"""A node that stops answering: said, waited for, nothing typed is lost."""

from __future__ import annotations

import asyncio

from appliance.client.memory import MemoryTransport
from tests.contract.conftest import Agent
from tests.contract.test_calls import apply
from tests.tui.conftest import ADMIN
from tests.tui.driving import same_screen, sitting
from tests.unit.jobs.sites import SMALL


def test_a_cut_keeps_what_was_typed_and_heals(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), SMALL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("4", "n")
            await person.type("scans")
            person.cord.cut = True
            await person.press("down")
            await person.type("tank")
            await person.press("ctrl+s")
            await person.until("NO ANSWER")
            assert "The node is away. Wait for it." in person.screen.replace("\n", " ")
            assert "scans" in person.line("*name")
            assert "tank" in person.line("*pool")
            person.cord.cut = False
            person.app._second()
            person.app._countdown = 0
            person.app._second()
            await person.settle()
            assert "NO ANSWER" not in person.screen
            await person.press("ctrl+s")
            assert "Create scans" in person.screen

    asyncio.run(scene())


def test_a_node_that_is_away_from_the_start_is_waited_for(
    agent: Agent, admin: MemoryTransport
) -> None:
    async def scene() -> None:
        async with sitting(admin) as person:
            person.cord.cut = True
            person.app._countdown = 0
            person.app._second()
            await person.settle()
            same_screen("no-answer-80x24", person.screen)
            for _ in range(2):
                person.app._second()
                await person.settle()
            assert "again in" in person.screen or "trying now" in person.screen
            person.cord.cut = False
            person.app._countdown = 0
            person.app._second()
            await person.settle()
            assert "all is well" in person.screen

    asyncio.run(scene())
    assert agent.context.version == "1.2.3"
