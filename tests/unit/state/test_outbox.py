"""Messages wait, are tried again ever later, and are given up after a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.state.db import Store
from appliance.state.outbox import GIVE_UP, MOST, Outbox
from tests.unit.fakehost import NOW


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def outbox(store: Store) -> Outbox:
    return Outbox(store)


def put(store: Store, outbox: Outbox, document: str, *receivers: str) -> None:
    with store.writing() as db:
        outbox.put(db, receivers, document, NOW)


def waits(outbox: Outbox) -> list[tuple[str, str]]:
    return [(item.receiver, item.document) for item in outbox.due(NOW + timedelta(days=9))]


def test_one_for_each_receiver_until_delivered(store: Store, outbox: Outbox) -> None:
    assert outbox.next_due() is None
    put(store, outbox, "one", "mail", "hook")
    assert outbox.next_due() == NOW
    assert waits(outbox) == [("mail", "one"), ("hook", "one")]
    outbox.delivered(outbox.due(NOW)[0])
    assert waits(outbox) == [("hook", "one")]


def test_a_failure_waits_longer_each_time_and_holds_back_what_follows(
    store: Store, outbox: Outbox
) -> None:
    put(store, outbox, "one", "mail")
    put(store, outbox, "two", "mail", "hook")
    now, gaps = NOW, []
    for _ in range(9):
        (parcel, *_) = outbox.due(now)
        assert parcel.document == "one"
        assert outbox.failed(parcel, "refused", now)
        assert "mail" not in {item.receiver for item in outbox.due(now)}
        waiting = store.rows("SELECT min(due_at) AS due FROM message WHERE receiver = 'mail'")
        following = type(now).fromisoformat(waiting[0]["due"])
        gaps.append((following - now).total_seconds())
        now = following
    assert gaps == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert outbox.troubles(NOW) == {}
    assert outbox.troubles(NOW + timedelta(seconds=1)) == {"mail": "refused"}


def test_given_up_after_a_day(store: Store, outbox: Outbox) -> None:
    put(store, outbox, "one", "mail")
    (parcel,) = outbox.due(NOW)
    assert outbox.failed(parcel, "refused", NOW + GIVE_UP - timedelta(seconds=1))
    assert not outbox.failed(parcel, "refused", NOW + GIVE_UP)
    assert waits(outbox) == []


def test_a_receiver_that_never_answers_does_not_fill_the_disk(store: Store, outbox: Outbox) -> None:
    for number in range(MOST + 5):
        put(store, outbox, str(number), "mail")
    assert len(waits(outbox)) == MOST
    assert waits(outbox)[0] == ("mail", "5")


def test_a_day_is_told_once(store: Store, outbox: Outbox) -> None:
    assert outbox.last_daily("mail") == ""
    outbox.put_daily("mail", "all well", NOW)
    assert outbox.last_daily("mail") == NOW.date().isoformat()
    assert waits(outbox) == [("mail", "all well")]
    outbox.put_daily("hook", "", NOW, day="2026-01-01")
    assert outbox.last_daily("hook") == "2026-01-01"
    assert waits(outbox) == [("mail", "all well")]
