"""Pinned host keys: where they are kept, and how an entry names its host (sshd(8), SSH_KNOWN_HOSTS).

No SSH library here. Paramiko's own reader gives up on lines that ssh(1) writes or skips:
`@cert-authority`, `@revoked`, keys that are cut short.
"""

from __future__ import annotations

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from appliance.client.transport import SSH_PORT, Address
from appliance.errors import ForbiddenError, HostKeyError

FINGERPRINT_PREFIX: Final = "SHA256:"
_REVOKED: Final = "@revoked"
_HASHED: Final = "|1|"
_KEY_NAMES: Final = {"ssh-rsa": "rsa", "ssh-ed25519": "ed25519"}


class Entry(NamedTuple):
    """A line of known_hosts."""

    marker: str
    names: tuple[str, ...]
    key_type: str
    key: bytes

    def is_of(self, name: str) -> bool:
        """Whether it is about this host: by name, pattern or hashed name; `!` takes one out."""
        taken_out = any(item[0] == "!" and _fits(item[1:], name) for item in self.names)
        return not taken_out and any(_fits(item, name) for item in self.names if item[0] != "!")


def own_file() -> Path:
    """Where `appliance host trust` writes."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "appliance" / "known_hosts"


def known_files() -> tuple[Path, ...]:
    """The files that are believed, ours first; ssh(1)'s own counts as well."""
    return (own_file(), Path.home() / ".ssh" / "known_hosts")


def entry_name(address: Address) -> str:
    """The host as known_hosts writes it (sshd(8)): a port other than 22 in brackets."""
    return address.host if address.port == SSH_PORT else f"[{address.host}]:{address.port}"


def fingerprint(key: bytes) -> str:
    """A key's fingerprint as ssh-keygen(1) prints it."""
    return FINGERPRINT_PREFIX + b64encode(sha256(key).digest()).decode().rstrip("=")


def entries(text: str) -> Iterator[Entry]:
    """The lines that can be read; ssh(1) passes over the others as well."""
    for line in text.splitlines():
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#"):  # noqa: PLR2004 - names, type, key
            continue
        names = tuple(filter(None, words[0].split(",")))
        key = decode_key(words[2])
        # The key begins with its own type (RFC 4253 part 6.6), so a wrong one is noticed here.
        if names and key[4:].startswith(words[1].encode()):
            yield Entry(marker, names, words[1], key)


def pinned(address: Address) -> tuple[Entry, ...]:
    """What is pinned for a host. Where our file has a type of key, ssh's own has no say in it."""
    found: list[Entry] = []
    for path in known_files():
        decided = {entry.key_type for entry in found}
        found += [
            entry
            for entry in _about(path, address)
            if not entry.marker and entry.key_type not in decided
        ]
    return tuple(found)


def own() -> tuple[Entry, ...]:
    """What `appliance host trust` wrote down. Raises ForbiddenError when it cannot be read."""
    return tuple(entries(_read(own_file())))


def revoked(address: Address) -> frozenset[bytes]:
    """Keys that must not be believed, whatever else is said about them."""
    return frozenset(
        entry.key
        for path in known_files()
        for entry in _about(path, address)
        if entry.marker == _REVOKED
    )


def pin(address: Address, key_type: str, key: bytes) -> Path:
    """Write the key down for this host in place of any earlier one of ours. Returns the file.

    Raises ForbiddenError when it cannot be written.
    """
    path = own_file()
    name = entry_name(address)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = [line for line in _read(path).splitlines() if line.split(" ", 1)[0] != name]
        lines.append(f"{name} {key_type} {b64encode(key).decode()}")
        fresh = path.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
        fresh.chmod(0o600)
        fresh.replace(path)
    except OSError as error:
        raise ForbiddenError(
            f"The key cannot be pinned: {path}: {error.strerror}.",
            hint="Make that file writable, or name another folder in XDG_CONFIG_HOME.",
            subject=str(path),
        ) from error
    return path


def unknown(address: Address, key_type: str, key: bytes) -> HostKeyError:
    """The error for a host never seen before."""
    return HostKeyError(
        f"The host key of {address.text} is not known: {key_type} {fingerprint(key)}.",
        hint=f"Compare it with the one on the node's console ({shown_by(key_type)}), "
        f"then: appliance host trust {address.text}",
        subject=address.text,
    )


def changed(address: Address, key_type: str, key: bytes, pinned: bytes) -> HostKeyError:
    """The error for a host that shows another key than the pinned one."""
    return HostKeyError(
        f"The host key of {address.text} has changed: pinned is {fingerprint(pinned)}, it now shows "
        f"{key_type} {fingerprint(key)}. Someone may be in between; nothing was sent.",
        hint="If the node was installed anew, compare the fingerprint on its console "
        f"({shown_by(key_type)}), then: appliance host trust {address.text} (a line in ~/.ssh/known_hosts goes with: "
        f"ssh-keygen -R '{entry_name(address)}')",
        subject=address.text,
    )


def distrusted(address: Address, key_type: str, key: bytes) -> HostKeyError:
    """The error for a host that shows a key marked @revoked."""
    return HostKeyError(
        f"The host key of {address.text} is revoked: {key_type} {fingerprint(key)}. "
        "Nothing was sent.",
        hint=f"Find out why; it is marked {_REVOKED} in {known_files()[1]}.",
        subject=address.text,
    )


def shown_by(key_type: str) -> str:
    """The command that prints the fingerprint of a node's own key of that type."""
    name = _KEY_NAMES.get(key_type, key_type.partition("-")[0])
    return f"ssh-keygen -lf /etc/ssh/ssh_host_{name}_key.pub"


def decode_key(text: str) -> bytes:
    """The bytes of a base64 key; empty when it is none."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""


def _about(path: Path, address: Address) -> tuple[Entry, ...]:
    name = entry_name(address)
    return tuple(entry for entry in entries(_read(path)) if entry.is_of(name))


def _read(path: Path) -> str:
    """A file's text, empty when it is not there. Raises ForbiddenError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise ForbiddenError(
            f"The pinned host keys cannot be read: {path}: {error.strerror}.",
            hint=f"Make it a file that you may read: ls -l {path}",
            subject=str(path),
        ) from error


def _fits(pattern: str, name: str) -> bool:
    if pattern.startswith(_HASHED):
        salt, _, digest = pattern[len(_HASHED) :].partition("|")
        found = hmac.digest(decode_key(salt), name.encode(), "sha1")
        return bool(salt) and hmac.compare_digest(found, decode_key(digest))
    # Only * and ? are special to ssh; a bracket is a letter of "[host]:port".
    return fnmatchcase(name.lower(), pattern.lower().replace("[", "[[]"))
