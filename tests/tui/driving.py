"""A person at the console: keys go in, the text of the screen comes out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from appliance.client.client import Client
from appliance.client.transport import Transport
from appliance.errors import UnavailableError
from tui.app import Console
from tui.gateway import Gateway

SCREENS = Path(__file__).parent / "screens"
SMALL, LARGE = (80, 24), (160, 48)
_NAMES = {" ": "space", "-": "minus", ":": "colon", ",": "comma", "/": "slash", ".": "full_stop", "=": "equals_sign"}  # fmt: skip
PATIENCE_S = 10.0


class Cord:
    """A transport that can be cut."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.cut = False

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        if self.cut:
            raise UnavailableError("The node is away.", hint="Wait for it.", subject="node")
        return self._transport.request(method, path, body)

    def close(self) -> None:
        self._transport.close()


class Person:
    """Presses keys and reads."""

    def __init__(self, app: Console, pilot: Pilot[None], cord: Cord) -> None:
        self.app = app
        self.pilot = pilot
        self.cord = cord

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def type(self, text: str) -> None:
        await self.pilot.press(*(_NAMES.get(char, char) for char in text))
        await self.settle()

    async def settle(self) -> None:
        """Wait until every answer has come and was shown."""
        quiet = 0
        async with asyncio.timeout(PATIENCE_S):
            while quiet < 2:  # an answer may have led to the next question
                await self.pilot.pause()
                if self.app.desk.gateway.busy:
                    quiet = 0
                    await asyncio.sleep(0.005)
                else:
                    quiet += 1

    async def until(self, words: str) -> None:
        """Wait for words on the screen: what another thread of the node is still doing."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while words not in self.screen:
                    await asyncio.sleep(0.02)
                    await self.pilot.pause()
        except TimeoutError:
            pytest.fail(f"'{words}' never came:\n{self.screen}")

    async def resize(self, size: tuple[int, int]) -> None:
        await self.pilot.resize_terminal(*size)
        await self.settle()

    @property
    def screen(self) -> str:
        """The text of the terminal, line by line."""
        strips = self.app.screen._compositor.render_strips()
        lines = ("".join(segment.text for segment in strip).rstrip() for strip in strips)
        return "\n".join(lines).rstrip() + "\n"

    def line(self, words: str) -> str:
        """The one line with these words."""
        (found,) = [line for line in self.screen.splitlines() if words in line]
        return found


@asynccontextmanager
async def sitting(
    transport: Transport, size: tuple[int, int] = SMALL, *, plain: bool = True
) -> AsyncIterator[Person]:
    """A person before a console of that size, all answers there."""
    cord = Cord(transport)
    app = Console(Gateway(lambda: Client(cord)), plain=plain)
    async with app.run_test(size=size) as pilot:
        person = Person(app, pilot, cord)
        await person.settle()
        yield person
    async with asyncio.timeout(PATIENCE_S):
        while app.desk.gateway.busy:  # a heartbeat may be under way; the node is taken down next
            await asyncio.sleep(0.005)


def same_screen(name: str, screen: str) -> None:
    """Compare with the recorded text; `SCREENS=write pytest tests/tui` records anew."""
    path = SCREENS / f"{name}.txt"
    if os.environ.get("SCREENS") == "write":
        path.write_text(screen)
    assert screen == path.read_text(), f"{name} looks otherwise; if that is meant: SCREENS=write"
