"""Schedules survive a restart, and what is kept is bounded."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from appliance.model.care import SelfTestRecord, TakeoverRecord
from appliance.state.care import KEPT, CareBook
from appliance.state.db import Store
from tests.unit.fakehost import NOW

TAKEOVER = TakeoverRecord(
    number=0, pool="tank", old_serial="A", old_bay="1", new_serial="S", new_bay="11", job=1, at=NOW
)


def test_all_of_it_is_there_after_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    book = CareBook(store)
    assert book.since("scrub/tank", NOW) == NOW
    book.took_over(TAKEOVER)
    book.scrub_begun("tank", NOW, 3)
    book.ask("scrub/tank", NOW)
    book.test_begun(SelfTestRecord(serial="A", kind="long", begun_at=NOW))
    store.close()
    store = Store(tmp_path / "state.db")
    book = CareBook(store)
    assert book.since("scrub/tank", NOW + timedelta(days=1)) == NOW
    assert book.takeovers() == (TAKEOVER.model_copy(update={"number": 1}),)
    last = book.last_scrub("tank")
    assert last is not None
    assert (last.begun_at, last.failed_before, last.ended_at) == (NOW, 3, None)
    assert book.asked("scrub/tank") == NOW
    assert [item.serial for item in book.running_tests()] == ["A"]
    store.close()


def test_a_scrub_that_runs_is_not_written_down_twice(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    book = CareBook(store)
    book.scrub_begun("tank", NOW, 0)
    book.scrub_begun("tank", NOW + timedelta(hours=1), 9)
    (scrub,) = book.scrubs("tank")
    book.scrub_ended(scrub.number, NOW + timedelta(hours=2), 8, 1)
    (scrub,) = book.scrubs("tank")
    assert (scrub.mismatches, scrub.corrected, scrub.failed_before) == (8, 1, 0)
    store.close()


def test_old_scrubs_and_tests_go(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    book = CareBook(store)
    at = NOW
    for _ in range(KEPT + 2):
        at += timedelta(days=1)
        book.scrub_begun("tank", at, 0)
        book.scrub_ended(book.scrubs("tank")[0].number, at, 0, 0)
        book.test_begun(SelfTestRecord(serial="A", kind="short", begun_at=at))
    assert len(book.scrubs("tank")) == KEPT
    assert len(book.running_tests()) == KEPT
    last = book.last_test("A", "short")
    assert last is not None
    assert last.begun_at == at
    assert book.last_test("A", "long") is None
    store.close()


def test_what_is_over_and_answered_is_not_told_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    book = CareBook(store)
    book.took_over(TAKEOVER)
    book.takeover_over(1, NOW)
    assert book.takeovers() == ()
    book.ask("scrub/tank", NOW)
    book.answered("scrub/tank")
    assert not book.asked("scrub/tank")
    store.close()
