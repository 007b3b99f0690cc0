"""The chassis as a picture, the disks as a list, what is said of one."""

from __future__ import annotations

import asyncio

from appliance.model.disk import DiskRole
from tests.tui.conftest import Record, lab_disks, many_disks
from tests.tui.driving import LARGE, SMALL, same_screen, sitting


def test_the_chassis_is_drawn_and_the_cursor_walks_over_it(record: Record) -> None:
    async def scene() -> None:
        async with sitting(record(lab_disks())) as person:
            await person.press("2")
            same_screen("disks-80x24", person.screen)
            await person.press("right", "right")
            assert "bay 3 (serial ZSAS0002): FAILING" in person.screen
            assert "verdict: failing" in person.screen
            assert "next: " in person.screen
            await person.press("down", "left", "left")
            assert "bay 5 (serial ZSAS0004): MISSING" in person.screen
            await person.press("comma")
            assert "bay 4 (serial ZSAS0003): ok" in person.screen
            await person.press("down", "down", "left")
            assert "bay 11: empty" in person.screen
            assert "takes nvme, sas disks" in person.screen
            await person.press("down", "down")
            assert "serial BOOT0" in person.screen

    asyncio.run(scene())


def test_a_state_is_told_by_symbol_and_letter_not_by_colour_alone(record: Record) -> None:
    async def scene() -> None:
        async with sitting(record(lab_disks())) as person:
            await person.press("2")
            row = person.line("[ 1 -+]")
            assert "3 -!" in row
            assert "5 Px" in person.line("5 Px")
            assert "7 F+" in person.screen
            assert "11 ." in person.screen

    asyncio.run(scene())


def test_picture_and_list_stay_on_the_same_disk(record: Record) -> None:
    async def scene() -> None:
        async with sitting(record(lab_disks())) as person:
            await person.press("2", "right", "right", "v")
            assert person.line("> ").split()[:2] == [">", "3"]
            await person.press("down", "v")
            assert "[ 4 -+]" in person.screen

    asyncio.run(scene())


def test_a_lost_disk_comes_before_the_new_one_in_its_bay(record: Record) -> None:
    disks = lab_disks()
    fresh = {"serial": "FRESH", "missing": False, "role": DiskRole.QUARANTINED, "pool": ""}
    node = record((*disks, disks[4].model_copy(update=fresh)))

    async def scene() -> None:
        async with sitting(node) as person:
            await person.press("2", *["space"] * 4)
            assert "5 Px" in person.screen
            assert "(serial ZSAS0004): MISSING" in person.screen
            assert "in its bay now: FRESH" in person.screen
            assert "Nothing to do" not in person.screen
            await person.press("x")
            assert "leaves: bay 5 (serial ZSAS0004)" in person.screen

    asyncio.run(scene())


def test_a_disk_is_wiped_through_a_preview(record: Record) -> None:
    async def scene() -> None:
        async with sitting(record(lab_disks())) as person:
            await person.press("2", "v")
            await person.press("slash")
            await person.type("ext4")
            await person.press("enter", "w")
            assert "THIS IS DESTROYED, AND CANNOT BE TAKEN BACK" in person.screen
            assert "ZSSD0000" in person.screen
            await person.press("enter")
            assert "DESTROYS DATA" in person.screen
            await person.type("ZSSD0001")
            await person.press("enter")
            assert "This is not ZSSD0000" in person.screen

    asyncio.run(scene())


def test_a_disk_is_admitted_and_erased_through_previews(record: Record) -> None:
    async def scene() -> None:
        async with sitting(record(lab_disks())) as person:
            await person.press("2", "v", "slash")
            await person.type("ZSAS0005")
            await person.press("enter", "enter", "a")
            assert "Read 64 places spread over" in person.screen
            await person.press("escape", "e")
            assert "THIS IS DESTROYED, AND CANNOT BE TAKEN BACK" in person.screen
            await person.press("enter")
            await person.type("ZSAS0001")
            await person.press("enter")
            assert "This is not ZSAS0005" in person.screen

    asyncio.run(scene())


def test_a_thousand_disks_are_a_list_that_filters(record: Record) -> None:
    async def scene() -> None:
        async with sitting(record(many_disks(1000), profile="generic"), LARGE) as person:
            await person.press("2")
            assert "Z00000" in person.screen
            await person.press("end")
            assert "Z00999" in person.line("> ")
            await person.press("slash")
            await person.type("failing")
            await person.press("enter")
            shown = [line for line in person.screen.splitlines() if "FAILING" in line]
            assert len([line for line in shown if "ST16000NM001G" in line]) == 11
            await person.press("escape")
            assert "hidden" not in person.screen

    asyncio.run(scene())


def test_a_window_made_tiny_and_large_again_shows_what_it_showed(record: Record) -> None:
    async def scene() -> None:
        async with sitting(record(lab_disks())) as person:
            await person.press("2", "right")
            before = person.screen
            await person.resize((40, 12))
            assert "[ 2 -+]" in person.screen
            assert all(len(line) <= 40 for line in person.screen.splitlines())
            await person.press("down")
            await person.press("up")
            await person.resize(SMALL)
            assert person.screen == before
            await person.resize(LARGE)
            same_screen("disks-160x48", person.screen)

    asyncio.run(scene())
