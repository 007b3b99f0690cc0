"""`make demo`: a virtual chassis with everything on it, proved from outside, left running."""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from agents.node.profiles import profile_named
from appliance.errors import ApplianceError
from images import evidence
from images.build import show
from images.cache import REPO, cache_root
from images.disk import lab_key
from images.errors import RigError
from images.evidence import ChapLogin, Evidence
from images.frozen import Frozen, golden
from images.guests import SECTOR
from images.machine import Machine, free_l2_port
from images.record import load_record

NODE: Final = "demo"
CLIENT: Final = "demo-client"
SPEC: Final = REPO / "examples" / "clinic.toml"
CLI: Final = Path(sys.executable).with_name("appliance")
GUEST_WORDS: Final = "Reports of the clinic, from the imported disk image"
IMAGES_DIR: Final = "/var/lib/appliance/images"
RADIOLOGY_UID: Final = 3001


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m images.demo up|down`; the exit status is an error's own."""
    parser = argparse.ArgumentParser(prog="images.demo", description=main.__doc__)
    parser.add_argument("act", choices=["up", "down"])
    options = parser.parse_args(argv)
    try:
        if options.act == "down":
            return down()
        return up()
    except ApplianceError as error:
        print(f"error: {error.message}\nnext:  {error.hint}", file=sys.stderr)
        return error.exit_status


def down() -> int:
    """End both machines and throw their disks away."""
    for name in (NODE, CLIENT):
        try:
            Machine.load(name).remove()
        except RigError:
            continue
        print(f"{name} is gone.")
    shutil.rmtree(_folder(), ignore_errors=True)
    return 0


def up() -> int:
    """Boot, apply, prove, tell. Leaves the node running. Raises ApplianceError."""
    began = time.monotonic()
    frozen = golden(profile_named("lab-12bay"), show)
    l2_port = free_l2_port()
    node = _machine(NODE, frozen, 1, l2_port)
    client = _machine(CLIENT, frozen, 2, node.record.l2_port)
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    apply(node, folder)
    rows = list(prove(node, client, folder))
    print(_table(rows))
    print(_look_around(node))
    show(f"demo: done in {time.monotonic() - began:.0f} s")
    return 0


def _machine(name: str, frozen: Frozen, number: int, l2_port: int) -> Machine:
    """The machine of that name: the running one, its own disks booted again, or a fresh clone."""
    try:
        record = load_record(name)
    except RigError:
        show(f"demo: waking {name} from the frozen node")
        return frozen.clone(name, number=number, l2_port=l2_port, nvme=number == 1)
    machine = Machine(record)
    if not record.running:
        show(f"demo: {name} is off, booting it with its own disks")
        machine.start()
    else:
        show(f"demo: {name} is running already")
    return machine


def _folder() -> Path:
    return cache_root() / "demo"


def _secret(name: str) -> Path:
    """A secret made once and kept beside the demo's machines. CHAP allows 12 to 16 characters."""
    file = _folder() / f"{name}.secret"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(16)[:14])
    return file


def _ssh_address(node: Machine) -> str:
    return f"ssh://root@127.0.0.1:{node.ssh.port}"


def _fingerprint(node: Machine) -> str:
    """Of the host key that was baked into the lab image, as OpenSSH prints it."""
    key = base64.b64decode(node.record.built.host_key.read_text().split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def address(node: Machine) -> tuple[str, ...]:
    """The arguments by which `appliance` reaches the node over SSH."""
    return ("-H", _ssh_address(node), "-i", str(lab_key()))


def appliance(node: Machine, *words: str, stdin: Path | None = None) -> None:
    """Run the admin's own command against the node, shown as it runs. Raises RigError."""
    argv = [str(CLI), *address(node), *words]
    print(f"\n$ appliance {' '.join(words)}" + (f" < {stdin.name}" if stdin else ""), flush=True)
    with (stdin or Path(os.devnull)).open("rb") as source:
        done = subprocess.run(argv, stdin=source, check=False, timeout=3600)
    if done.returncode:
        raise RigError(
            f"appliance {' '.join(words)} ended with status {done.returncode}.",
            hint="Its own words are above. The machines are left as they are: appliance-lab status",
        )


def apply(node: Machine, folder: Path) -> None:
    """Trust the node's key, store the secrets, bring the guest's files, apply the example."""
    appliance(node, "host", "trust", _ssh_address(node), "--fingerprint", _fingerprint(node))
    appliance(node, "secret", "set", "radiology-smb", stdin=_secret("radiology-smb"))
    appliance(node, "secret", "set", "database-chap", stdin=_secret("database-chap"))
    node.succeed("mkdir", "-p", IMAGES_DIR)
    image = folder / "reports.img"
    image.write_bytes(GUEST_WORDS.encode().ljust(SECTOR, b"\0").ljust(1 << 20, b"\0"))
    built = node.record.built
    files = {
        image: "reports.img",
        built.guest_kernel: "reports-vmlinuz",
        built.guest_initrd: "reports-initrd",
    }
    for source, name in files.items():
        if node.execute("test", "-e", f"{IMAGES_DIR}/{name}").status:
            node.copy_in(source, f"{IMAGES_DIR}/{name}")
    appliance(node, "apply", str(SPEC.relative_to(REPO)), "--yes")
    appliance(node, "status")


def prove(node: Machine, client: Machine, folder: Path) -> Iterator[Evidence]:
    """Use every service from outside the node. Raises CheckFailedError."""
    target = node.succeed(
        "ls /sys/kernel/config/target/iscsi | grep ^iqn | grep :database$"
    ).strip()
    uid = int(node.succeed("id", "-u", "radiology"))
    login = ChapLogin(
        initiator="iqn.2026-11.example.clinic:database-server",
        target=target,
        user="database-server",
        secret_file=_secret("database-chap"),
    )
    proofs: tuple[tuple[str, Callable[[], Evidence]], ...] = (
        ("NFS", lambda: evidence.nfs(client, node.address, "images", uid=uid)),
        (
            "SMB",
            lambda: evidence.smb(
                node,
                "images",
                user="radiology",
                password_file=_secret("radiology-smb"),
                folder=folder,
            ),
        ),
        ("iSCSI", lambda: evidence.iscsi(node, login, folder=folder)),
        (
            "the VM (about a minute: emulation inside emulation)",
            lambda: evidence.console(node, "reports", "GUEST-SAYS disk"),
        ),
    )
    for name, proof in proofs:
        show(f"demo: proving {name}")
        yield proof()


def _table(rows: Sequence[Evidence]) -> str:
    cells = [("service", "used by", "seen"), *((row.service, row.client, row.seen) for row in rows)]
    widths = [max(len(cell[column]) for cell in cells) for column in range(2)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in cells]
    return "\n".join(["", lines[0], "-" * max(map(len, lines)), *lines[1:], ""])


def _look_around(node: Machine) -> str:
    reach = " ".join(address(node))
    return (
        "The node is left running. Look around:\n"
        f"  .venv/bin/appliance {reach} status\n"
        f"  .venv/bin/appliance {reach} disk list\n"
        f"  .venv/bin/appliance {reach} job show 1\n"
        f"  .venv/bin/appliance-lab ssh {NODE}\n"
        "End it:\n"
        "  make demo-down"
    )


if __name__ == "__main__":
    sys.exit(main())
