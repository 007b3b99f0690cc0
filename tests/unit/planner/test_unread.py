"""While a kind cannot be read, nothing of it is planned, and no disk is overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.errors import RefusedError
from appliance.model.disk import Signature
from appliance.model.resource import ActionRequest
from appliance.model.snapshot import NodeSnapshot
from tests.unit.fakehost import FakeHost
from tests.unit.jobs.sites import FULL, SMALL
from tests.unit.planner.test_plan import built, plan

SAID = "pool: Pools could not be read: 'vgs' did not end."


def unread(host: FakeHost, *nouns: str) -> NodeSnapshot:
    """The host as it looks when these kinds do not answer."""
    seen = host.observe({})
    found = {noun: items for noun, items in seen.found.items() if noun not in nouns}
    gone = {"found": found, "unread": frozenset(nouns), "problems": (SAID,)}
    return seen.model_copy(update=gone)


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return built(FakeHost(tmp_path))


@pytest.mark.parametrize(("before", "after"), [(SMALL, {}), ({}, SMALL)])
def test_a_pool_nobody_sees_is_neither_removed_nor_made(
    host: FakeHost, before: dict[str, Any], after: dict[str, Any]
) -> None:
    with pytest.raises(RefusedError, match="how pool/tank stands") as refused:
        plan(unread(host, "pool"), before, after)
    assert SAID in refused.value.message
    assert "appliance status" in refused.value.hint


def test_nothing_is_made_on_it(host: FakeHost) -> None:
    """What a guest's image is written over would look blank."""
    with pytest.raises(RefusedError, match="how volume/images stands"):
        plan(unread(host, "pool"), SMALL, SMALL | {"volume": FULL["volume"]})


def test_nothing_is_asked_of_it_either(host: FakeHost) -> None:
    act = ActionRequest(verb="scrub", resource="pool/tank")
    with pytest.raises(RefusedError, match="how pool/tank stands"):
        plan(unread(host, "pool"), FULL, FULL, act)


def test_what_is_wanted_of_it_is_not_made_anew_and_holds_up_nothing_else(host: FakeHost) -> None:
    host.exports = {}
    made = plan(unread(host, "pool"), FULL, FULL)
    assert {step.resource for step in made.steps} == {"nfs/images"}
    assert any(SAID in warning for warning in made.warnings)


@pytest.mark.parametrize("noun", ["pool", "boot"])
def test_no_disk_is_overwritten_while_nobody_can_tell_whose_it_is(
    host: FakeHost, noun: str
) -> None:
    act = ActionRequest(verb="wipe", resource="disk/d3")
    used = {"signatures": (Signature(type="LVM2_member"),)}
    disks = tuple(disk.model_copy(update=used) for disk in host.observe({}).disks)
    assert plan(host.observe({}).model_copy(update={"disks": disks}), {}, {}, act).claims
    with pytest.raises(RefusedError, match="whether it is in use is not known"):
        plan(unread(host, noun).model_copy(update={"disks": disks}), {}, {}, act)
