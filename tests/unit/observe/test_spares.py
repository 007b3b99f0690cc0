"""Spares among the disks: only blank ones are, and one that is away is shown as it was."""

from __future__ import annotations

from agents.node.observe.spares import as_spares, missing_spares, spare_places
from appliance.model.disk import Disk, DiskRole, Medium, Transport
from appliance.model.pool import PoolFound
from appliance.model.spare import SpareFound

POOLS = {"tank": PoolFound(vg_uuid="x", tiers={}, spares=("S1",))}
DOCUMENTS = {"any": SpareFound(disk="S 2"), "broken": SpareFound()}
PLACES = spare_places(POOLS, DOCUMENTS)


def disk(serial: str, role: DiskRole = DiskRole.FREE) -> Disk:
    return Disk(
        serial=serial, transport=Transport.SAS, medium=Medium.HDD, node="sda", paths=("sda",),
        role=role,
    )  # fmt: skip


def test_tags_and_documents_tell_the_pool() -> None:
    assert PLACES == {"S1": "tank", "S2": ""}


def test_a_blank_disk_is_a_spare_and_one_written_on_is_not() -> None:
    own, shared, stranger, member = as_spares(
        (disk("S1"), disk("S 2"), disk("X"), disk("S1", DiskRole.FOREIGN)), PLACES
    )
    assert (own.role, own.pool) == (DiskRole.SPARE, "tank")
    assert (shared.role, shared.pool) == (DiskRole.SPARE, "")
    assert stranger.role is DiskRole.FREE
    assert member.role is DiskRole.FOREIGN


def test_a_spare_that_was_pulled_is_missing_in_its_place() -> None:
    known = {"S1": disk("S1", DiskRole.SPARE), "X": disk("X")}
    (gone,) = missing_spares((), PLACES, known)
    assert (gone.serial, gone.missing, gone.role, gone.pool, gone.node) == (
        "S1", True, DiskRole.SPARE, "tank", "",
    )  # fmt: skip
    assert list(missing_spares((disk("S1"),), PLACES, known)) == []
