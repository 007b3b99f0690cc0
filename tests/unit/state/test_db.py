"""The database: opened with care, whole transactions, SQLite's errors in words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import FullError, UnavailableError
from appliance.model.disk import Disk, Medium, Smart, Transport
from appliance.state.db import RESERVE_BYTES, Store
from appliance.state.disks import DiskMemory
from tests.unit.fakehost import NOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lib" / "state.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = Store(path)
    yield opened
    opened.close()


def fill(store: Store) -> None:
    pages = store.rows("PRAGMA page_count")[0]["page_count"]
    store.rows(f"PRAGMA max_page_count={pages}")


def test_made_once_private_and_durable(store: Store, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert store.rows("PRAGMA journal_mode")[0]["journal_mode"] == "wal"
    assert store.rows("PRAGMA synchronous")[0]["synchronous"] == 2
    assert store.rows("PRAGMA foreign_keys")[0]["foreign_keys"] == 1
    strict = store.rows("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
    loose = {row["name"] for row in strict if not row["strict"]}
    assert {name for name in loose if not name.startswith(("sqlite_", "_sqlite_"))} == set()
    assert sorted(item.name for item in path.parent.iterdir()) == [
        "state.db", "state.db-shm", "state.db-wal", "state.db.reserve",
    ]  # fmt: skip


def test_what_was_written_is_there_after_a_restart(path: Path) -> None:
    first = Store(path)
    with first.writing() as db:
        db.table("desired").insert({"kind": "pool", "name": "tank", "document": "{}"})
    first.close()
    second = Store(path)
    assert second.rows("SELECT name FROM desired") == [{"name": "tank"}]
    second.close()


def test_a_block_is_written_whole_or_not_at_all(store: Store) -> None:
    row = {"kind": "pool", "name": "tank", "document": "{}"}
    with pytest.raises(UnavailableError, match="UNIQUE"), store.writing() as db:
        db.table("desired").insert_all([row, row])
    assert store.rows("SELECT * FROM desired") == []


def test_a_full_disk_is_told_and_gives_up_the_reserve(store: Store, path: Path) -> None:
    reserve = path.with_name("state.db.reserve")
    assert reserve.stat().st_size == RESERVE_BYTES
    assert reserve.stat().st_blocks * 512 >= RESERVE_BYTES
    fill(store)
    with (
        pytest.raises(FullError, match="root file system is full") as raised,
        store.writing() as db,
    ):
        db.table("desired").insert({"kind": "pool", "name": "t", "document": "x" * 100_000})
    assert "Make room" in raised.value.hint
    assert not reserve.exists()
    assert store.rows("SELECT * FROM desired") == []
    store.rows("PRAGMA max_page_count=100000")
    with store.writing() as db:
        db.table("desired").insert({"kind": "pool", "name": "t", "document": "x" * 100_000})
    store.keep_reserve()
    assert reserve.stat().st_size == RESERVE_BYTES
    store.keep_reserve()


def test_no_room_for_the_reserve_is_no_error(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "full")

    reserve = path.with_name("state.db.reserve")
    reserve.unlink()
    monkeypatch.setattr("os.posix_fallocate", full)
    store.keep_reserve()
    assert not reserve.exists()


def damage(path: Path, content: bytes) -> None:
    with pytest.raises(UnavailableError, match=r"state\.db is damaged") as raised:
        Store(path)
    assert "appliance-agent" in raised.value.hint
    assert path.read_bytes() == content


def test_no_database_at_all_is_never_replaced(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this was something else once" * 100)
    damage(path, path.read_bytes())


def test_an_empty_file_is_never_taken_for_a_new_one(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    damage(path, b"")


def test_a_torn_page_is_found(path: Path) -> None:
    store = Store(path)
    with store.writing() as db:
        db.table("disk").insert_all(
            {"serial": f"s{n}", "seen_at": "x", "document": "y" * 1000} for n in range(200)
        )
    store.close()
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    damage(path, bytes(content))


def test_an_interrupted_first_start_is_begun_again(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("state.db.new").write_bytes(b"half")
    store = Store(path)
    assert store.rows("SELECT * FROM job") == []
    store.close()
    assert not path.with_name("state.db.new").exists()


def test_other_troubles_in_words(store: Store) -> None:
    with pytest.raises(UnavailableError, match="does not answer: no such table: nowhere"):
        store.rows("SELECT * FROM nowhere")


@pytest.mark.parametrize("table", ["audit", "event", "plan"])
@pytest.mark.parametrize("act", ["UPDATE {} SET rowid = rowid", "DELETE FROM {}"])
def test_what_is_append_only_stays(path: Path, store: Store, table: str, act: str) -> None:
    rows = {
        "audit": "(1, 'at', 'who', 'origin', 'what', 'subject', 'outcome', 'digest')",
        "event": "(1, 1, 'at', 'what')",
        "plan": "('p', 'at', '{}')",
    }
    with sqlite3.connect(path) as other:
        other.execute(f"INSERT INTO {table} VALUES {rows[table]}")
        if table == "plan":
            other.execute(
                "INSERT INTO job (plan_id, state, who, origin, confirmed, created_at, summary) "
                "VALUES ('p', 'done', 'w', 'o', '[]', 'at', 's')"
            )
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute(act.format(table))
    other.close()
    assert len(store.rows(f"SELECT * FROM {table}")) == 1


def a_disk(serial: str, **more: object) -> Disk:
    values: dict[str, object] = {
        "serial": serial, "transport": Transport.SAS, "medium": Medium.HDD, "node": "sda", "size": 1,
    }  # fmt: skip
    return Disk.model_validate(values | more)


def test_disks_are_remembered_without_their_moving_parts(store: Store) -> None:
    memory = DiskMemory(store)
    memory.remember([a_disk("b"), a_disk("a", smart=Smart(temperature_c=30)), a_disk("")], NOW)
    assert [disk.serial for disk in memory.known()] == ["a", "b"]
    assert memory.known()[0].smart is None
    assert DiskMemory(store).known() == memory.known()


def test_a_disk_that_did_not_change_is_not_written_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = DiskMemory(store)
    memory.remember([a_disk("a")], NOW)
    with monkeypatch.context() as patch:
        patch.setattr(store, "writing", lambda: pytest.fail("written again"))
        memory.remember(
            [a_disk("a", smart=Smart(temperature_c=31)), a_disk("a", missing=True)], NOW
        )
    memory.remember([a_disk("a", bay="7")], NOW)
    assert [disk.bay for disk in DiskMemory(store).known()] == ["7"]


def test_a_full_disk_does_not_end_the_look(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    memory = DiskMemory(store)
    fill(store)
    memory.remember([a_disk(f"s{n}", model="m" * 1000) for n in range(100)], NOW)
    assert memory.known() == ()
    assert "root file system is full" in caplog.text


def test_a_disk_can_be_forgotten(store: Store) -> None:
    memory = DiskMemory(store)
    memory.remember([a_disk("a"), a_disk("b")], NOW)
    memory.forget("a")
    memory.forget("never there")
    assert [disk.serial for disk in memory.known()] == ["b"]
    assert DiskMemory(store).known() == memory.known()
