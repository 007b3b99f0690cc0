"""Clients outside the node that write, read back and compare until they are told to stop.

One over each protocol: a second node's kernel over NFS, smbclient and QEMU's initiator on this
machine. Each counts its rounds and stops at the first byte that is not what it wrote.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

from images.evidence import ISCSI_PORT, SMB_PORT, ChapLogin
from images.machine import Machine
from images.run import run
from images.ssh import LOOPBACK

BLOCK = 64 * 1024
PIECE = 100_000
PAUSE_S = 2.0
"""Between rounds: an emulated CPU that does nothing but serve clients gets no fault handled."""
ROUND_S = 600
"""A round may take so long: emulated disks that hang are waited for by the kernel's own limits."""


class Client(Protocol):
    """One that works beside the test."""

    @property
    def rounds(self) -> int:
        """Whole rounds that were right."""

    @property
    def wrong(self) -> str:
        """What was wrong; empty while all is well."""


class _Threaded:
    """A client whose rounds run in a thread of this process."""

    def __init__(self) -> None:
        self.rounds = 0
        self.wrong = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name=type(self).__name__, daemon=True)

    def _round(self) -> str:
        """One round; what was wrong with it."""
        raise NotImplementedError

    def _work(self) -> None:
        while not self._stop.is_set() and not self.wrong:
            self.wrong = self._round()
            self.rounds += not self.wrong
            self._stop.wait(PAUSE_S)

    def _end(self) -> None:
        self._stop.set()
        self._thread.join(ROUND_S)


