"""Pinned host keys: where they are kept, and how an entry names its host. No SSH library here."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import Final

from appliance.client.transport import SSH_PORT, Address
from appliance.errors import HostKeyError

FINGERPRINT_PREFIX: Final = "SHA256:"


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


def pin(address: Address, key_type: str, key: bytes) -> Path:
    """Write the key down for this host in place of any earlier one of ours. Returns the file."""
    path = own_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = entry_name(address)
    old = path.read_text().splitlines() if path.exists() else []
    lines = [line for line in old if line.split(" ", 1)[0] != name]
    lines.append(f"{name} {key_type} {b64encode(key).decode()}")
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join(lines) + "\n")
    fresh.chmod(0o600)
    fresh.replace(path)
    return path


def unknown(address: Address, key_type: str, key: bytes) -> HostKeyError:
    """The error for a host never seen before."""
    return HostKeyError(
        f"The host key of {address.text} is not known: {key_type} {fingerprint(key)}.",
        hint=f"Compare it with the one on the node's console (ssh-keygen -lf "
        f"/etc/ssh/ssh_host_ed25519_key.pub), then: appliance host trust {address.text}",
        subject=address.text,
    )


def changed(address: Address, key_type: str, key: bytes, pinned: bytes) -> HostKeyError:
    """The error for a host that shows another key than the pinned one."""
    return HostKeyError(
        f"The host key of {address.text} has changed: pinned is {fingerprint(pinned)}, it now shows "
        f"{key_type} {fingerprint(key)}. Someone may be in between; nothing was sent.",
        hint="If the node was installed anew, compare the fingerprint on its console, then: "
        f"appliance host trust {address.text} (a line in ~/.ssh/known_hosts goes with: "
        f"ssh-keygen -R '{entry_name(address)}')",
        subject=address.text,
    )


def decode_key(text: str) -> bytes:
    """The bytes of a base64 key; empty when it is none."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""
