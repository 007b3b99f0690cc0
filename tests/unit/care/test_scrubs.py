"""Scrubs begin by themselves, one pool at a time, and what came of them is kept."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import NoReturn

import pytest

from agents.node.care.metrics import scrub_families
from agents.node.care.scrubs import AGAIN, FOLLOW_S, LATE, Scrubs, outcome_words
from appliance.errors import BusyError, StaleError, StepFailedError
from appliance.model.command import Command
from appliance.model.job import JobState
from tests.unit.care.node import CareNode, later
from tests.unit.fakehost import NOW

CHECK = "lvchange --syncaction check"


@pytest.fixture
def scrubs(node: CareNode) -> Scrubs:
    return Scrubs(node.means, node.book, NOW - timedelta(days=1))


def checks(node: CareNode, *, action: str, mismatches: int = 0, failed: int = 0) -> None:
    for tier in node.snapshot["found"]["pool"]["clinic"]["tiers"].values():
        tier["sync_action"] = action
    capacity = node.snapshot["found"]["pool"]["clinic"]["tiers"]["capacity"]
    capacity["mismatches"] = mismatches
    capacity["members"][0]["mismatches"] = failed


def refuses(_: Command) -> NoReturn:
    raise StepFailedError("LVM cannot.", hint="Look.", subject="pool/clinic")


def numbers(scrubs: Scrubs) -> dict[str, float]:
    """What Prometheus is told of the pool."""
    families = scrub_families(scrubs.states())
    samples = ((family.name, *sample) for family in families for sample in family.samples)
    return {name: number for name, labels, number in samples if labels == {"pool": "clinic"}}


def until_due(node: CareNode, scrubs: Scrubs) -> None:
    seconds = scrubs.round(node.now_seen)
    assert seconds is not None
    assert 0 < seconds <= 30 * 86400
    node.passes(seconds=seconds)


def test_a_pool_is_scrubbed_when_it_is_due_and_the_outcome_kept(
    node: CareNode, scrubs: Scrubs
) -> None:
    until_due(node, scrubs)
    scrubs.round(node.now_seen)
    (job,) = node.at_rest()
    assert (job.who, job.state) == ("schedule", JobState.DONE)
    assert [line.rpartition(" ")[0] for line in node.ran] == [CHECK, CHECK]
    begun = node.time
    checks(node, action="check")
    assert scrubs.round(node.now_seen) == FOLLOW_S
    (line,) = scrubs.lines("clinic")
    assert (line.outcome, line.next_at) == ("runs", None)
    assert numbers(scrubs) == {
        "pool_scrub_running": 1, "pool_scrub_begin_timestamp_seconds": begun.timestamp(),
    }  # fmt: skip
    node.passes(hours=3)
    checks(node, action="idle", mismatches=16, failed=5)
    assert scrubs.round(node.now_seen) == pytest.approx((30 * 24 - 3) * 3600)
    (line,) = scrubs.lines("clinic")
    assert (line.last_at, line.outcome) == (begun, "16 sectors differ, 5 blocks corrected")
    assert (later(line.next_at) - begun).days == 30
    assert numbers(scrubs) == {
        "pool_scrub_running": 0,
        "pool_scrub_begin_timestamp_seconds": begun.timestamp(),
        "pool_scrub_end_timestamp_seconds": node.time.timestamp(),
        "pool_scrub_mismatched_sectors": 16,
        "pool_scrub_corrected_blocks": 5,
        "pool_scrub_next_timestamp_seconds": later(line.next_at).timestamp(),
    }


def test_one_that_a_restart_cut_off_is_not_called_clean_and_begins_anew(
    node: CareNode, scrubs: Scrubs
) -> None:
    scrubs.ask("clinic")
    scrubs.round(node.now_seen)
    assert len(node.at_rest()) == 1
    node.passes(minutes=20)
    again = Scrubs(node.means, node.book, booted_at=node.time)
    node.passes(minutes=1)
    assert again.round(node.now_seen) == FOLLOW_S
    assert len(node.at_rest()) == 2
    last, cut = node.book.scrubs("clinic")
    assert (outcome_words(last), outcome_words(cut)) == ("runs", "cut off")
    assert "pool_scrub_mismatched_sectors" not in numbers(scrubs)
    node.passes(minutes=1)
    checks(node, action="check")
    again.round(node.now_seen)
    checks(node, action="idle")
    node.passes(minutes=1)
    again.round(node.now_seen)
    assert [line.outcome for line in again.lines("clinic")] == ["no mismatches"]


def test_one_whose_job_failed_is_not_called_clean_and_is_tried_again_later(
    node: CareNode, scrubs: Scrubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    scrubs.ask("clinic")
    with monkeypatch.context() as patch:
        patch.setattr(node, "run", refuses)
        scrubs.round(node.now_seen)
        assert node.at_rest()[0].state is not JobState.DONE
    node.passes(minutes=1)
    scrubs.round(node.now_seen)
    assert [line.outcome for line in scrubs.lines("clinic")] == ["cut off"]
    node.passes(hours=5)
    scrubs.round(node.now_seen)
    assert len(node.at_rest()) == 1
    node.passes(hours=2)
    scrubs.round(node.now_seen)
    assert node.at_rest()[0].state is JobState.DONE


def test_one_that_a_person_began_counts_too(node: CareNode, scrubs: Scrubs) -> None:
    checks(node, action="check", failed=2)
    assert scrubs.round(node.now_seen) == FOLLOW_S
    node.passes(minutes=10)
    checks(node, action="idle", failed=2)
    scrubs.round(node.now_seen)
    (line,) = scrubs.lines("clinic")
    assert (line.last_at, line.outcome) == (NOW, "no mismatches")
    assert node.at_rest() == []


def test_after_a_replacement_at_the_next_chance(node: CareNode, scrubs: Scrubs) -> None:
    scrubs.ask("clinic")
    scrubs.round(node.now_seen)
    assert len(node.at_rest()) == 1
    checks(node, action="check")
    scrubs.round(node.now_seen)
    node.passes(minutes=10)
    checks(node, action="idle")
    scrubs.round(node.now_seen)
    assert len(node.at_rest()) == 1


def test_two_replacements_in_ten_minutes_are_each_followed_by_one(
    node: CareNode, scrubs: Scrubs
) -> None:
    for number in (1, 2):
        scrubs.ask("clinic")
        scrubs.round(node.now_seen)
        assert len(node.at_rest()) == number
        checks(node, action="check")
        scrubs.round(node.now_seen)
        node.passes(minutes=1)
        checks(node, action="idle")
        scrubs.round(node.now_seen)


def test_one_that_was_asked_for_begins_though_the_clock_goes_on(node: CareNode) -> None:
    def ticks() -> datetime:
        node.passes(microseconds=1)
        return node.time

    scrubs = Scrubs(dataclasses.replace(node.means, now=ticks), node.book, NOW)
    scrubs.ask("clinic")
    scrubs.round(node.now_seen)
    assert [job.who for job in node.at_rest()] == ["schedule"]


@pytest.mark.parametrize("error", [BusyError, StaleError], ids=["busy", "stale"])
def test_what_passes_by_itself_holds_one_up_for_half_a_minute(
    node: CareNode,
    scrubs: Scrubs,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BusyError | StaleError],
) -> None:
    def moved(*_: object) -> NoReturn:
        raise error("The node moved.", hint="Again.", subject="plan/1")

    scrubs.ask("clinic")
    with monkeypatch.context() as patch:
        patch.setattr(node.jobs, "start", moved)
        assert scrubs.round(node.now_seen) == FOLLOW_S
    assert node.at_rest() == []
    node.passes(seconds=FOLLOW_S)
    scrubs.round(node.now_seen)
    assert len(node.at_rest()) == 1


def test_a_fresh_look_that_finds_it_out_of_step_holds_it_up_for_half_a_minute(
    node: CareNode, scrubs: Scrubs
) -> None:
    scrubs.ask("clinic")
    before = node.now_seen
    checks(node, action="recover")
    assert scrubs.round(before) == FOLLOW_S
    checks(node, action="idle")
    node.passes(seconds=FOLLOW_S)
    scrubs.round(node.now_seen)
    assert len(node.at_rest()) == 1


def test_a_job_that_was_cut_off_is_settled_first(node: CareNode, scrubs: Scrubs) -> None:
    scrubs.ask("clinic")
    plan = node.means.plan(node.now_seen, node.wanted)
    node.journal.save_plan(plan)
    cut = node.journal.open_job(plan, (), who="tom", origin="local", confirmed=(), summary="")
    for state in (JobState.RUNNING, JobState.UNKNOWN):
        node.journal.move(cut, state)
    looks = node.sight.looks
    assert scrubs.round(node.now_seen) == FOLLOW_S
    assert node.sight.looks == looks, "nothing is looked at while a person has to act"
    node.jobs.abandon(cut)
    scrubs.round(node.now_seen)
    assert [job.who for job in node.at_rest()] == ["schedule", "tom"]


@pytest.mark.parametrize("what", ["missing", "recover", "partial", "job"])
def test_a_pool_that_is_not_whole_waits_and_is_told_when_that_lasts(
    node: CareNode, scrubs: Scrubs, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tier = node.snapshot["found"]["pool"]["clinic"]["tiers"]["capacity"]
    match what:
        case "missing":
            tier["members"][0]["missing"] = True
        case "recover":
            tier["sync_action"] = "recover"
        case "partial":
            tier["sync_percent"] = 50
        case _:
            monkeypatch.setattr(type(node.means), "job_in_the_way", lambda *_: True)
    until_due(node, scrubs)
    assert scrubs.round(node.now_seen) == FOLLOW_S
    assert node.at_rest() == []
    assert list(scrubs.findings()) == []
    node.passes(seconds=LATE.total_seconds() + 1)
    (finding,) = scrubs.findings()
    assert (finding.subject, finding.cause) == ("pool/clinic", "scrub-late")


def test_never_and_pools_that_nobody_manages(node: CareNode, scrubs: Scrubs) -> None:
    node.site["pool"]["clinic"]["scrub"] = "never"
    node.want(node.site)
    assert scrubs.round(node.now_seen) is None
    (line,) = scrubs.lines("clinic")
    assert line.next_at is None
    node.want({})
    assert scrubs.round(node.now_seen) is None
    assert scrubs.lines("clinic") == ()


def test_a_scrub_that_cannot_begin_is_tried_again(
    node: CareNode, scrubs: Scrubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    scrubs.ask("clinic")
    node.site["user"] = {"ada": {}}
    node.want(node.site)
    scrubs.round(node.now_seen)
    looks = node.sight.looks
    assert scrubs.round(node.now_seen) == AGAIN.total_seconds()
    assert (node.at_rest(), node.sight.looks) == ([], looks), "it is not tried all the time"
    node.passes(seconds=AGAIN.total_seconds())
    node.site.pop("user")
    node.want(node.site)
    monkeypatch.setattr(node, "run", refuses)
    scrubs.round(node.now_seen)
    (job,) = node.at_rest()
    assert job.state is not JobState.DONE
