"""Import: a thing found on the disks becomes a wish, and the node is not touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.errors import NotFoundError, RefusedError
from appliance.kinds.load import load_snapshot
from appliance.kinds.registry import all_kinds
from appliance.model.plan import PlanRequest
from appliance.model.resource import ActionRequest, Resource
from appliance.model.share import SmbSpec
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.wish import Wish, imported, wish_of

CASES = Path(__file__).parents[2] / "plans"


def snapshot(case: str) -> NodeSnapshot:
    return load_snapshot(all_kinds(), json.loads((CASES / case).read_text())["snapshot"])


def ask(resource: str, case: str, before: tuple[Resource, ...] = ()) -> Wish:
    request = PlanRequest(action=ActionRequest(resource=resource, verb="import"))
    return imported(all_kinds(), snapshot(case), wish_of(all_kinds(), request, before))


def test_a_pool_is_wanted_as_it_was_found() -> None:
    wish = ask("pool/clinic", "storage.lvm/noop.json")
    assert wish.action is None
    (pool,) = wish.after
    told = pool.spec.model_dump(mode="json", exclude_none=True)
    assert told["capacity"]["disks"] == [f"ZSAS000{n}" for n in range(6)]
    assert (told["capacity"]["raid"], told["capacity"]["cache"]) == ("raid6", 128 * 2**20)
    assert ask("pool/clinic", "storage.lvm/noop.json", wish.after).after == wish.after


def test_a_volume_stands_after_its_pool() -> None:
    pool = ask("pool/clinic", "storage.volume/noop.json").after
    wish = ask("volume/images", "storage.volume/noop.json", pool)
    assert [item.id for item in wish.after] == ["pool/clinic", "volume/images"]


def test_a_share_takes_its_faces_along() -> None:
    wish = ask("share/images", "shares.smb/noop.json")
    assert [item.id for item in wish.after] == ["share/images", "smb/images"]
    managed = tuple(
        item.model_copy(update={"spec": SmbSpec(readers=("radiology",))})
        if item.kind == "smb" else item
        for item in wish.after
    )  # fmt: skip
    assert ask("share/images", "shares.smb/noop.json", managed).after == managed


@pytest.mark.parametrize("resource", ["pool/other", "vase/clinic", "pool"])
def test_what_is_not_there(resource: str) -> None:
    with pytest.raises(NotFoundError, match="not on this node"):
        ask(resource, "storage.lvm/noop.json")


def test_a_half_built_pool_is_no_wish() -> None:
    with pytest.raises(RefusedError, match="half-built"):
        ask("pool/clinic", "storage.lvm/create-continued-tags.json")


def test_other_acts_pass() -> None:
    request = PlanRequest(action=ActionRequest(resource="pool/clinic", verb="scrub"))
    wish = wish_of(all_kinds(), request, ())
    assert imported(all_kinds(), snapshot("storage.lvm/noop.json"), wish) is wish
