"""What goes wrong around the console: links cut over SSH, a node that reboots, other people, crowds."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.api import contract as api
from appliance.client.client import Client
from appliance.client.memory import MemoryTransport
from appliance.client.ssh import SshTransport
from appliance.model.job import JobState
from appliance.model.plan import PlanRequest
from tests.contract.conftest import Agent, hold_at
from tests.contract.conftest import gate as gate
from tests.contract.test_calls import apply, start
from tests.tui.conftest import ADMIN
from tests.tui.driving import PATIENCE_S, Person, sitting
from tests.tui.test_changes import change, fill_volume
from tests.unit.client.sshd import Sshd, answer
from tests.unit.jobs.sites import FULL, SMALL
from tui.app import Console
from tui.gateway import Gateway


async def heartbeat(person: Person) -> None:
    """The next time the console looks whether the node is there."""
    person.app._countdown = 0
    person.app._second()
    await person.settle()


def test_what_was_typed_survives_a_cut_a_resize_and_a_refusal(
    agent: Agent, admin: MemoryTransport
) -> None:
    apply(agent.client(ADMIN), SMALL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await fill_volume(person, "scans", "nowhere", "3")
            person.cord.cut = True
            await person.press("ctrl+s")
            await person.until("NO ANSWER")
            await person.resize((40, 12))
            assert "NO ANSWER" in person.screen
            await person.resize((80, 24))
            person.cord.cut = False
            await heartbeat(person)
            assert "scans" in person.line("*name")
            await person.press("ctrl+s")
            assert "nowhere" in person.screen
            await person.press("up", "ctrl+u")
            await person.type("tank")
            await person.press("ctrl+s")
            assert "Create scans" in person.screen

    asyncio.run(scene())


def test_a_list_stays_while_the_agent_is_down_and_is_young_again_after(
    agent: Agent, admin: MemoryTransport
) -> None:
    apply(agent.client(ADMIN), FULL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("4", "down")
            person.cord.cut = True
            await person.press("r")
            await person.until("NO ANSWER")
            assert "> other" in person.screen
            agent.host.volumes["late"] = ("tank", 1)
            person.cord.cut = False
            await heartbeat(person)
            assert "NO ANSWER" not in person.screen
            assert "late" in person.screen
            assert "> other" in person.screen

    asyncio.run(scene())


def test_two_admins_at_one_share_and_the_second_sees_what_the_first_did(
    agent: Agent, admin: MemoryTransport
) -> None:
    apply(agent.client(ADMIN), FULL)

    async def scene() -> None:
        async with sitting(admin) as first, sitting(agent.transport(ADMIN)) as second:
            await first.press("5", "e", "down", "down")
            await second.press("5", "e", "down", "down")
            await first.type(",10.0.0.7")
            await first.press("ctrl+s", "enter", "y")
            await first.until("PROVED")
            await second.type(",10.0.0.9")
            await second.press("ctrl+s")
            told = " ".join(second.screen.split())
            assert "Someone else changed share images meanwhile" in told
            assert "10.0.0.7" in told
            assert "10.0.0.1,10.0.0.9" in second.screen
            await second.press("ctrl+s", "enter", "y")
            await second.until("PROVED")

    asyncio.run(scene())
    (clients,) = agent.host.exports.values()
    assert "10.0.0.9" in clients


def test_a_job_started_elsewhere_appears_where_one_is(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), SMALL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("9")
            assert "volume/scans" not in person.screen
            await asyncio.to_thread(
                change, agent, {"volume": {"scans": {"pool": "tank", "size": 3}}}
            )
            await heartbeat(person)
            assert "volume/scans" in person.line("  2  ")
            await person.press("4")
            assert "scans" in person.screen

    asyncio.run(scene())


class TestAJobUnderWay:
    @pytest.fixture
    def on_edge(self, gate: threading.Event) -> Callable[[int, int, str], None]:
        return hold_at(2, "begun", gate)

    def test_it_is_followed_again_when_the_link_is_back(
        self, agent: Agent, admin: MemoryTransport, gate: threading.Event
    ) -> None:
        client = agent.client(ADMIN)
        start(client, client.call(api.PLAN_MAKE, PlanRequest(site=SMALL)))

        async def scene() -> None:
            async with sitting(admin) as person:
                assert "1 running" in person.screen.splitlines()[0]
                await person.press("9")
                await person.pilot.press("enter")
                await person.until("Format d2")
                person.cord.cut = True
                gate.set()
                await person.until("NO ANSWER")
                person.cord.cut = False
                await heartbeat(person)
                await person.until("PROVED")

        try:
            asyncio.run(scene())
        finally:
            gate.set()


def test_a_node_that_rebooted_in_a_job_says_what_is_to_be_settled(
    agent: Agent, admin: MemoryTransport
) -> None:
    apply(agent.client(ADMIN), FULL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("9")
            person.cord.cut = True
            await heartbeat(person)
            assert "NO ANSWER" in person.screen
            with agent.context.journal._store.writing() as db:
                db.execute("UPDATE job SET state = 'unknown', unfinished = 1")
            person.cord.cut = False
            await heartbeat(person)
            assert "UNKNOWN: it was cut off" in person.screen
            assert "f Finish" in person.screen

    asyncio.run(scene())
    assert agent.context.journal.job(1).state is JobState.UNKNOWN


def test_ten_thousand_volumes_answer_to_every_key(agent: Agent, admin: MemoryTransport) -> None:
    """50 ms of work a key is the promise; bench_tui measures it, this one bounds it loosely."""
    apply(agent.client(ADMIN), SMALL)
    agent.host.volumes.update({f"v{number:05}": ("tank", 1) for number in range(10_000)})

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("4")
            await person.until("v00000")
            await person.press("end")
            assert "v09999" in person.line("> ")
            begun = time.process_time()
            for key in ("up", "pageup", "home", "down", "pagedown"):
                await person.pilot.press(key)
            assert time.process_time() - begun < 5 * 0.5
            await person.press("slash")
            await person.type("9999")
            await person.press("enter")
            assert "v09999" in person.line("> ")

    asyncio.run(scene())


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agent: Agent) -> Iterator[Sshd]:
    """The agent behind a real SSH server on loopback."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USER", "ada")
    for name in ("XDG_CONFIG_HOME", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    transport = agent.transport(ADMIN)

    def behind(request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        method, path, _ = head.decode().splitlines()[0].split()
        status, said = transport.request(method, path, body or None)
        return answer(said, status=status)

    server = Sshd(home, behind)
    server.pin()
    yield server
    server.close()


def test_an_ssh_connection_that_is_cut_is_made_again(agent: Agent, sshd: Sshd) -> None:
    apply(agent.client(ADMIN), SMALL)

    async def scene() -> None:
        app = Console(Gateway(lambda: Client(SshTransport(sshd.address))), plain=True)
        async with app.run_test(size=(80, 24)) as pilot:
            person = Person(app, pilot, None)  # type: ignore[arg-type]
            await person.settle()
            assert "all is well" in person.screen
            await fill_volume(person, "scans", "tank", "3")
            sshd.cut()
            await person.press("ctrl+s")
            if "Create scans" not in person.screen:  # the cut was noticed by this very call
                await heartbeat(person)
                await person.press("ctrl+s")
            assert "Create scans" in person.screen
            assert len(sshd.connections) == 2
        async with asyncio.timeout(PATIENCE_S):
            while app.desk.gateway.busy:
                await asyncio.sleep(0.005)
        app.desk.gateway.close()

    asyncio.run(scene())
