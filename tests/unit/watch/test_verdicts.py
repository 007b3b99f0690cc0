"""Verdicts on disks: what is new changes them, what brought nothing does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from agents.node.watch.verdicts import Verdicts
from appliance.model.disk import Disk
from appliance.model.smart import SmartReading
from appliance.model.verdict import Grade, Verdict
from appliance.state.disk_records import DiskRecords
from tests.unit.health.readings import attribute, hdd, nvme
from tests.unit.watch.node import FREE, A, B, Node

SLEEPS = SmartReading(standby=True, error="the disk sleeps")
HANGS = SmartReading(error="smartctl did not end within 30 s")


def test_a_disk_nobody_read_is_unknown(node: Node) -> None:
    verdict = node.verdicts.verdict(A)
    assert verdict.verdict is Grade.UNKNOWN
    assert "not been read" in verdict.evidence[0].words


def test_a_new_reading_changes_the_verdict_and_is_kept(node: Node) -> None:
    node.verdicts.take("A", hdd())
    assert node.verdicts.verdict(A).verdict is Grade.HEALTHY
    node.passes(60)
    node.verdicts.take("A", hdd(attribute(197, 8)))
    verdict = node.verdicts.verdict(A)
    assert verdict.verdict is Grade.PREFAIL
    assert node.verdicts.measures("A")["pending"] == 8
    assert len(node.verdicts.history("A")) == 2
    assert node.verdicts.taken_at("A") == node.time


def test_it_survives_a_restart(node: Node) -> None:
    node.verdicts.take("A", hdd(attribute(197, 8)))
    again = Verdicts(DiskRecords(node.store), lambda: node.time)
    assert again.verdict(A) == node.verdicts.verdict(A)


def test_a_failing_disk_that_hangs_or_sleeps_is_still_failing(node: Node) -> None:
    node.verdicts.take("A", nvme(critical_warning=0x04, passed=False))
    for reading in (SLEEPS, HANGS, HANGS, HANGS):
        node.verdicts.take("A", reading)
        assert node.verdicts.verdict(A).verdict is Grade.FAILING


def test_a_healthy_disk_that_falls_silent_is_watched(node: Node) -> None:
    node.verdicts.take("A", hdd())
    node.verdicts.take("A", HANGS)
    assert node.verdicts.verdict(A).verdict is Grade.HEALTHY
    node.verdicts.take("A", HANGS)
    verdict = node.verdicts.verdict(A)
    assert (verdict.verdict, verdict.evidence[0].rule) == (Grade.WATCH, "smart-silent")
    node.verdicts.take("A", hdd())
    assert node.verdicts.verdict(A).verdict is Grade.HEALTHY


def test_sleep_is_no_silence(node: Node) -> None:
    node.verdicts.take("A", hdd())
    for _ in range(5):
        node.verdicts.take("A", SLEEPS)
    assert node.verdicts.verdict(A).verdict is Grade.HEALTHY


def test_an_acknowledged_counter_is_quiet_until_it_rises(node: Node) -> None:
    node.verdicts.take("A", hdd(attribute(199, 12)))
    assert node.verdicts.verdict(A).verdict is Grade.WATCH
    node.verdicts.acknowledge("A", "tom")
    assert node.verdicts.verdict(A).verdict is Grade.HEALTHY
    assert ("interface-crc", 12) in {
        (item.measure, item.value) for item in node.verdicts.acknowledged("A")
    }
    node.verdicts.take("A", hdd(attribute(199, 13)))
    assert node.verdicts.verdict(A).verdict is Grade.WATCH


def test_a_rise_since_the_first_look_is_seen_across_a_restart(node: Node) -> None:
    node.verdicts.take("A", hdd(attribute(199, 3)))
    node.passes(60)
    node.verdicts.take("A", hdd(attribute(199, 9)))
    again = Verdicts(DiskRecords(node.store), lambda: node.time)
    assert again.verdict(A).evidence[0].before == 3


def test_peers_of_the_same_model_are_compared(node: Node) -> None:
    model = "ST4000NM0023"
    for number in range(4):
        node.verdicts.take(f"P{number}", hdd(attribute(199, 0), model=model))
    node.verdicts.take("A", hdd(attribute(199, 500), model=model))
    lines = {line.rule: line for line in node.verdicts.verdict(A).evidence}
    assert lines["interface-crc"].peers == 0
    node.verdicts.take("F", hdd(attribute(199, 500), model="another"))
    lines = {line.rule: line for line in node.verdicts.verdict(FREE).evidence}
    assert lines["interface-crc"].peers is None


def test_a_disk_that_tells_its_health_does_answer(node: Node) -> None:
    node.verdicts.hear("B", "kernel-no-answer", 1, "DID_NO_CONNECT")
    assert node.verdicts.verdict(B).verdict is Grade.FAILING
    node.verdicts.take("B", hdd())
    assert node.verdicts.verdict(B).verdict is Grade.HEALTHY
    assert node.verdicts.kernel_words("B") == ()


def test_what_was_said_of_a_seat_is_over_when_the_disk_moves(node: Node) -> None:
    node.verdicts.hear("B", "kernel-io-errors", 20, "I/O error")
    node.passes(3600)
    node.verdicts.hear("B", "kernel-raid-dropped", 1, "Disk failure on dm-3")
    node.verdicts.moved("B")
    (word,) = node.verdicts.kernel_words("B")
    assert (word.measure, word.count) == ("kernel-io-errors", 20)


def test_a_list_is_made_once_for_a_look_and_anew_when_something_is_known(node: Node) -> None:
    made: list[int] = []

    def show(judged: Sequence[tuple[Disk, Verdict]]) -> tuple[str, ...]:
        made.append(1)
        return tuple(f"{disk.serial} {verdict.verdict}" for disk, verdict in judged)

    disks = (A, B)
    assert node.verdicts.judged(disks, show) == ("A unknown", "B unknown")
    node.verdicts.judged(disks, show)
    assert len(made) == 1
    node.verdicts.take("A", hdd())
    assert node.verdicts.judged(disks, show) == ("A healthy", "B unknown")
    assert node.verdicts.judged((A, B, FREE), show)[-1] == "F unknown"
    assert len(made) == 3


def test_an_hour_without_change_writes_nothing(node: Node) -> None:
    for _ in range(5):
        node.verdicts.take("A", hdd(temperature_c=33))
        node.time += timedelta(minutes=1)
    assert len(node.verdicts.history("A")) == 1
