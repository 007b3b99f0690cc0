"""A disk's way through quarantine against the real application: admitted, used, left, erased."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from appliance.api import contract as api
from appliance.api.wire import ApplyRequest, Empty
from appliance.errors import ConfirmationError, RefusedError
from appliance.model.disk import DiskRole, Quarantine, Signature
from appliance.model.plan import PlanRequest
from appliance.model.resource import ActionRequest
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.standing import stand
from tests.contract.conftest import Agent
from tests.contract.test_cli import Run
from tests.contract.test_cli import run as run
from tests.unit.fakehost import NOW

SIZE = 4 * 2**20
TECHNICIAN, VIEWER = 1002, 1004
Facts = dict[str, dict[str, Any]]


@pytest.fixture
def facts(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> Facts:
    """The host's disks stand as the book says; what a test writes here is seen on them."""
    told: Facts = {}
    seen: Callable[[Mapping[str, str]], NodeSnapshot] = agent.host.observe

    def fresh(claims: Mapping[str, str]) -> NodeSnapshot:
        plain = seen(claims)
        disks = tuple(
            disk.model_copy(update={"size": SIZE, **told.get(disk.serial, {})})
            for disk in plain.disks
        )
        found = stand(plain.model_copy(update={"disks": disks}), agent.context.book.entries(), NOW)
        agent.context.book.saw(found.changed, found.forgotten)
        return found.snapshot

    monkeypatch.setattr(agent.host, "observe", fresh)
    for serial in ("d1", "d2", "d3", "d4"):
        device = agent.host.root / f"dev/s{serial}"
        device.parent.mkdir(exist_ok=True)
        device.write_bytes(os.urandom(SIZE))
    return told


def role(agent: Agent, serial: str = "d1") -> tuple[str, str | None]:
    disk = agent.client().call(api.DISK, Empty(), disk=serial).disk
    return disk.role.value, disk.quarantine.value if disk.quarantine else None


def content(agent: Agent, serial: str = "d1") -> bytes:
    return (agent.host.root / f"dev/s{serial}").read_bytes()


def test_a_new_disk_is_admitted_on_evidence(agent: Agent, run: Run, facts: Facts) -> None:
    assert role(agent) == ("quarantined", "new")
    assert "new here" in run("disk", "list").out
    shown = run("disk", "admit", "d1", "--preview")
    assert "Read 64 places spread over bay 1 (serial d1)" in shown.out
    before = content(agent)
    done = run("disk", "admit", "d1", "--yes")
    assert done.status == 0, done.err
    assert role(agent) == ("free", None)
    assert content(agent) == before, "reading writes nothing"
    show = run("disk", "show", "d1").out
    assert "admitted 2026-11-24 08:00:00 by ada, depth sample:" in show
    assert "  surface  ok      64 places" in show
    assert "  smart    watch   Its health cannot be told" in show
    line = agent.context.audit.page(9)
    assert any(item.what == "disk_standing" and item.who == "ada" for item in line)


def test_a_pattern_needs_the_serial(agent: Agent, run: Run, facts: Facts) -> None:
    words = ("disk", "admit", "d1", "--depth", "pattern", "--yes")
    refused = run(*words)
    assert (refused.status, "--confirm d1" in refused.err) == (65, True)
    assert run(*words, "--confirm", "d1").status == 0
    assert content(agent)[512:520] == (512).to_bytes(8, "little")


def test_a_bad_block_leaves_it_in_quarantine(agent: Agent, run: Run, facts: Facts) -> None:
    facts["d1"] = {"size": 2 * SIZE}
    failed = run("disk", "admit", "d1", "--depth", "full", "--yes")
    assert failed.status == 74
    assert "ends before its own size" in failed.err
    assert role(agent) == ("quarantined", "new")


def test_a_disk_that_held_something_is_quarantined_until_it_is_erased(
    agent: Agent, run: Run, facts: Facts
) -> None:
    facts["d1"] = {"role": DiskRole.FOREIGN, "signatures": (Signature(type="xfs"),)}
    assert role(agent) == ("foreign", None)
    facts.clear()
    assert role(agent) == ("quarantined", "not-erased")
    assert "not erased: xfs" in run("disk", "list").out
    refused = run("disk", "admit", "d1", "--yes")
    assert refused.status == 65
    assert "appliance disk erase d1" in refused.err
    shown = run("disk", "erase", "d1", "--preview")
    assert "A better way is barred now. ata-secure-erase: the firmware has frozen it" in shown.out
    assert "clear by NIST SP 800-88" in shown.out
    unsure = run("disk", "erase", "d1", "--yes")
    assert (unsure.status, "--confirm d1" in unsure.err) == (65, True)
    assert content(agent) != bytes(SIZE)
    done = run("disk", "erase", "d1", "--yes", "--confirm", "d1")
    assert done.status == 0, done.err
    assert content(agent) == bytes(SIZE)
    assert role(agent) == ("free", None)


