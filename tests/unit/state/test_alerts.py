"""Alerts: raised once, quiet when acknowledged, told again when worse, cleared when over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.errors import NotFoundError, RefusedError
from appliance.model.alert import Alert, AlertState, AlertTurn, Concern, Turn, concern_of
from appliance.model.resource import Finding, Severity
from appliance.state.alerts import KEPT_CLEARED, Alerts
from appliance.state.db import Store
from tests.unit.fakehost import NOW

LATER = NOW + timedelta(hours=1)
CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def alerts(store: Store) -> Alerts:
    return Alerts(store)


def concern(
    serial: str = "A", severity: Severity = WARNING, *marks: str, cause: str = "disk-health"
) -> Concern:
    return Concern(
        cause=cause,
        subject=f"disk/{serial}",
        marks=frozenset(marks),
        severity=severity,
        what=f"{serial} is {severity}",
        next_step="Replace it.",
        bay="3",
        serial=serial,
    )


def sync(
    alerts: Alerts, *concerns: Concern, at=NOW, covers=lambda _: True
) -> list[tuple[Turn, int]]:
    turns = alerts.sync(concerns, at, covers=covers)
    return [(item.turn, item.alert.number) for item in turns]


def test_raised_once_and_kept_with_its_place(alerts: Alerts) -> None:
    assert sync(alerts, concern()) == [(Turn.RAISED, 1)]
    assert sync(alerts, concern(), at=LATER) == []
    (alert,) = alerts.open()
    assert (alert.state, alert.bay, alert.serial) == (AlertState.RAISED, "3", "A")
    assert alert.raised_at == NOW


def test_cleared_when_found_no_more_and_kept(alerts: Alerts) -> None:
    sync(alerts, concern())
    assert sync(alerts, at=LATER) == [(Turn.CLEARED, 1)]
    assert alerts.open() == ()
    assert alerts.page(10)[0].cleared_at == LATER
    assert sync(alerts, at=LATER) == []


def test_what_was_not_looked_at_is_not_over(alerts: Alerts) -> None:
    sync(alerts, concern())
    assert sync(alerts, covers=lambda subject: subject.startswith("pool/")) == []
    assert len(alerts.open()) == 1


def test_worse_is_told_again_and_better_is_not(alerts: Alerts) -> None:
    sync(alerts, concern(severity=WARNING))
    assert sync(alerts, concern(severity=CRITICAL), at=LATER) == [(Turn.WORSE, 1)]
    assert sync(alerts, concern(severity=WARNING), at=LATER) == []
    (alert,) = alerts.open()
    assert (alert.severity, alert.what) == (WARNING, "A is warning")


def test_acknowledged_is_quiet_until_a_sign_is_added(alerts: Alerts) -> None:
    sync(alerts, concern("A", WARNING, "pending"))
    known = alerts.acknowledge(1, "tom", "disk ordered", LATER)
    assert (known.state, known.acknowledged_by, known.note) == (
        AlertState.ACKNOWLEDGED, "tom", "disk ordered",
    )  # fmt: skip
    assert sync(alerts, concern("A", WARNING, "pending")) == []
    assert sync(alerts, concern("A", INFO)) == []
    assert sync(alerts, concern("A", INFO, "pending")) == []
    assert alerts.open()[0].state is AlertState.ACKNOWLEDGED
    assert sync(alerts, concern("A", INFO, "pending", "crc"), at=LATER) == [(Turn.WORSE, 1)]
    assert alerts.open()[0].state is AlertState.RAISED


def test_acknowledged_is_raised_when_it_gets_worse(alerts: Alerts) -> None:
    sync(alerts, concern(severity=WARNING))
    alerts.acknowledge(1, "tom", "", NOW)
    assert sync(alerts, concern(severity=CRITICAL)) == [(Turn.WORSE, 1)]


def test_a_warning_that_flaps_is_the_same_and_a_critical_one_is_told(alerts: Alerts) -> None:
    soon = NOW + timedelta(minutes=5)
    sync(alerts, concern("A", WARNING), concern("B", CRITICAL))
    sync(alerts)
    assert sync(alerts, concern("A", WARNING), concern("B", CRITICAL), at=soon) == [
        (Turn.RAISED, 3)
    ]
    assert {(item.number, item.state) for item in alerts.open()} == {
        (1, AlertState.RAISED), (3, AlertState.RAISED),
    }  # fmt: skip
    sync(alerts, at=soon)
    assert (Turn.RAISED, 4) in sync(alerts, concern("A", WARNING), at=LATER)


def test_the_worst_come_first(alerts: Alerts) -> None:
    sync(alerts, concern("A", WARNING), concern("B", CRITICAL), concern("C", INFO))
    assert [item.serial for item in alerts.open()] == ["B", "A", "C"]


def test_turns_are_told_in_the_same_transaction(alerts: Alerts, store: Store) -> None:
    told: list[AlertTurn] = []

    def fail(_: object, item: AlertTurn) -> None:
        told.append(item)
        msg = "no room for the message"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError):
        alerts.sync([concern()], NOW, covers=lambda _: True, tell=fail)
    assert told[0].alert.number == 1
    assert alerts.page(10) == ()


def test_what_is_over_cannot_be_acknowledged(alerts: Alerts) -> None:
    sync(alerts, concern())
    sync(alerts)
    with pytest.raises(RefusedError, match="over since"):
        alerts.acknowledge(1, "tom", "", NOW)
    with pytest.raises(NotFoundError):
        alerts.acknowledge(2, "tom", "", NOW)


def test_cleared_ones_are_bounded(alerts: Alerts, store: Store) -> None:
    for _ in range(3):
        sync(alerts, *(concern(f"S{n}", CRITICAL) for n in range(KEPT_CLEARED // 2)))
        sync(alerts)
    assert store.rows("SELECT count(*) AS n FROM alert")[0]["n"] == KEPT_CLEARED


def test_they_survive_a_restart(alerts: Alerts, store: Store) -> None:
    sync(alerts, concern("A", WARNING, "pending"))
    alerts.acknowledge(1, "tom", "", NOW)
    again: Alert = Alerts(store).alert(1)
    assert again == alerts.alert(1)
    assert again.marks == {"pending"}


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("The data of tier capacity is 71 % full.", "The data of tier capacity is 75 % full.", True),
        ("Disk ZSAS0000 of tier capacity is missing.", "Disk ZSAS0001 of tier capacity is missing.", False),
        ("only 97 MiB are free", "only 12.5 MiB are free", True),
    ],
)  # fmt: skip
def test_numbers_that_move_make_no_new_cause(first: str, second: str, *, same: bool) -> None:
    causes = {
        concern_of(
            Finding(severity=WARNING, subject="pool/clinic", what=words, next_step="-")
        ).cause
        for words in (first, second)
    }
    assert (len(causes) == 1) is same


def test_a_pools_concern_names_the_pool() -> None:
    finding = Finding(severity=WARNING, subject="pool/clinic", what="w", next_step="n", cause="c")
    assert (concern_of(finding).pool, concern_of(finding).cause) == ("clinic", "c")
