"""One disk's life on the screen: verdict, evidence, trends, light, and being replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from agents.node.recorded import recorded_node
from appliance.client.memory import MemoryTransport
from appliance.health.judge import measure
from appliance.model.job import Job, JobState, StepRecord, StepState
from appliance.model.light import Light
from appliance.model.verdict import PastMeasures
from tests.contract.conftest import Agent
from tests.tui.conftest import CLINIC, Record, many_disks
from tests.tui.driving import LARGE, Person, same_screen, sitting
from tests.unit.fakehost import NOW
from tests.unit.health.readings import attribute, hdd
from tui.screens.disk_acts import light_words
from tui.trends import PLAIN_LEVELS, RICH_LEVELS, spark, trend_lines
from tui.words import job_progress


@pytest.fixture
def clinic() -> Iterator[MemoryTransport]:
    """The lab chassis with a pool, as it was recorded."""
    node = recorded_node(CLINIC)
    yield MemoryTransport(node, peer=(1, 0, 0))
    node.state.front.close()
    node.state.store.close()
    node.state.folder.cleanup()


def text(lines: object) -> str:
    return "\n".join("".join(span.text for span in line) for line in lines)  # type: ignore[attr-defined]


def unwrapped(person: Person) -> str:
    """The screen as one line, without the borders of boxes."""
    return " ".join(person.screen.replace("|", " ").split())


def looks(*values: int) -> tuple[PastMeasures, ...]:
    return tuple(
        PastMeasures(at=NOW + timedelta(hours=hour), measures={"pending": value, "reallocated": 3})
        for hour, value in enumerate(values)
    )


def test_a_plot_shows_where_it_rose_and_keeps_short_peaks() -> None:
    assert (
        spark([0, 0, 4, 8], PLAIN_LEVELS) == "__=#" or spark([0, 0, 4, 8], PLAIN_LEVELS) == "__-#"
    )
    assert spark([5, 5, 5], RICH_LEVELS) == "▁▁▁"
    squeezed = spark([0] * 500 + [9] + [0] * 499, PLAIN_LEVELS, 10)
    assert squeezed == "_____#____"
    assert spark([], PLAIN_LEVELS) == ""


def test_what_changed_is_drawn_and_what_never_did_is_told_in_one_line() -> None:
    told = text(trend_lines(looks(0, 0, 2, 8), plain=True))
    assert "4 looks, 2026-11-24 08:00:00 to 2026-11-24 11:00:00" in told
    assert "pending" in told.splitlines()[2]
    assert "0 to 8, now 8, rising" in told
    assert "never changed: reallocated 3" in told
    assert told.isascii()
    assert "nothing was kept yet" in text(trend_lines((), plain=True))


def test_a_light_that_there_is_not_says_why() -> None:
    assert light_words(Light(available=True, on=True)) == "LIT"
    dark = Light(available=False, reasons=("no enclosure service", "no profile knows the bay"))
    assert light_words(dark) == (
        "cannot be lit here: no enclosure service; no profile knows the bay"
    )


def test_a_rebuild_tells_how_far_it_is() -> None:
    step = StepRecord(
        number=1, title="Rebuild", resource="pool/tank", line="lvs", state=StepState.BEGUN, has_undo=False,
        output="12 %, 1 GiB\n34 %, 3 GiB of 9 GiB, about 5 min left",
    )  # fmt: skip
    job = Job(
        number=1, plan_id="p", summary="s", who="ada", state=JobState.RUNNING, created_at=NOW,
        steps=(step,),
    )  # fmt: skip
    assert text(job_progress(job)) == (
        "[#######.............] 34 %, 3 GiB of 9 GiB, about 5 min left"
    )


def test_all_about_a_disk_with_evidence_and_trends(agent: Agent, admin: MemoryTransport) -> None:
    serial = agent.looking.recent().disks[0].serial
    for hour, pending in enumerate((0, 0, 2, 8)):
        reading = hdd(attribute(197, pending))
        measures = measure(reading)
        agent.context.verdicts._records.keep(
            serial, reading, measures, NOW - timedelta(hours=4 - hour)
        )
    agent.context.verdicts.take(serial, hdd(attribute(197, 8)))

    async def scene() -> None:
        async with sitting(admin) as person:
            await person.press("2", "enter")
            assert "PREFAIL" in person.screen
            assert "pending" in person.line("0 to 8, now 8, rising")
            assert "locate light: cannot be lit here" in person.screen
            same_screen("disk-80x24", person.screen.partition("facts")[0])
            await person.press("l")
            assert "The light of" in person.screen
            await person.press("x")
            assert "is in no pool, so there is nothing to replace" in person.screen.replace(
                "\n", " "
            )
            await person.resize((40, 12))
            assert all(len(line) <= 40 for line in person.screen.splitlines())
            await person.resize(LARGE)
            await person.press("escape")
            assert "disks" in person.screen.splitlines()[0]

    asyncio.run(scene())


async def at_the_bay(person: Person, *keys: str) -> None:
    await person.press("2", *["space"] * 6)
    assert "bay 7 (serial ZSSD0000)" in person.screen
    await person.press("x", *keys)


def test_a_disk_is_replaced_by_reading_its_bay(clinic: MemoryTransport) -> None:
    async def scene() -> None:
        async with sitting(clinic) as person:
            await at_the_bay(person)
            assert "leaves: bay 7 (serial ZSSD0000), pool fast" in person.screen
            assert "comes: bay 8 (serial ZSSD0001)" in person.screen
            assert "get one copy more on bay 8" in unwrapped(person)
            same_screen("replace-80x24", person.screen)
            await person.press("ctrl+s")
            assert "Type the bay label you read there:" in person.screen
            await person.type("8")
            await person.press("enter")
            assert "You are at '8', the disk is in 7: nothing done." in person.screen
            await person.press("ctrl+s")
            await person.type("7")
            await person.press("enter")
            assert "preview, nothing is done yet" in person.screen
            await person.press("enter")
            assert "Type ZSSD0000 to confirm" in person.screen

    asyncio.run(scene())


def test_another_disk_can_be_chosen_and_one_too_small_is_refused(clinic: MemoryTransport) -> None:
    async def scene() -> None:
        async with sitting(clinic) as person:
            await at_the_bay(person)
            await person.press("down", "enter")
            assert "comes: bay 1 (serial ZSAS0000)" in person.screen
            assert "may run at the speed of the slower one" in unwrapped(person)
            await person.press("escape")
            assert "bay 7 (serial ZSSD0000)" in person.screen

    asyncio.run(scene())


def test_a_bay_that_nothing_tells_is_named_by_who_stands_before_it(record: Record) -> None:
    disk = many_disks(1)[0].model_copy(update={"id_path": "pci-0000:00:1f.2-ata-3"})

    async def scene() -> None:
        async with sitting(record((disk,), profile="generic")) as person:
            await person.press("2", "b")
            await person.type("left/3")
            await person.press("enter")
            assert "'left/3' is no label" in person.screen
            await person.press("b")
            await person.type("left-3")
            await person.press("enter")
            await person.until("The disk Z00000 is in bay left-3.")

    asyncio.run(scene())