def test_the_certificate_can_be_printed_when_the_disk_is_gone(
    agent: Agent, run: Run, facts: Facts
) -> None:
    missing = run("disk", "certificate", "d1")
    assert (missing.status, "There is no certificate" in missing.err) == (66, True)
    assert run("disk", "erase", "d1", "--yes", "--confirm", "d1").status == 0
    printed = run("disk", "certificate", "d1", uid=VIEWER).out
    for words in ("sanitization 1", "serial         d1", "carried out by ada", "clear (NIST",
                  "command        blkdiscard --force --zeroout /dev/sd1", "64 places of 1 MiB"):  # fmt: skip
        assert words in printed
    paper = run("disk", "certificate", "d1", "--json").document
    assert (paper["method"], paper["job"], paper["size"]) == ("overwrite", 1, SIZE)
    lines = [item for item in agent.context.audit.page(20) if item.what == "disk_erased"]
    assert [paper["digest"] in item.outcome for item in lines] == [True]
    assert "erased 2026-11-24 08:00:00 by ada: overwrite, clear" in run("disk", "show", "d1").out


def test_a_frozen_disk_is_refused_by_name(agent: Agent, run: Run, facts: Facts) -> None:
    refused = run("disk", "erase", "d1", "--method", "ata-secure-erase", "--preview")
    assert refused.status == 65
    assert "frozen" in refused.err
    assert "It can now: overwrite." in refused.err


def test_a_plan_that_takes_new_disks_admits_them_first(agent: Agent, facts: Facts) -> None:
    client = agent.client()
    put = PlanRequest(put={"pool": {"tank": {"disks": ["d1"]}}})
    plan = client.call(api.PLAN_MAKE, put)
    assert plan.steps[0].title == "Admit the disk with bay 1 (serial d1)"
    assert plan.confirmations == ()
    erase = ActionRequest(resource="disk/d2", verb="erase")
    made = client.call(api.PLAN_MAKE, PlanRequest(action=erase))
    body = ApplyRequest(plan_id=made.id, digest=made.digest)
    with pytest.raises(ConfirmationError):
        client.call(api.JOB_START, body)


def test_a_job_that_is_taken_back_leaves_the_disk_as_new_as_it_was(
    agent: Agent, run: Run, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pool: str) -> None:
        raise RefusedError(f"no {pool}", hint="-")

    monkeypatch.setattr(agent.host, "_vgcreate", refuse)
    failed = run("pool", "create", "tank", "--disks", "d1", "--yes")
    assert failed.status == 74, failed.out + failed.err
    assert "Job 1 is undone: no tank" in failed.err
    assert role(agent) == ("quarantined", "new")
    assert agent.context.book.entry("d1") is None


def test_the_json_of_a_disk_has_its_standing(agent: Agent, run: Run, facts: Facts) -> None:
    assert run("disk", "admit", "d1", "--depth", "identity", "--yes").status == 0
    document = json.loads(run("disk", "show", "d1", "--json").out)
    assert document["standing"]["standing"] == "admitted"
    assert document["certificates"] == []
    assert document["disk"]["quarantine"] is None
    assert Quarantine.NEW.value == run("disk", "list", "--json").document["disks"][1]["quarantine"]


def test_a_technician_admits_and_erases_what_was_given_up(
    agent: Agent, run: Run, facts: Facts
) -> None:
    assert run("disk", "admit", "d1", "--yes", uid=TECHNICIAN).status == 0
    assert role(agent) == ("free", None)
    facts["d2"] = {"role": DiskRole.FOREIGN, "signatures": (Signature(type="xfs"),)}
    words = ("disk", "erase", "d2", "--yes", "--confirm", "d2")
    before = content(agent, "d2")
    refused = run(*words, uid=TECHNICIAN)
    assert refused.status == 77, refused.err
    assert "holds something that was not given up" in refused.err
    assert content(agent, "d2") == before
    facts.clear()
    assert role(agent, "d2") == ("quarantined", "not-erased")
    unsure = run("disk", "erase", "d2", "--yes", uid=TECHNICIAN)
    assert (unsure.status, "--confirm d2" in unsure.err) == (65, True)
    assert run(*words, uid=TECHNICIAN).status == 0
    assert content(agent, "d2") == bytes(SIZE)
    assert "carried out by tom" in run("disk", "certificate", "d2", uid=VIEWER).out
