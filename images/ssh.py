"""Commands in a node over one shared OpenSSH connection, so that each costs a fraction of a second."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from images.errors import RigError
from images.run import Ran, alive, run, spawn

LOOPBACK = "127.0.0.1"
BROKEN = 255
"""ssh's own exit status when the connection, not the command, failed."""


@dataclass(frozen=True)
class Ssh:
    """How to log in to a node. The host key is pinned under the alias `appliance-lab`."""

    port: int
    key: Path
    folder: Path
    """Holds known_hosts, the control socket and the log of the shared connection."""
    user: str = "root"

    @property
    def _control(self) -> Path:
        return self.folder / "ssh.ctl"

    def argv(self, *, shared: bool = True) -> list[str]:
        """The ssh command up to and including the host."""
        options = {
            "IdentitiesOnly": "yes",
            "HostKeyAlias": "appliance-lab",
            "UserKnownHostsFile": str(self.folder / "known_hosts"),
            "StrictHostKeyChecking": "yes",
            "LogLevel": "ERROR",
            # under load a login took 20 s
            "ConnectTimeout": "90",
            "BatchMode": "yes",
            # an emulated node may stand still for minutes on a busy host; a dead QEMU closes the
            # socket at once, and every command has a time limit of its own
            "ServerAliveInterval": "30",
            "ServerAliveCountMax": "20",
            "ControlMaster": "no",
            "ControlPath": str(self._control) if shared else "none",
        }
        words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        return [
            "ssh",
            "-F",
            "none",
            *words,
            "-i",
            str(self.key),
            "-p",
            str(self.port),
            f"{self.user}@{LOOPBACK}",
        ]

    def run(self, line: str, *, timeout_s: float, stdin: bytes | None = None) -> Ran:
        """Run a shell line; any exit status but ssh's own is the command's. Raises RigError."""
        ran = run([*self.argv(), line], timeout_s=timeout_s, stdin=stdin, ok=None)
        if ran.status == BROKEN:
            raise RigError(
                f"ssh to port {self.port} broke: {ran.text[-500:]}",
                hint="Is the node up? See serial.log.",
            )
        return ran

    def open(self, *, timeout_s: float, pid: int) -> None:
        """Open the shared connection. Raises RigError when the node (process `pid`) gives none."""
        deadline = time.monotonic() + timeout_s
        self._await_banner(deadline, pid)
        self.close()
        # Not ssh's own ControlPersist: the process it leaves behind would hold our pipes open.
        words = [*self.argv()[:1], "-M", "-N", *self.argv()[1:]]
        master = spawn(words, log=self.folder / "ssh.log")
        while not self._control.exists():
            if not alive(master):
                words = (self.folder / "ssh.log").read_text().split("\n")[-5:]
                raise RigError(
                    f"Login failed: {' '.join(words)}", hint="Is this an image of another key?"
                )
            if time.monotonic() > deadline:
                raise RigError("The login took too long.", hint="Look at serial.log and `uptime`.")
            time.sleep(0.05)

    def shown_key(self, *, timeout_s: float, pid: int) -> str:
        """The host key the node shows, type and key. Raises RigError when it shows none."""
        self._await_banner(time.monotonic() + timeout_s, pid)
        scan = ["ssh-keyscan", "-T", "60", "-t", "ed25519", "-p", str(self.port), LOOPBACK]
        found = run(scan, timeout_s=90, ok=None).stdout.split()
        if len(found) < len(("host", "type", "key")):
            raise RigError("The node shows no host key.", hint="Read its serial.log.")
        return f"{found[1]} {found[2]}\n"

    def close(self) -> None:
        """End the shared connection, if there is one."""
        if self._control.exists():
            run([*self.argv()[:-1], "-O", "exit", self.argv()[-1]], timeout_s=20, ok=None)
            self._control.unlink(missing_ok=True)

    def _has_banner(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection((LOOPBACK, self.port), 5) as probe,
        ):
            probe.settimeout(5)
            return probe.recv(4) == b"SSH-"
        return False

    def _await_banner(self, deadline: float, pid: int) -> None:
        while time.monotonic() < deadline:
            if not alive(pid):
                raise RigError(
                    "QEMU ended while its guest started.", hint=f"Read {self.folder}/qemu.log"
                )
            if self._has_banner():
                return
            time.sleep(0.3)
        raise RigError("The guest's sshd does not answer.", hint=f"Read {self.folder}/serial.log")
