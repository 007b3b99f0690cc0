"""Proof from outside a node: each service is used by a client that is not the node itself.

Every function moves random bytes through a service, reads them back by another way in, compares
checksums and returns what was seen; it raises CheckFailedError when the service does not hold.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from images.errors import CheckFailedError
from images.machine import Machine
from images.run import Ran, run
from images.ssh import LOOPBACK

NFS_PORT, SMB_PORT, ISCSI_PORT = 2049, 445, 3260
PAYLOAD = 1 << 20
CLIENT_TIMEOUT_S = 180


@dataclass(frozen=True)
class Evidence:
    """One row of the table: which service, who used it, what was seen."""

    service: str
    client: str
    seen: str


@dataclass(frozen=True)
class ChapLogin:
    """What an initiator needs: its own name, the target's, and where the secret lies."""

    initiator: str
    target: str
    user: str
    secret_file: Path


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _same(service: str, sent: str, got: str) -> None:
    if sent != got:
        raise CheckFailedError(f"{service}: sent sha256 {sent}, read back {got}")


def nfs(client: Machine, address: str, share: str, *, uid: int) -> Evidence:
    """A second node's kernel client mounts NODE:/SHARE with NFSv4.2, writes as `uid`, remounts, reads."""
    content = os.urandom(PAYLOAD)
    mount = f"mkdir -p /mnt/{share} && mount -t nfs -o vers=4.2 {address}:/{share} /mnt/{share}"
    client.succeed(mount, timeout_s=CLIENT_TIMEOUT_S)
    try:
        client.succeed(
            f"setpriv --reuid {uid} --regid 100 --clear-groups sh -c 'cat > /mnt/{share}/by-nfs.bin; sync'",
            stdin=content,
            timeout_s=CLIENT_TIMEOUT_S,
        )
        # Mounted anew, so that the bytes come from the server and not from the client's cache.
        client.succeed(f"umount /mnt/{share} && {mount}", timeout_s=CLIENT_TIMEOUT_S)
        _same(
            "NFS", _sum(content), client.succeed(f"sha256sum < /mnt/{share}/by-nfs.bin").split()[0]
        )
        version = client.succeed(f"grep ' /mnt/{share} ' /proc/mounts | grep -o 'vers=[0-9.]*'")
    finally:
        client.execute(f"umount /mnt/{share}", timeout_s=CLIENT_TIMEOUT_S)
    seen = f"1 MiB written, read back after a new mount, sha256 {_sum(content)[:12]} ({version.strip()})"
    return Evidence("NFS", f"kernel client of {client.name}", seen)


def smb(node: Machine, share: str, *, user: str, password_file: Path, folder: Path) -> Evidence:
    """smbclient on this machine puts and gets a file with encryption demanded by the client too."""
    content = os.urandom(PAYLOAD)
    sent, got = folder / "smb-sent.bin", folder / "smb-got.bin"
    sent.write_bytes(content)
    commands = f'put "{sent}" by-smb.bin; get by-smb.bin "{got}"'
    _smbclient(node, share, user, password_file, commands, "--client-protection=encrypt")
    _same("SMB", _sum(content), _sum(got.read_bytes()))
    old = _smbclient(node, share, user, password_file, "ls", "-m", "SMB2_10", good=False)
    if not old.status:
        raise CheckFailedError("SMB: a client with the old SMB 2.1 dialect got in")
    seen = f"1 MiB put and got, encrypted SMB 3.1.1, sha256 {_sum(content)[:12]}; SMB 2.1 refused"
    return Evidence("SMB", "smbclient on this machine", seen)


def _smbclient(
    node: Machine, share: str, user: str, password_file: Path, commands: str, *extra: str,
    good: bool = True,
) -> Ran:  # fmt: skip
    login = password_file.with_suffix(".login")
    login.touch(mode=0o600)
    login.write_text(f"username = {user}\npassword = {password_file.read_text().strip()}\n")
    argv = [
        "smbclient",
        f"//{LOOPBACK}/{share}",
        "-p",
        str(node.forward(SMB_PORT)),
        "-A",
        str(login),
    ]
    versions = [] if "-m" in extra else ["-m", "SMB3_11"]
    ok = frozenset({0}) if good else None
    return run(
        [*argv, *versions, *extra, "-t", "60", "-c", commands], timeout_s=CLIENT_TIMEOUT_S, ok=ok
    )


def iscsi(node: Machine, login: ChapLogin, *, folder: Path) -> Evidence:
    """QEMU's initiator writes blocks in one session and reads them in another; bad CHAP is refused."""
    content = os.urandom(PAYLOAD)
    sent, got = folder / "iscsi-sent.bin", folder / "iscsi-got.bin"
    sent.write_bytes(content)
    options = _iscsi_options(node, login)
    secret = ["--object", f"secret,id=chap,file={login.secret_file}"]
    write = f"write -s {sent} {PAYLOAD} {PAYLOAD}"
    run(["qemu-io", *secret, "--image-opts", options, "-c", write], timeout_s=CLIENT_TIMEOUT_S)
    where = [f"if={options}", f"of={got}", f"bs={PAYLOAD}", "skip=1", "count=2"]
    run(
        ["qemu-img", "dd", *secret, "--image-opts", "-O", "raw", *where], timeout_s=CLIENT_TIMEOUT_S
    )
    _same("iSCSI", _sum(content), _sum(got.read_bytes()[:PAYLOAD]))
    wrong = folder / "wrong.secret"
    wrong.write_text("not-the-secret")
    bad = ["--object", f"secret,id=chap,file={wrong}"]
    tried = run(
        ["qemu-img", "info", *bad, "--image-opts", options], timeout_s=CLIENT_TIMEOUT_S, ok=None
    )
    if not tried.status:
        raise CheckFailedError("iSCSI: a wrong CHAP secret was let in")
    seen = f"1 MiB written, read in a new session, sha256 {_sum(content)[:12]}; wrong CHAP secret refused"
    return Evidence("iSCSI", "QEMU's initiator on this machine", seen)


def _iscsi_options(node: Machine, login: ChapLogin) -> str:
    portal = f"{LOOPBACK}:{node.forward(ISCSI_PORT)}"
    return (
        f"driver=iscsi,transport=tcp,portal={portal},target={login.target},lun=0,"
        f"user={login.user},password-secret=chap,initiator-name={login.initiator}"
    )


def console(node: Machine, guest: str, words: str, *, timeout_s: float = 600) -> Evidence:
    """The guest's own words on its serial console, as the node logs them."""
    log = f"/var/log/appliance/guests/{guest}.log"
    said = node.wait_until_succeeds(f"grep -a -m1 -- '{words}' {log}", timeout_s=timeout_s)
    return Evidence("VM", f"serial console of {guest}", said.strip())
