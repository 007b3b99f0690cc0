"""The recording that everybody can play: from the command's own address to the screen."""

from __future__ import annotations

import asyncio
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from agents.node.recorded import recorded_node
from appliance.client import recorded
from appliance.client.dial import open_transport
from appliance.client.memory import MemoryTransport
from appliance.client.transport import Transport, parse_address
from appliance.errors import InvalidInputError, NotFoundError, UnavailableError
from tests.tui.conftest import CLINIC
from tests.tui.driving import sitting
from tui.main import main


def close(transport: Transport) -> None:
    assert isinstance(transport, MemoryTransport)
    state = transport._application.state  # type: ignore[attr-defined]
    state.front.close()
    state.store.close()
    state.folder.cleanup()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry point as pyproject.toml declares it, whatever is installed here."""
    entry = EntryPoint("node", "agents.node.recorded:recorded_node", recorded.GROUP)
    monkeypatch.setattr(recorded, "entry_points", lambda group: [entry])


@pytest.mark.usefixtures("installed")
def test_the_lab_chassis_is_played_from_its_captures() -> None:
    node: list[Transport] = []

    async def scene() -> None:
        transport = open_transport(parse_address(f"recorded://{CLINIC}"))
        async with sitting(transport) as person:
            node.append(transport)
            assert "fast performance (raid1)" in person.screen
            assert "not known yet when it is full" in person.screen
            assert "] 14 % of 932 MiB" in person.screen
            await person.press("2", *["space"] * 6)
            assert "[ 7 P+]" in person.screen
            assert "bay 7 (serial ZSSD0000): ok" in person.screen
            await person.press("6", "e")
            assert "10.9.0.0/24" in person.line("clients")
            await person.press("escape", "9", "end", "enter", "home", *["down"] * 5)
            assert "$ lvcreate --yes --wipesignatures y --type raid1" in person.screen
            await person.press("escape", "4", "n")
            for text in ("scans", "fast", "32 MiB"):
                await person.type(text)
                await person.press("down")
            await person.press("right", "ctrl+s")
            assert "[volume/scans]" in person.screen
            await person.press("enter", "y")
            assert "changes are previewed, never carried out" in person.screen.replace("\n", " ")

    asyncio.run(scene())
    close(node[0])


def test_what_is_no_recording_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"has no snapshot\.json"):
        recorded_node(tmp_path)
    (tmp_path / "snapshot.json").write_text('{"host": {"hostname": "x"}}')
    with pytest.raises(InvalidInputError, match=r"snapshot\.json: host\.profile"):
        recorded_node(tmp_path)


def test_without_an_agent_nothing_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "entry_points", lambda group: [])
    with pytest.raises(UnavailableError, match="needs the agent"):
        recorded.open_recorded(str(CLINIC))


def test_an_address_that_is_none_is_told_before_the_screen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["-H", "ftp://x"]) == 64
    assert "is not the address of a node" in capsys.readouterr().err
