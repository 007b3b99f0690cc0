"""Files replaced whole, and the secret store on top of them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.node.apply.files import NodeFiles
from agents.node.apply.secrets import SecretStore
from appliance.errors import FullError, InternalError, InvalidInputError, StepFailedError
from appliance.errors import NotFoundError as MissingError
from appliance.model.command import SecretInput


@pytest.fixture
def files(tmp_path: Path) -> NodeFiles:
    return NodeFiles(tmp_path)


def test_written_with_mode_and_folders(files: NodeFiles, tmp_path: Path) -> None:
    files.write("/etc/appliance/x.conf", "ä\n", 0o640)
    path = tmp_path / "etc/appliance/x.conf"
    assert path.read_text() == "ä\n"
    assert files.mode("/etc/appliance/x.conf") == 0o640
    assert path.stat().st_uid == os.geteuid()
    assert [item.name for item in path.parent.iterdir()] == ["x.conf"]


def test_the_draft_is_synced_before_it_is_renamed(
    files: NodeFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    sync, rename = os.fsync, Path.rename

    def watched_sync(descriptor: int) -> None:
        seen.append("sync")
        sync(descriptor)

    def watched_rename(self: Path, to: Path) -> Path:
        seen.append("rename")
        return rename(self, to)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(Path, "rename", watched_rename)
    files.write("/x", "1", 0o644)
    assert seen == ["sync", "rename", "sync"]


def test_a_replaced_file_is_a_new_one(files: NodeFiles, tmp_path: Path) -> None:
    files.write("/x", "old", 0o600)
    with (tmp_path / "x").open() as reader:
        files.write("/x", "new", 0o644)
        assert reader.read() == "old"
    assert files.read("/x") == "new"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_leaves_the_old_file(
    files: NodeFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    files.write("/x", "old", 0o644)

    def fail(descriptor: int) -> None:
        raise OSError(number, "full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(FullError, match="Cannot write /x: no space is left"):
        files.write("/x", "new", 0o644)
    monkeypatch.undo()
    assert files.read("/x") == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["x"]


def test_other_troubles_in_words(files: NodeFiles, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StepFailedError, match="Cannot read /folder: Is a directory"):
        files.read("/folder")
    with pytest.raises(StepFailedError, match="Cannot write /folder: Is a directory"):
        files.write("/folder", "x", 0o644)
    with pytest.raises(StepFailedError, match="Cannot remove /folder: Is a directory"):
        files.remove("/folder")


def test_a_folder_that_may_not_be_listed(files: NodeFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(self: Path) -> None:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(Path, "iterdir", deny)
    with pytest.raises(StepFailedError, match="Cannot list /x: Permission denied"):
        files.list_dir("/x")


def test_what_is_not_there(files: NodeFiles) -> None:
    files.write("/file", "x", 0o644)
    assert files.read("/none") is None
    assert files.read("/file/below") is None
    assert files.list_dir("/none") == ()
    assert files.list_dir("/file") == ()
    files.remove("/none")
    files.remove("/file/below")
    assert files.list_dir("/") == ("file",)


@pytest.mark.parametrize("path", ["etc/x", "/etc/../x", ""])
def test_a_path_that_leads_elsewhere_is_a_defect(files: NodeFiles, path: str) -> None:
    with pytest.raises(InternalError, match="not an absolute path"):
        files.write(path, "x", 0o644)


def test_bytes_that_are_no_text(files: NodeFiles, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"a\xff")
    assert files.read("/x") == "a\N{REPLACEMENT CHARACTER}"


def test_secrets_are_root_only_and_listed_by_name(files: NodeFiles, tmp_path: Path) -> None:
    store = SecretStore(files)
    store.put("chap", SecretStr("hunter2"))
    store.put("chap", SecretStr("hunter3"))
    folder = tmp_path / "etc/appliance/secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "chap").stat().st_mode & 0o777 == 0o600
    (folder / ".chap.draft").write_text("left over")
    assert store.names() == {"chap"}
    asked = SecretInput(name="chap", template="{secret}:{secret}")
    assert store.resolve(asked) == ("hunter3:hunter3", "hunter3")
    store.drop("chap")
    assert store.names() == frozenset()
    with pytest.raises(MissingError, match="no secret 'chap'"):
        store.drop("chap")


@pytest.mark.parametrize("name", ["../shadow", "", "A", "a/b", ".x", "a" * 40])
def test_a_secret_has_a_plain_name(files: NodeFiles, name: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a name for a secret"):
        SecretStore(files).put(name, SecretStr("x"))


@pytest.mark.parametrize("value", ["", "a\nb", "a\0b", "x" * 1025])
def test_a_secret_is_one_printable_line(files: NodeFiles, value: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot be stored") as raised:
        SecretStore(files).put("chap", SecretStr(value))
    assert value[:5] not in raised.value.message or not value
