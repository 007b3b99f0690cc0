"""How disks stand: new, free, in use, left, erased, away; and what an unfinished job keeps still."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.model.admission import DiskEntry, Standing
from appliance.model.disk import Disk, DiskRole, Quarantine, Signature
from appliance.planner.standing import stand
from tests.unit.fakehost import NOW
from tests.unit.planner.quarantine import a_disk, a_node

POOLED = {"role": DiskRole.PV, "pool": "films", "signatures": (Signature(type="LVM2_member"),)}
FOREIGN = {"role": DiskRole.FOREIGN, "signatures": (Signature(type="xfs"),)}


def entry(standing: Standing, was: str = "") -> DiskEntry:
    return DiskEntry(serial="S1", standing=standing, at=NOW, was=was, who="ada")


def seen(
    facts: dict[str, Any], known: DiskEntry | None, **node: Any
) -> tuple[Disk, DiskEntry | None]:
    """The disk as it is shown, and its entry afterwards."""
    book = {"S1": known} if known else {}
    found = stand(a_node(a_disk(1, **facts), **node), book, NOW)
    (disk,) = found.snapshot.disks
    changed = {item.serial: item for item in found.changed}
    return disk, changed.get("S1", known)


@pytest.mark.parametrize(
    ("known", "role", "why"),
    [
        (None, DiskRole.QUARANTINED, Quarantine.NEW),
        (Standing.ADMITTED, DiskRole.FREE, None),
        (Standing.IN_USE, DiskRole.QUARANTINED, Quarantine.NOT_ERASED),
        (Standing.LEFT, DiskRole.QUARANTINED, Quarantine.NOT_ERASED),
        (Standing.ERASED, DiskRole.QUARANTINED, Quarantine.NOT_ADMITTED),
    ],
)
def test_a_blank_disk(known: Standing | None, role: DiskRole, why: Quarantine | None) -> None:
    disk, after = seen({}, entry(known, "pool films") if known else None)
    assert (disk.role, disk.quarantine) == (role, why)
    assert disk.was == ("pool films" if why is Quarantine.NOT_ERASED else "")
    if known is Standing.IN_USE:
        assert after is not None
        assert (after.standing, after.was, after.who) == (Standing.LEFT, "pool films", "")
    else:
        assert after == (entry(known, "pool films") if known else None)


@pytest.mark.parametrize(
    ("facts", "was"),
    [
        (POOLED, "pool films"),
        (FOREIGN, "xfs"),
        ({"role": DiskRole.FOREIGN, "holders": ("md0",)}, "md0"),
    ],
)
def test_a_disk_in_use_is_written_down_once(facts: dict[str, Any], was: str) -> None:
    for known in (None, entry(Standing.ADMITTED)):
        disk, after = seen(facts, known)
        assert disk.role is facts["role"]
        assert after is not None
        assert (after.standing, after.was) == (Standing.IN_USE, was)
    again = stand(a_node(a_disk(1, **facts)), {"S1": entry(Standing.IN_USE, was)}, NOW)
    assert again.changed == ()


@pytest.mark.parametrize(
    "facts",
    [
        {"role": DiskRole.FOREIGN, "signatures": (Signature(type="unreadable"),)},
        {"role": DiskRole.BOOT, "signatures": (Signature(type="gpt"),)},
        {**POOLED, "missing": True},
        {"role": DiskRole.SPARE, "pool": "films"},
    ],
)
def test_nothing_is_concluded_from_these(facts: dict[str, Any]) -> None:
    disk, after = seen(facts, entry(Standing.ADMITTED))
    assert disk.role is facts["role"]
    assert disk.quarantine is None
    assert after == entry(Standing.ADMITTED)


def test_a_spare_that_is_new_stays_a_spare() -> None:
    disk, after = seen({"role": DiskRole.SPARE}, None)
    assert (disk.role, disk.quarantine, after) == (DiskRole.SPARE, None, None)


def test_while_a_job_has_consent_the_book_stays_as_it_is() -> None:
    half = {"role": DiskRole.FOREIGN, "signatures": (Signature(type="DM_integrity"),)}
    for facts in (half, POOLED, {}):
        known = entry(Standing.IN_USE, "pool old")
        assert seen(facts, known, claims={"S1": "films"})[1] == known
    assert seen(half, None, claims={"S1": "films"})[1] is None


def test_a_free_disk_that_is_away_comes_back_as_new() -> None:
    book = {
        name: entry(standing).model_copy(update={"serial": name})
        for name, standing in (
            ("free", Standing.ADMITTED), ("erased", Standing.ERASED), ("left", Standing.LEFT),
            ("used", Standing.IN_USE), ("S1", Standing.ADMITTED),
        )
    }  # fmt: skip
    assert stand(a_node(a_disk(1)), book, NOW).forgotten == ("free", "erased")
    assert stand(a_node(), book, NOW).forgotten == (), "nothing could be read"
