"""History of disks: bounded, thinned with age, and what a rise is judged by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.model.smart import SmartReading
from appliance.state.db import Store
from appliance.state.disk_records import DiskRecords
from tests.unit.fakehost import NOW
from tests.unit.health.readings import attribute, hdd

HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def records(store: Store) -> DiskRecords:
    return DiskRecords(store)


def test_the_same_within_an_hour_is_kept_once(records: DiskRecords) -> None:
    reading = SmartReading()
    assert records.keep("A", reading, {"pending": 1}, NOW)
    assert not records.keep("A", reading, {"pending": 1}, NOW + timedelta(minutes=10))
    assert not records.keep(
        "A", reading, {"pending": 1, "hot-disk": 44}, NOW + timedelta(minutes=20)
    )
    assert records.keep("A", reading, {"pending": 2}, NOW + timedelta(minutes=30))
    assert records.keep("A", reading, {"pending": 2}, NOW + HOUR)
    assert [look.measures["pending"] for look in records.history("A")] == [1, 2, 2]
    assert records.history("B") == ()


def test_a_drive_that_says_all_ones_is_kept_too(records: DiskRecords) -> None:
    assert records.keep("A", SmartReading(), {"media-errors": 2**128 - 1}, NOW)
    (look,) = records.history("A")
    assert look.measures["media-errors"] == 2**63 - 1
    assert not records.keep("A", SmartReading(), {"media-errors": 2**128 - 1}, NOW)


def test_years_of_looks_stay_few_and_begin_with_the_first(records: DiskRecords) -> None:
    at = NOW
    for number in range(24 * 200):
        records.keep("A", SmartReading(), {"hours": number}, at)
        at += HOUR
    looks = records.history("A")
    assert looks[0].at == NOW
    assert looks[-1].measures == {"hours": 24 * 200 - 1}
    ages = [at - look.at for look in looks[1:]]
    assert 48 <= sum(age <= timedelta(days=2) for age in ages) <= 50 + 24
    assert sum(age > timedelta(days=91) for age in ages) <= 17
    assert len(looks) < 200


def test_the_lowest_ever_seen_is_what_a_rise_is_judged_by(records: DiskRecords) -> None:
    assert records.lowest("A") == ()
    for number, value in enumerate((5, 3, 9)):
        records.keep("A", SmartReading(), {"crc": value, f"only-{number}": 1}, NOW + number * HOUR)
    (low,) = records.lowest("A")
    assert low.measures == {"crc": 3, "only-0": 1, "only-1": 1, "only-2": 1}


def test_the_last_reading_survives_a_restart(records: DiskRecords, store: Store) -> None:
    reading = hdd(attribute(5, 7), serial="A")
    records.keep("A", reading, {"reallocated": 7}, NOW)
    again = DiskRecords(store)
    assert again.last_readings() == {"A": (NOW, reading)}
    assert not again.keep("A", reading, {"reallocated": 7}, NOW + timedelta(minutes=5))


def test_acknowledged_values_are_replaced(records: DiskRecords) -> None:
    records.acknowledge("A", {"crc": 3}, "tom", NOW)
    records.acknowledge("A", {"crc": 5, "pending": 1}, "ada", NOW)
    assert [(item.measure, item.value, item.who) for item in records.acknowledged("A")] == [
        ("crc", 5, "ada"), ("pending", 1, "ada"),
    ]  # fmt: skip


def test_the_kernels_words_are_counted_and_can_be_over(records: DiskRecords) -> None:
    records.heard("A", "kernel-io-errors", 3, "first", NOW)
    records.heard("A", "kernel-io-errors", 4, "second", NOW + HOUR)
    records.heard("A", "kernel-no-answer", 1, "gone", NOW)
    words = {item.measure: item for item in records.kernel_words()["A"]}
    errors = words["kernel-io-errors"]
    assert (errors.count, errors.line, errors.first_at, errors.last_at) == (
        7, "second", NOW, NOW + HOUR,
    )  # fmt: skip
    records.unhear("A", ["kernel-no-answer"])
    assert [item.measure for item in records.kernel_words()["A"]] == ["kernel-io-errors"]
