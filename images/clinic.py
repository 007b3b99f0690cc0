"""The example site on a virtual chassis: its secrets and files, its apply, the proof of it."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from images import evidence
from images.cache import REPO
from images.disk import lab_key
from images.errors import CheckFailedError
from images.evidence import ChapLogin, Evidence
from images.guests import SECTOR
from images.machine import Machine
from images.run import Ran

SPEC: Final = REPO / "examples" / "clinic.toml"
CLI: Final = Path(sys.executable).with_name("appliance")
GUEST_WORDS: Final = "Reports of the clinic, from the imported disk image"
IMAGES_DIR: Final = "/var/lib/appliance/images"
SECRETS: Final = ("radiology-smb", "database-chap")
INITIATOR: Final = "iqn.2026-11.example.clinic:database-server"
CLI_TIMEOUT_S: Final = 3600


def ssh_address(node: Machine) -> str:
    """The node as `appliance -H` takes it."""
    return f"ssh://root@127.0.0.1:{node.ssh.port}"


def reach(node: Machine) -> tuple[str, ...]:
    """The arguments by which `appliance` reaches the node over SSH."""
    return ("-H", ssh_address(node), "-i", str(lab_key()))


def appliance(node: Machine, *words: str, stdin: Path | None = None, show: bool = False) -> Ran:
    """Run the admin's own command against the node; with `show`, on this terminal as it runs."""
    argv = [str(CLI), *reach(node), *words]
    capture = None if show else subprocess.PIPE
    with (stdin or Path(os.devnull)).open("rb") as source:
        done = subprocess.run(
            argv, stdin=source, check=False, timeout=CLI_TIMEOUT_S, stdout=capture, stderr=capture
        )
    out, err = done.stdout or b"", done.stderr or b""
    return Ran(done.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


@dataclass(frozen=True)
class Clinic:
    """The site of examples/clinic.toml on `node`; `folder` keeps its secrets and scratch files."""

    node: Machine
    folder: Path
    show: bool = False
    """Whether each command is printed and runs on this terminal."""

    def secret(self, name: str) -> Path:
        """A secret, made once. CHAP allows 12 to 16 characters."""
        file = self.folder / f"{name}.secret"
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(16)[:14])
        return file

    def run(self, *words: str, stdin: Path | None = None) -> Ran:
        """An `appliance` command that must succeed. Raises CheckFailedError."""
        if self.show:
            source = f" < {stdin.name}" if stdin else ""
            print(f"\n$ appliance {' '.join(words)}{source}", flush=True)
        ran = appliance(self.node, *words, stdin=stdin, show=self.show)
        if ran.status:
            raise CheckFailedError(
                f"appliance {' '.join(words)} ended with status {ran.status}.\n{ran.text}",
                output=ran.text,
            )
        return ran

    def trust(self) -> None:
        """Pin the node's host key, as it was when the image was built."""
        key = base64.b64decode(self.node.record.built.host_key.read_text().split()[1])
        digest = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
        self.run("host", "trust", ssh_address(self.node), "--fingerprint", f"SHA256:{digest}")

    def prepare(self) -> None:
        """Pin the node's host key, store the secrets, bring the guest's files."""
        self.trust()
        for name in SECRETS:
            self.run("secret", "set", name, stdin=self.secret(name))
        self.node.succeed("mkdir", "-p", IMAGES_DIR)
        for name, source in self._files().items():
            if self.node.execute("test", "-e", f"{IMAGES_DIR}/{name}").status:
                self.node.copy_in(source, f"{IMAGES_DIR}/{name}")

    def _files(self) -> Mapping[str, Path]:
        image = self.folder / "reports.img"
        image.write_bytes(GUEST_WORDS.encode().ljust(SECTOR, b"\0").ljust(1 << 20, b"\0"))
        built = self.node.record.built
        return {
            "reports.img": image,
            "reports-vmlinuz": built.guest_kernel,
            "reports-initrd": built.guest_initrd,
        }

    def apply(self) -> Ran:
        """Carry the example out. Raises CheckFailedError."""
        return self.run("apply", str(SPEC.relative_to(REPO)), "--yes")

    # the proofs, each by a client that is not the node

    def prove_nfs(self, client: Machine) -> Evidence:
        """By the kernel of a second node. Raises CheckFailedError."""
        uid = int(self.node.succeed("id", "-u", "radiology"))
        return evidence.nfs(client, self.node.address, "images", uid=uid)

    def prove_smb(self) -> Evidence:
        """By smbclient on this machine. Raises CheckFailedError."""
        password = self.secret("radiology-smb")
        return evidence.smb(
            self.node, "images", user="radiology", password_file=password, folder=self.folder
        )

    def prove_iscsi(self) -> Evidence:
        """By QEMU's initiator on this machine. Raises CheckFailedError."""
        configfs = "/sys/kernel/config/target/iscsi"
        target = self.node.succeed(f"ls {configfs} | grep ^iqn | grep ':database$'").strip()
        login = ChapLogin(INITIATOR, target, "database-server", self.secret("database-chap"))
        return evidence.iscsi(self.node, login, folder=self.folder)

    def prove_vm(self) -> Evidence:
        """By its own words on the serial console. Raises CheckFailedError."""
        return evidence.console(self.node, "reports", "GUEST-SAYS disk.*Reports of the clinic")

    def proofs(self, client: Machine) -> Iterator[tuple[str, Callable[[], Evidence]]]:
        """All of them, with what each is about."""
        yield "NFS", lambda: self.prove_nfs(client)
        yield "SMB", self.prove_smb
        yield "iSCSI", self.prove_iscsi
        yield "the VM (about a minute: emulation inside emulation)", self.prove_vm
