"""A disk that is back is taken in by itself, once, and not one rebuild after the other."""

from __future__ import annotations

import json

import pytest

from agents.node.care.returns import AGAIN_S, RETRY_S, SETTLE_S, Returns
from appliance.model.job import JobState
from appliance.model.verdict import Confidence, Grade, Part, Verdict
from tests.unit.care.node import CASES, CareNode

VERDICT = Verdict(
    verdict=Grade.FAILING, part=Part.DISK, confidence=Confidence.HIGH, evidence=(), next_step=""
)
REFRESH = "lvchange --refresh vg_clinic"


@pytest.fixture
def returns(node: CareNode) -> Returns:
    return Returns(node.means, lambda: node.seconds)


def back(node: CareNode, *, returned: bool) -> None:
    for tier in node.snapshot["found"]["pool"]["clinic"]["tiers"].values():
        tier["returned"] = returned


def well(node: CareNode) -> None:
    """What the node is once the last command has run."""
    node.turns_into[f"{REFRESH}/performance"] = json.loads((CASES / "noop-bays.json").read_text())[
        "snapshot"
    ]


def test_nothing_is_done_for_a_pool_that_is_whole(node: CareNode, returns: Returns) -> None:
    assert returns.round(node.now_seen) is None
    assert node.at_rest() == []


def test_it_is_taken_in_once_it_has_settled(node: CareNode, returns: Returns) -> None:
    back(node, returned=True)
    well(node)
    assert returns.round(node.now_seen) == SETTLE_S
    assert node.at_rest() == []
    node.passes(seconds=SETTLE_S)
    returns.round(node.now_seen)
    (job,) = node.at_rest()
    assert (job.who, job.state) == ("return", JobState.DONE)
    assert node.ran == [f"{REFRESH}/capacity", f"{REFRESH}/performance"]
    assert returns.round(node.now_seen) is None


def test_a_loose_contact_is_not_answered_again_at_once(node: CareNode, returns: Returns) -> None:
    back(node, returned=True)
    well(node)
    returns.round(node.now_seen)
    node.passes(seconds=SETTLE_S)
    returns.round(node.now_seen)
    assert len(node.at_rest()) == 1
    back(node, returned=False)
    returns.round(node.now_seen)
    back(node, returned=True)
    assert returns.round(node.now_seen) == pytest.approx(AGAIN_S, abs=60)
    node.passes(seconds=SETTLE_S)
    returns.round(node.now_seen)
    assert len(node.at_rest()) == 1


def test_it_waits_for_a_job(
    node: CareNode, returns: Returns, monkeypatch: pytest.MonkeyPatch
) -> None:
    back(node, returned=True)
    returns.round(node.now_seen)
    node.passes(seconds=SETTLE_S)
    with monkeypatch.context() as patch:
        patch.setattr(type(node.means), "job_runs", lambda *_: True)
        assert returns.round(node.now_seen) == RETRY_S
    assert node.at_rest() == []
    well(node)
    returns.round(node.now_seen)
    assert len(node.at_rest()) == 1


def test_what_stands_in_the_way_is_told(node: CareNode, returns: Returns) -> None:
    """The wish differs in more than the pool, which nobody asked to change."""
    back(node, returned=True)
    node.want({**node.site, "volume": {"new": {"pool": "clinic", "size": "1 GiB"}}})
    returns.round(node.now_seen)
    node.passes(seconds=SETTLE_S)
    returns.round(node.now_seen)
    assert node.at_rest() == []
    (finding,) = returns.findings()
    assert "could not take in its disk" in finding.what
    assert "volume/new" in finding.why
    back(node, returned=False)
    returns.round(node.now_seen)
    assert list(returns.findings()) == []


def test_a_replacement_that_was_given_up_is_not_gone_on_with(
    node: CareNode, returns: Returns
) -> None:
    """Its wish stands, and so does the old disk: only a person says again that it may go."""
    back(node, returned=True)
    new = {**node.disk("ZSAS0000"), "serial": "ZNEW0001", "wwn": "0x5000c5001234ffff", "bay": "11"}
    for key in ("pool", "tier", "signatures", "holders"):
        new.pop(key, None)
    node.snapshot["disks"].append({**new, "role": "free", "node": "sdz"})
    capacity = node.site["pool"]["clinic"]["capacity"]
    disks = ["ZNEW0001", *(f"ZSAS000{n}" for n in range(1, 6))]
    pool = {**node.site["pool"]["clinic"], "capacity": {**capacity, "disks": disks}}
    node.want({**node.site, "pool": {"clinic": pool}})
    returns.round(node.now_seen)
    node.passes(seconds=SETTLE_S)
    returns.round(node.now_seen)
    assert node.at_rest() == []
    assert node.ran == []
    (finding,) = returns.findings()
    assert "has to confirm: ZSAS0000" in finding.why


def test_where_a_disk_ails_a_person_looks_first(
    node: CareNode, returns: Returns, monkeypatch: pytest.MonkeyPatch
) -> None:
    back(node, returned=True)
    monkeypatch.setattr(node.verdicts, "verdict", lambda _: VERDICT)
    assert returns.round(node.now_seen) is None
