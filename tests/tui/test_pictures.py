"""Pictures of pools, snapshots, sessions and consoles; and that nothing of the API has no screen."""

from __future__ import annotations

import ast
import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.api import contract as api
from appliance.client.memory import MemoryTransport
from appliance.model.job import Job, JobState, StepRecord, StepState
from appliance.model.link import CONFIRM_TITLE
from tests.contract.conftest import Agent, hold_at
from tests.contract.conftest import gate as gate
from tests.tui.driving import LARGE, same_screen, sitting
from tests.tui.test_disk_life import clinic as clinic
from tests.tui.test_disk_life import text
from tests.unit.fakehost import NOW
from tui.pictures import Around, fill_line, lun, picture_lines, pool, volume
from tui.screens.job import waits_for_word

TUI = Path(__file__).parents[2] / "tui"
FOR_PROGRAMS = {
    "SNAPSHOT": "the node as one value",
    "METRICS": "Prometheus reads it",
    "RESOURCE": "the list holds it",
    "ALERT": "the list holds it",
    "PLAN_GET": "a plan is shown when it is made",
    "BAYS_TAUGHT": "the disks are shown in their bays",
    "NETWORK": "the job that waits tells it",
}


def test_everything_the_api_can_do_is_on_the_screen() -> None:
    rows = {name for name, value in vars(api).items() if isinstance(value, api.Endpoint)}
    asked = {
        node.id
        for path in TUI.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name)
    }
    assert rows - asked <= set(FOR_PROGRAMS)


def member(serial: str, **facts: Any) -> dict[str, Any]:
    return {"serial": serial, "size": 2**30, "missing": False, "integrity": True, "mismatches": 0,
            **facts}  # fmt: skip


def tank(**facts: Any) -> dict[str, Any]:
    tier = {
        "members": [member("A"), member("B", missing=True), member("C", mismatches=7)],
        "raid": "raid6", "degraded": True, "sync_percent": 34.0, "sync_action": "recover",
        "thin_pool": True, "data_percent": 91.0, "data_size": 2**32, "metadata_percent": 81.0,
        "metadata_size": 2**25, "cached": True, "cache_size": 2**28, **facts,
    }  # fmt: skip
    found = {"size": 2**33, "free": 0, "tiers": {"capacity": tier}, "spares": ["D"]}
    return {"id": "pool/tank", "kind": "pool", "name": "tank", "spec": {}, "found": found,
            "findings": []}  # fmt: skip


def test_a_pool_is_a_tree_from_its_disks_to_its_volumes() -> None:
    images = {"name": "images", "found": {"pool": "tank", "tier": "capacity", "size": 2**31,
              "used_percent": 32.0, "in_use": True, "snapshots": [{}]}}  # fmt: skip
    drawn = text(pool(tank(), Around((images,), {"A": "3", "D": "12"})))
    assert drawn.splitlines() == [
        "tank: 8 GiB, 0 B in no tier",
        "+ capacity  DEGRADED",
        "  | bay 3 (A), 1 GiB, checksums",
        "  | B, 1 GiB  MISSING",
        "  | C, 1 GiB, checksums  7 blocks failed",
        "  + raid6: [#######.............] 34 % of its rebuild, cache 256 MiB",
        "    + data     [##################..] 91 % of 4 GiB  FULL SOON",
        "    + metadata [################....] 81 % of 32 MiB  filling up",
        "      + images 2 GiB, 32 % used, 1 snapshot",
        "  spares: bay 12 (D)",
    ]


def test_a_level_is_said_in_a_word_not_by_its_colour() -> None:
    assert text([fill_line("x", 79, "1 GiB")]).endswith("79 % of 1 GiB")
    assert text([fill_line("x", 80, "1 GiB")]).endswith("filling up")
    assert text([fill_line("x", 90, "1 GiB")]).endswith("FULL SOON")


def test_sessions_snapshots_and_what_is_not_there_yet() -> None:
    item = {"spec": {"initiators": ["iqn.a", "iqn.b"]}, "found": {"sessions": ["iqn.b", "iqn.x"]}}
    assert text(lun(item, Around())).splitlines() == [
        "sessions: 2 logged in", "  iqn.a  away", "  iqn.b  LOGGED IN", "  iqn.x  LOGGED IN",
    ]  # fmt: skip
    kept = [{"name": "b", "created_at": "2026-11-24T14:00:00Z", "size": 1024},
            {"name": "a", "created_at": "2026-11-23T14:00:00Z", "size": 1024}]  # fmt: skip
    names = text(volume({"found": {"snapshots": kept}}, Around())).splitlines()
    assert [line.split()[0] for line in names[1:]] == ["a", "b"]
    assert picture_lines({**tank(), "found": None}, Around()) == ()
    assert picture_lines({**tank(), "kind": "user"}, Around()) == ()


def test_the_recorded_pool_volume_and_their_trees(clinic: MemoryTransport) -> None:
    async def scene() -> None:
        async with sitting(clinic) as person:
            await person.press("3")
            assert "bay 7 (ZSSD0000)" in person.screen
            assert "+ images 400 MiB" in person.screen
            same_screen("pool-tree-80x24", person.screen)
            await person.press("4")
            assert "monday" in person.screen
            await person.resize(LARGE)
            same_screen("snapshots-160x48", person.screen)

    asyncio.run(scene())


def step(title: str, state: StepState) -> StepRecord:
    return StepRecord(number=1, title=title, resource="r", state=state, line="", has_undo=False)


def test_only_a_job_that_waits_for_it_offers_to_keep_the_network() -> None:
    def job(*steps: StepRecord) -> Job:
        return Job(number=1, plan_id="p", state=JobState.RUNNING, who="ada", created_at=NOW,
                   summary="s", steps=steps)  # fmt: skip

    assert waits_for_word(job(step(CONFIRM_TITLE, StepState.BEGUN)))
    assert not waits_for_word(job(step(CONFIRM_TITLE, StepState.ENDED)))
    assert not waits_for_word(job(step("Another", StepState.BEGUN)))
    assert not waits_for_word(None)


class TestTheNetwork:
    @pytest.fixture
    def on_edge(self, gate: threading.Event) -> Callable[[int, int, str], None]:
        return hold_at(1, "begun", gate)

    def test_new_settings_are_kept_by_a_key(
        self, agent: Agent, admin: MemoryTransport, gate: threading.Event,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        """The job of the fake host stands in its first step, which is given the title."""
        from appliance.model.plan import PlanRequest
        from tests.contract.test_calls import ADMIN, start
        from tests.unit.jobs.sites import SMALL

        monkeypatch.setattr(agent.host, "_systemctl", lambda *_: None, raising=False)
        agent.context.network.arm()
        client = agent.client(ADMIN)
        start(client, client.call(api.PLAN_MAKE, PlanRequest(site=SMALL)))
        with agent.context.journal._store.writing() as db:
            db.execute("UPDATE step SET title = ? WHERE number = 1", [CONFIRM_TITLE])

        async def scene() -> None:
            async with sitting(admin) as person:
                await person.press("9")
                await person.pilot.press("enter")  # what follows a job always waits for news
                await person.until("y keeps it")
                await person.pilot.press("y")
                await person.until("The new network settings are confirmed")
                gate.set()

        try:
            asyncio.run(scene())
        finally:
            gate.set()
        assert "network_confirm" in {line.what for line in agent.context.audit.page(5, None)}
