"""Home, jobs, audit, help, the palette, and ASCII on every screen."""

from __future__ import annotations

import asyncio

import pytest

from appliance.api import contract as api
from appliance.client.memory import MemoryTransport
from appliance.model.job import JobState
from tests.contract.conftest import Agent
from tests.contract.test_calls import apply
from tests.contract.test_watching import raise_alert
from tests.tui.conftest import ADMIN, Record, lab_disks
from tests.tui.driving import LARGE, SMALL, same_screen, sitting
from tests.unit.fakekinds import FakeVolume
from tests.unit.jobs.sites import FULL


def test_home_says_what_status_says(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), FULL)
    agent.host.mounts.clear()

    async def scene() -> None:
        async with sitting(admin) as person:
            assert "fake (generic, agent 1.2.3): NOT WELL" in person.screen
            assert "4 disks, 1 pool, 2 volumes, 1 share, 1 nfs" in person.screen
            assert "The node is not as wished" in person.screen
            assert "- Mount images" in person.screen
            same_screen("home-80x24", person.screen)
            await person.resize(LARGE)
            same_screen("home-160x48", person.screen)

    asyncio.run(scene())


def test_jobs_show_who_what_and_the_exact_commands(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), FULL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("9")
            same_screen("jobs-80x24", person.screen)
            await person.press("enter", "home", "down")
            assert "$ format tank d2" in person.screen
            same_screen("job-80x24", person.screen)
            await person.resize(LARGE)
            same_screen("job-160x48", person.screen)

    asyncio.run(scene())


def test_what_failed_is_finished_from_the_jobs_screen(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), FULL)
    with agent.context.journal._store.writing() as db:
        db.execute("UPDATE job SET state = 'unknown', unfinished = 1")
    agent.host.mounts.clear()

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("9")
            assert "f Finish" in person.screen
            assert "UNKNOWN: it was cut off" in person.screen
            await person.press("a")
            assert "Give job 1 up?" in person.screen
            await person.press("n", "f")
            assert "Mount images" in person.screen
            await person.press("enter", "y")
            await person.until("PROVED")

    asyncio.run(scene())
    assert agent.context.journal.job(1).state is JobState.DONE


def test_the_audit_is_read_and_verified(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), FULL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("g")
            await person.type("audit")
            await person.press("enter")
            await person.settle()
            assert "job/1" in person.screen
            assert "ada" in person.screen
            await person.press("v")
            assert "intact: " in person.screen

    asyncio.run(scene())


def test_help_is_made_of_the_bindings(agent: Agent, admin: MemoryTransport) -> None:
    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("4", "question_mark")
            for words in ("n      New", "e      Change", "d      Remove", "/      Filter"):
                assert words.split()[1] in person.screen
            same_screen("help-80x24", person.screen)
            await person.press("escape")
            assert "Keys:" not in person.screen

    asyncio.run(scene())
    assert not agent.host.ran


def test_the_palette_finds_places_and_actions(agent: Agent, admin: MemoryTransport) -> None:
    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("g")
            await person.type("audit")
            await person.press("enter")
            await person.settle()
            assert "audit" in person.screen.splitlines()[0]
            await person.press("g")
            await person.type("new vol")
            same_screen("palette-80x24", person.screen)
            await person.press("enter")
            await person.settle()
            assert "new volume" in person.screen

    asyncio.run(scene())
    assert not agent.host.ran


def test_a_kind_has_its_screen_by_being_a_kind(agent: Agent, admin: MemoryTransport) -> None:
    apply(agent.client(ADMIN), FULL)

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("4")
            assert "other" in person.screen
            same_screen("volumes-80x24", person.screen)
            await person.resize(LARGE)
            same_screen("volumes-160x48", person.screen)

    asyncio.run(scene())
    assert FakeVolume.noun == "volume"


def test_every_screen_is_ascii_on_a_plain_terminal(record: Record) -> None:
    async def scene() -> None:
        async with sitting(record(lab_disks())) as person:
            seen = [person.screen]
            for keys in (["2"], ["v"], ["question_mark"], ["escape", "3"], ["n"], ["f1"],
                         ["escape", "escape", "4"], ["5"], ["6"], ["n"], ["down", "down"], ["escape", "7"],
                         ["n"], ["escape", "8"], ["n"], ["escape", "9"], ["0"], ["g"]):  # fmt: skip
                await person.press(*keys)
                seen.append(person.screen)
            for screen in seen:
                assert screen.isascii(), screen
            assert len(set(seen)) == len(seen)

    asyncio.run(scene())


def test_an_alert_is_seen_and_acknowledged_with_a_note(
    agent: Agent, admin: MemoryTransport
) -> None:
    raise_alert(agent, "d1")

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("0")
            assert "it is likely to fail" in person.screen
            assert "next: Replace it." in person.screen
            same_screen("alerts-80x24", person.screen)
            await person.press("a")
            await person.type("disk ordered")
            await person.press("enter")
            await person.settle()
            assert "acknowledged" in person.line("> ")
            assert "disk ordered" in person.screen
            await person.press("a")
            assert "nothing here that nobody knows of" in person.screen

    asyncio.run(scene())
    (alert,) = agent.client(ADMIN).call(api.ALERTS).alerts
    assert (alert.acknowledged_by, alert.note) == ("ada", "disk ordered")


def test_a_secret_goes_in_by_name_and_is_never_shown(agent: Agent, admin: MemoryTransport) -> None:
    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("g")
            await person.type("secrets")
            await person.press("enter", "n")
            await person.type("Wrong Name")
            await person.press("enter")
            assert "a small letter first" in person.screen
            await person.press("n")
            await person.type("pool-key")
            await person.press("enter")
            await person.type("tr0ub4dor")
            assert "tr0ub4dor" not in person.screen
            await person.press("enter")
            assert "> pool-key" in person.screen
            await person.press("d", "y")
            assert "no secret yet" in person.screen

    asyncio.run(scene())
    assert "secret/pool-key" in {line.subject for line in agent.context.audit.page(10, None)}


def test_a_console_nobody_touches_is_left(agent: Agent, admin: MemoryTransport) -> None:
    async def scene() -> None:
        async with sitting(admin) as person:
            person.app._idle_s = 60
            for _ in range(50):
                person.app._second()
            await person.press("2")
            for _ in range(50):
                person.app._second()
            assert person.app.is_running
            for _ in range(11):
                person.app._second()
            await person.pilot.pause()
            assert person.app._exit

    asyncio.run(scene())
    assert not agent.host.ran


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "160x48"])
def test_screens_of_the_real_kinds_look_as_recorded(record: Record, size: tuple[int, int]) -> None:
    async def scene() -> None:
        async with sitting(record(lab_disks()), size) as person:
            shots = {
                "pools": ["3"], "pool-form": ["n", "down", "right", "down", "down"],
                "share-form": ["escape", "6", "n", "down", "down"], "users": ["escape", "5"],
                "luns": ["7"], "vm-form": ["8", "n", "down"], "no-alerts": ["escape", "0"],
                "disk-list": ["2", "v"],
            }  # fmt: skip
            for name, keys in shots.items():
                await person.press(*keys)
                same_screen(f"{name}-{size[0]}x{size[1]}", person.screen)

    asyncio.run(scene())