class BlockWriter(_Threaded):
    """An initiator that stays logged in and writes, reads back, and writes again."""

    def __init__(self, node: Machine, login: ChapLogin) -> None:
        super().__init__()
        self._options = (
            f"driver=iscsi,transport=tcp,portal={LOOPBACK}:{node.forward(ISCSI_PORT)},lun=0,"
            f"target={login.target},user={login.user},password-secret=key,"
            f"initiator-name={login.initiator}"
        )
        self._secret = f"secret,id=key,file={login.secret_file}"

    def __enter__(self) -> BlockWriter:
        self._process = subprocess.Popen(
            ["stdbuf", "-oL", "qemu-io", "--object", self._secret, "--image-opts", self._options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.wrong = self._ask(f"write -P 1 0 {BLOCK}")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._process.communicate("quit\n", timeout=60)

    def _round(self) -> str:
        pattern, offset = self.rounds % 250 + 1, self.rounds % 64 * BLOCK
        return self._ask(f"write -P {pattern} {offset} {BLOCK}") or self._ask(
            f"read -P {pattern} {offset} {BLOCK}"
        )

    def _ask(self, command: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        rest = self._process.stdout.readline()
        right = re.search(rf"(wrote|read) {BLOCK}/{BLOCK} bytes", said)
        return "" if right else f"{command}: {said}{rest}"


class SmbWriter(_Threaded):
    """smbclient on this machine: puts a file, gets it and an old one back, over and over."""

    def __init__(self, node: Machine, login: Path, folder: Path, known: Mapping[str, str]) -> None:
        super().__init__()
        port = str(node.forward(SMB_PORT))
        place = ["smbclient", f"//{LOOPBACK}/images", "-p", port, "-A", str(login)]
        self._argv = [*place, "-m", "SMB3_11", "-t", str(ROUND_S)]
        self._folder = folder
        self._known = sorted(known.items())

    def __enter__(self) -> SmbWriter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _round(self) -> str:
        sent, got, old = (self._folder / name for name in ("sent", "got", "old"))
        sent.write_bytes(os.urandom(PIECE))
        name, digest = self._known[self.rounds % len(self._known)]
        commands = f'put "{sent}" by-smb; get by-smb "{got}"; get {name} "{old}"'
        ran = run([*self._argv, "-c", commands], timeout_s=2 * ROUND_S, ok=None)
        if ran.status:
            return ran.text
        if got.read_bytes() != sent.read_bytes():
            return "by-smb is not what was put"
        same = hashlib.sha256(old.read_bytes()).hexdigest() == digest
        return "" if same else f"{name} is not what it was"


NFS_UNIT = "nfs-client"
NFS_ROUNDS = "/run/nfs-rounds"
NFS_MOUNT = "/mnt/images"
NFS_SUMS = "/root/sums"
NFS_SCRIPT = f"""\
set -eu
n=0
while true; do
    n=$((n + 1))
    head -c {PIECE} /dev/urandom > /root/new
    cp /root/new {NFS_MOUNT}/nfs-new
    sync -f {NFS_MOUNT}/nfs-new
    echo 1 > /proc/sys/vm/drop_caches
    cmp /root/new {NFS_MOUNT}/nfs-new
    mv {NFS_MOUNT}/nfs-new {NFS_MOUNT}/nfs-$((n % 8))
    cd {NFS_MOUNT}
    sha256sum --quiet --check {NFS_SUMS}
    cd /
    echo $n > {NFS_ROUNDS}
    sleep {PAUSE_S}
done
"""


class NfsWriter:
    """A second node's kernel client; its loop runs there, so that it outlives a busy host."""

    def __init__(self, peer: Machine, server: str) -> None:
        self._peer = peer
        self._server = server

    def store(self, files: int, size: int) -> Mapping[str, str]:
        """Mount the share and write files of random bytes; name -> SHA-256."""
        peer = self._peer
        source = f"{self._server}:/images"
        peer.succeed(f"mkdir -p {NFS_MOUNT} && mount -t nfs -o vers=4.2 {source} {NFS_MOUNT}",
                     timeout_s=300)  # fmt: skip
        made = peer.succeed(
            f"cd {NFS_MOUNT} && for n in $(seq {files}); do head -c {size} /dev/urandom > film-$n;"
            f" done && sha256sum film-* | tee {NFS_SUMS} && sync -f .",
            timeout_s=300,
        )
        return {line.split()[1]: line.split()[0] for line in made.splitlines()}

    def __enter__(self) -> NfsWriter:
        self._peer.succeed("cat > /root/client.sh", stdin=NFS_SCRIPT.encode())
        self._peer.succeed(
            f"rm -f {NFS_ROUNDS}; systemd-run --unit={NFS_UNIT} bash /root/client.sh"
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._peer.execute(f"systemctl stop {NFS_UNIT}; systemctl reset-failed {NFS_UNIT}")
        self._peer.execute(f"umount -f {NFS_MOUNT}", timeout_s=300)

    @property
    def rounds(self) -> int:
        """See Client."""
        return int(self._peer.execute(f"cat {NFS_ROUNDS}").stdout.strip() or "0")

    @property
    def wrong(self) -> str:
        """See Client."""
        if not self._peer.execute(f"systemctl is-active --quiet {NFS_UNIT}").status:
            return ""
        return self._peer.execute(f"journalctl -u {NFS_UNIT} -n 20 --no-pager").text


def _went_on(client: Client, rounds: int) -> bool:
    """Two rounds further: the one that was under way may have begun before the fault."""
    return client.rounds >= rounds or bool(client.wrong)


class Clients:
    """All that work at once."""

    def __init__(self, node: Machine, by_name: Mapping[str, Client]) -> None:
        self._node = node
        self._by_name = by_name

    def go_on(self) -> None:
        """Each has had no wrong byte and no error, and gets through another whole round."""
        for name, client in self._by_name.items():
            self._node.wait_until(
                partial(_went_on, client, client.rounds + 2),
                f"another round over {name}",
                timeout_s=2 * ROUND_S,
            )
            assert not client.wrong, f"{name}: {client.wrong}"


@contextmanager
def clients_of(
    node: Machine, peer: Machine, chap: ChapLogin, smb_login: Path, folder: Path
) -> Iterator[Clients]:
    """Share `images` in use over NFS and SMB, and the target over iSCSI, while the block runs."""
    with ExitStack() as stack:
        nfs = NfsWriter(peer, node.address)
        known = nfs.store(files=8, size=300_000)
        stack.enter_context(nfs)
        smb = stack.enter_context(SmbWriter(node, smb_login, folder, known))
        block = stack.enter_context(BlockWriter(node, chap))
        yield Clients(node, {"NFS": nfs, "SMB": smb, "iSCSI": block})
