"""known_hosts: read as ssh(1) reads it, written so that ssh(1) can read it."""

from __future__ import annotations

import hmac
import os
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.client import hostkeys
from appliance.client.hostkeys import Entry, entries, fingerprint, pin, pinned, revoked
from appliance.client.transport import Address
from appliance.errors import ForbiddenError

NODE = Address("ssh", "ada", "node1", 22, "")
ODD = NODE._replace(port=2222)


def key(number: int, kind: str = "ssh-ed25519") -> bytes:
    """Bytes in the form of a key of that type."""
    return len(kind).to_bytes(4, "big") + kind.encode() + bytes([number]) * 32


def line(names: str, content: bytes, kind: str = "ssh-ed25519") -> str:
    return f"{names} {kind} {b64encode(content).decode()}"


def keys(address: Address = NODE) -> list[bytes]:
    return [entry.key for entry in pinned(address)]


@pytest.fixture
def sshs(home: Path) -> Path:
    """ssh's own file."""
    file = home / ".ssh/known_hosts"
    file.parent.mkdir()
    return file


def test_nothing_is_known_at_first() -> None:
    assert pinned(NODE) == ()
    assert revoked(NODE) == frozenset()


def test_a_pinned_key_is_known_and_replaced_by_the_next() -> None:
    pin(ODD, "ssh-ed25519", key(9))
    pin(NODE, "ssh-ed25519", key(1))
    path = pin(NODE, "ssh-ed25519", key(2))
    assert keys() == [key(2)]
    assert keys(ODD) == [key(9)]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert path.read_text() == f"{line('[node1]:2222', key(9))}\n{line('node1', key(2))}\n"
    assert not path.with_suffix(".new").exists()


def test_the_fingerprint_is_ssh_keygens() -> None:
    text = "AAAAC3NzaC1lZDI1NTE5AAAAIA7JCRU7Di7G5XRkMmACfOtbw+s0qrZKI0F8S6F1HS7H"
    said = "SHA256:AAJZw2qDVmVF+Zya3/jNXHrlcXdGNOSR5snP2HhX8YA"  # by ssh-keygen -lf
    assert fingerprint(hostkeys.decode_key(text)) == said


def test_our_file_has_the_say_over_sshs_for_its_type(sshs: Path) -> None:
    other = key(3, "ecdsa-sha2-nistp256")
    sshs.write_text(f"{line('node1', key(1))}\n{line('node1', other, 'ecdsa-sha2-nistp256')}\n")
    assert keys() == [key(1), other]
    pin(NODE, "ssh-ed25519", key(2))
    assert keys() == [key(2), other]


def test_several_keys_of_a_type_are_all_believed(sshs: Path) -> None:
    """While a node's key is being changed both stand there."""
    sshs.write_text(f"{line('node1', key(1))}\n{line('node1', key(2))}\n")
    assert keys() == [key(1), key(2)]


@pytest.mark.parametrize(
    ("names", "address", "fits"),
    [
        ("node1", NODE, True),
        ("NODE1", NODE, True),
        ("node1", ODD, False),
        ("[node1]:2222", ODD, True),
        ("[node1]:2222", NODE, False),
        ("10.0.0.1,node1", NODE, True),
        ("node?", NODE, True),
        ("node*,!node1", NODE, False),
        ("!node1", NODE, False),
        ("[node*]:2222", ODD, True),
        ("node[12]", NODE, False),
        ("node", NODE, False),
    ],
)
def test_names_and_patterns(sshs: Path, names: str, address: Address, fits: bool) -> None:
    sshs.write_text(line(names, key(1)))
    assert bool(pinned(address)) == fits


@pytest.mark.parametrize("address", [NODE, ODD])
def test_hashed_names(sshs: Path, address: Address) -> None:
    """As HashKnownHosts writes them: HMAC-SHA1 of the name, keyed with the salt."""
    salt = bytes(range(20))
    name = hostkeys.entry_name(address)
    digest = b64encode(hmac.digest(salt, name.encode(), "sha1")).decode()
    sshs.write_text(line(f"|1|{b64encode(salt).decode()}|{digest}", key(1)))
    assert keys(address) == [key(1)]
    assert keys(address._replace(host="node2")) == []


def test_markers(sshs: Path) -> None:
    sshs.write_text(
        f"@revoked {line('node1', key(1))}\n@cert-authority {line('*', key(2))}\n"
        f"{line('node1', key(3))}\n"
    )
    assert keys() == [key(3)]
    assert revoked(NODE) == {key(1)}


@pytest.mark.parametrize(
    "odd",
    ["# a comment", "node1", "node1 ssh-ed25519", "node1 ssh-ed25519 !!!", "node1 ssh-ed25519 AAAA",
     "|1|x ssh-ed25519 AAAA", "@revoked", ",, ssh-ed25519 AAAA", f"node1 ssh-rsa {b64encode(key(5)).decode()}",
     "|2|a|b ssh-ed25519 AAAA", "\x00\ufffd"],
)  # fmt: skip
def test_lines_of_no_use_are_passed_over(sshs: Path, odd: str) -> None:
    sshs.write_text(f"{odd}\n{line('node1', key(1))}\n{odd}\n")
    assert keys() == [key(1)]


def test_bytes_that_are_no_text_are_passed_over(sshs: Path) -> None:
    sshs.write_bytes(b"\xff\xfe\x00 x y\n" + line("node1", key(1)).encode())
    assert keys() == [key(1)]


@given(text=st.text(alphabet=st.sampled_from("@#|! ,node1shAA=\n\t\x00é"), max_size=200))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    for entry in entries(text):
        assert entry.names
        entry.is_of("node1")


@given(
    names=st.lists(st.text(alphabet="!*?|1[]=a.", min_size=1, max_size=12), min_size=1),
    name=st.text(alphabet="a.[]:1", max_size=12),
)
def test_any_names_are_compared_without_a_fault(names: list[str], name: str) -> None:
    entry = Entry("", tuple(names), "ssh-ed25519", key(1))
    assert entry.is_of(name) in {True, False}


def test_a_folder_that_cannot_be_written_is_told(home: Path) -> None:
    (home / ".config").write_text("a file in the way")
    assert pinned(NODE) == ()
    with pytest.raises(ForbiddenError, match="cannot be pinned") as raised:
        pin(NODE, "ssh-ed25519", key(1))
    assert "XDG_CONFIG_HOME" in raised.value.hint


def test_a_file_that_cannot_be_read_is_told(sshs: Path) -> None:
    sshs.mkdir()
    with pytest.raises(ForbiddenError, match=r"cannot be read: .*known_hosts") as raised:
        pinned(NODE)
    assert str(sshs) in raised.value.hint


@pytest.mark.parametrize(
    ("kind", "file"),
    [("ssh-ed25519", "ed25519"), ("ssh-rsa", "rsa"), ("ecdsa-sha2-nistp256", "ecdsa")],
)
def test_the_command_that_shows_the_nodes_own_key(kind: str, file: str) -> None:
    error = hostkeys.unknown(NODE, kind, key(1, kind))
    assert f"/etc/ssh/ssh_host_{file}_key.pub" in error.hint


def test_the_place_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "x"))
    assert hostkeys.own_file() == tmp_path / "x/appliance/known_hosts"
    assert os.environ["HOME"] in str(hostkeys.known_files()[1])
