"""The thread's rounds: one part's trouble is not another's, and it sleeps until something is due."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agents.node.care.care import LONGEST_S, SOON_S, Care, Parts, attend
from agents.node.observe.smart import SmartCache, SmartReader
from appliance.errors import UnavailableError
from appliance.kinds.base import Probe
from appliance.model.resource import Finding, Severity
from appliance.model.snapshot import NodeSnapshot
from tests.unit.care.node import CareNode
from tests.unit.fakes import FakeProbe


class Part:
    """Something that is due in so many seconds."""

    def __init__(self, due_s: float | None) -> None:
        self.due_s = due_s
        self.rounds = 0
        self.fails = False

    def round(self, _: NodeSnapshot) -> float | None:
        self.rounds += 1
        if self.fails:
            raise UnavailableError("LVM hangs.", hint="Wait.")
        return self.due_s

    def findings(self) -> Iterator[Finding]:
        yield Finding(severity=Severity.INFO, subject="node", what=str(self.due_s), next_step="-")


class Box:
    """The machine around the node."""

    def __init__(self, node: CareNode) -> None:
        self.files = node.files
        self.executor = node
        self.smart = SmartCache(SmartReader(node.run), lambda: node.seconds)

    def probe(self) -> Probe:
        return FakeProbe()


@pytest.fixture
def parts() -> list[Part]:
    return [Part(None), Part(600), Part(7200), Part(None), Part(None)]


@pytest.fixture
def care(node: CareNode, parts: list[Part]) -> Care:
    return Care(Parts(*parts), node.sight.last)  # type: ignore[arg-type]


def test_it_sleeps_until_the_first_is_due_an_hour_at_most(care: Care, parts: list[Part]) -> None:
    assert care.round() == 600
    parts[1].due_s = None
    assert care.round() == LONGEST_S
    parts[1].due_s = 0.1
    assert care.round() == 1
    assert [part.rounds for part in parts] == [3, 3, 3, 3, 3]


def test_trouble_is_tried_again_soon_and_holds_up_nobody(care: Care, parts: list[Part]) -> None:
    parts[0].fails = True
    assert care.round() == SOON_S
    assert parts[2].rounds == 1


def test_before_the_first_look_nothing_is_done(parts: list[Part]) -> None:
    care = Care(Parts(*parts), lambda: None)  # type: ignore[arg-type]
    assert care.round() == SOON_S
    assert parts[0].rounds == 0


def test_all_findings_are_told(care: Care) -> None:
    assert [item.what for item in care.findings()] == ["None", "600", "7200", "None", "None"]


def test_the_thread_wakes_when_the_node_was_looked_at_and_ends(
    care: Care, parts: list[Part]
) -> None:
    care.start()
    care.looked()
    while not parts[0].rounds:
        care.looked()
    care.stop()
    care.join(10)
    assert not care.is_alive()


def test_put_together_on_a_node_it_starts_nothing_while_nothing_is_due(node: CareNode) -> None:
    care = attend(node.means, node.book, Box(node))
    looks = node.sight.looks
    care.round()
    assert (node.ran, node.sight.looks, node.at_rest()) == ([], looks, [])
    assert [line.what for line in care.of_pool("clinic")] == ["scrub"]
    disk = node.now_seen.disk("ZSAS0000")
    assert disk is not None
    assert [line.what for line in care.of_disk(disk)] == ["long self-test", "short self-test"]
    assert care.findings() == ()
    care.replacing("clinic", [disk], 1)
    care.round()
    assert [job.who for job in node.at_rest()] == ["schedule"]
