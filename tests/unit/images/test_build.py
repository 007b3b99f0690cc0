"""The parts of the build that need no build: digests, lists, the lock, guests, the firewall."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from images import cache, disk, guests, rootfs
from images.cache import Stage, digest_of, digest_of_files
from images.errors import RigError


def test_borders_of_parts_count() -> None:
    assert digest_of("ab", "c") != digest_of("a", "bc")
    assert digest_of("a") == digest_of(b"a")


def test_digest_of_files_sees_names_contents_and_modes(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "a"
    file.parent.mkdir()
    file.write_text("1")
    seen = {digest_of_files([tmp_path], root=tmp_path)}
    file.write_text("2")
    seen.add(digest_of_files([tmp_path], root=tmp_path))
    file.chmod(0o755)
    seen.add(digest_of_files([tmp_path], root=tmp_path))
    file.rename(file.with_name("b"))
    seen.add(digest_of_files([tmp_path], root=tmp_path))
    assert len(seen) == 4
    (tmp_path / "folder" / "__pycache__").mkdir()
    (tmp_path / "folder" / "__pycache__" / "x.pyc").write_text("")
    assert digest_of_files([tmp_path], root=tmp_path) in seen


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "appliance"


def test_stage_is_made_once_and_old_ones_go(empty_cache: Path) -> None:
    made: list[str] = []

    def make(folder: Path, progress: cache.Progress) -> None:
        progress("making")
        made.append(folder.name)
        (folder / "result").touch()

    for key in ("a", "b", "b", "c", "d"):
        assert (Stage("root", key, make).ensure(lambda _: None) / "result").exists()
    assert len(made) == 4
    assert {entry.name for entry in (empty_cache / "root").iterdir()} == {"b", "c", "d"}


def test_failed_stage_leaves_its_log_and_no_result(empty_cache: Path) -> None:
    def make(folder: Path, progress: cache.Progress) -> None:
        del progress
        (folder / "made.log").write_text("why")
        raise RigError("broke", hint="mend it")

    stage = Stage("root", "x", make)
    with pytest.raises(RigError, match="broke"):
        stage.ensure(lambda _: None)
    assert not stage.folder.exists()
    assert (empty_cache / "failed" / "root" / "made.log").read_text() == "why"


def test_lock_without_what_debian_gives() -> None:
    lock = "# head\na==1 \\\n    --hash=x\nlibvirt-python==12 ; linux \\\n    --hash=y\nz==2 \\\n    --hash=z\n"
    kept = rootfs.image_requirements(lock)
    assert "libvirt" not in kept
    assert kept.count("--hash") == 2


def test_lists_drop_comments(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# why\none\n\ntwo # because\n")
    assert rootfs.read_list(tmp_path / "list") == ("one", "two")
    assert rootfs.read_list(tmp_path / "none") == ()


def test_image_has_what_the_kinds_need() -> None:
    packages = rootfs.wanted_packages(lab=True)
    assert {"samba", "nfs-kernel-server", "lvm2", "fio"} <= set(packages)
    assert "fio" not in rootfs.wanted_packages(lab=False)
    assert "ledmon" not in packages


def test_firewall_opens_ssh_and_the_kinds_ports() -> None:
    assert "define service_tcp = { 22, " in disk.firewall_ports()


def test_boot_sector_is_bootable_and_carries_its_words() -> None:
    image = guests.boot_sector_disk("WORDS")
    assert image[510:512] == b"\x55\xaa"
    assert image[512:519] == b"WORDS\r\n"
    assert len(image) == 1 << 20
    with pytest.raises(ValueError, match="509 characters"):
        guests.boot_sector("x" * 511)


def test_initramfs_is_a_newc_archive_with_plain_modules(tmp_path: Path) -> None:
    (tmp_path / "busybox").write_bytes(b"BUSYBOX")
    (tmp_path / "virtio.ko.xz").write_bytes(lzma.compress(b"MODULE"))
    raw = guests.linux_initramfs(tmp_path / "busybox", tmp_path)
    names = list(read_newc(raw))
    assert names[-1] == "TRAILER!!!"
    assert read_newc(raw)["modules/virtio.ko"] == b"MODULE"
    assert read_newc(raw)["init"].startswith(b"#!/bin/busybox sh")


def read_newc(raw: bytes) -> dict[str, bytes]:
    """A reader of our own, so that the writer is not judged by itself."""
    found: dict[str, bytes] = {}
    at = 0
    while at < len(raw):
        assert raw[at : at + 6] == b"070701"
        size = int(raw[at + 54 : at + 62], 16)
        name_size = int(raw[at + 94 : at + 102], 16)
        name = raw[at + 110 : at + 110 + name_size - 1].decode()
        start = -(-(at + 110 + name_size) // 4) * 4
        found[name] = raw[start : start + size]
        at = -(-(start + size) // 4) * 4
    return found
