"""While a disk is replaced: the pull of another one is told as what it is, and what care tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.node.watch.concerns import Replacing
from agents.node.watch.watch import Watch
from appliance.model.disk import DiskRole
from appliance.model.pool import TierName, full_cause
from appliance.model.resource import Finding, Severity
from tests.unit.watch.node import FREE, A, B, Node, Silence, gone, missing

TOOK = Finding(
    severity=Severity.WARNING, subject="disk/A", what="the spare took A's place",
    next_step="Pull it.", cause="spare-took-over",
)  # fmt: skip
LATE = Finding(severity=Severity.WARNING, subject="pool/tank", what="late", next_step="Look.")


def watching(node: Node, **parts: object) -> Node:
    node.watch = Watch(replace(node._parts(), **parts), Silence())  # type: ignore[arg-type]
    node.hears()
    return node


@pytest.mark.parametrize(("serial", "wrong"), [("A", False), ("B", True)])
def test_a_wrong_pull_says_what_to_do(node: Node, serial: str, *, wrong: bool) -> None:
    node.busy = True
    running = (Replacing(7, "tank", frozenset({"A"})),)
    watching(node, replacing=lambda: running)
    pulled = {"A": A, "B": B}[serial]
    left = tuple(item for item in (A, B, FREE) if item is not pulled)
    node.seen.disks = (missing(pulled), *left)
    node.hears(gone(pulled.node))
    (alert,) = node.alerts.open()
    assert alert.severity is Severity.CRITICAL
    assert alert.what.startswith("the wrong disk went: bay 2 (serial B)") is wrong
    assert ("appliance job watch 7" in alert.next_step) is wrong
    assert (alert.bay, alert.serial, alert.pool) == (pulled.bay, pulled.serial, "tank")


def test_a_disk_that_was_lost_before_is_no_wrong_pull(node: Node) -> None:
    running = (Replacing(7, "tank", frozenset({"A"}), frozenset({"B"})),)
    watching(node, replacing=lambda: running)
    node.seen.disks = (A, missing(B), FREE)
    node.hears(gone(B.node))
    (alert,) = node.alerts.open()
    assert "of pool tank does not answer" in alert.what


def test_another_pools_disk_is_no_wrong_pull(node: Node) -> None:
    watching(node, replacing=lambda: (Replacing(7, "other", frozenset({"X"})),))
    node.seen.disks = (missing(A), B, FREE)
    node.hears(gone("sda"))
    (alert,) = node.alerts.open()
    assert "of pool tank does not answer" in alert.what


def test_a_pulled_spare_is_a_warning(node: Node) -> None:
    spare = FREE.model_copy(update={"role": DiskRole.SPARE, "pool": "tank"})
    node.seen.disks = (A, B, spare)
    watching(node)
    node.seen.disks = (A, B, missing(spare))
    node.hears(gone("sdf"))
    (alert,) = node.alerts.open()
    assert (alert.severity, alert.what) == (
        Severity.WARNING, "the spare in bay 6 (serial F) does not answer",
    )  # fmt: skip


@pytest.mark.parametrize("busy", [False, True])
def test_what_care_tells_becomes_alerts_of_disks_even_while_a_job_runs(
    node: Node, *, busy: bool
) -> None:
    node.busy = busy
    watching(node, told=lambda: (TOOK, LATE))
    told = {alert.subject: alert for alert in node.alerts.open()}
    assert set(told) == ({"disk/A"} if busy else {"disk/A", "pool/tank"})
    assert (told["disk/A"].bay, told["disk/A"].cause) == ("1", "spare-took-over")


def test_a_pool_that_fills_while_a_rebuild_is_waited_for_is_told(node: Node) -> None:
    full = LATE.model_copy(update={"cause": full_cause(TierName.CAPACITY, "data")})
    watching(node, told=lambda: (full, LATE), aside=lambda: frozenset({"pool/tank"}))
    assert node.open() == [("pool/tank", "capacity-data-full", Severity.WARNING)]


def test_care_hears_of_every_look(node: Node) -> None:
    looks: list[int] = []
    watching(node, looked=lambda: looks.append(1))
    assert looks
