"""What a test says to a node: run this, expect that, wait for the other."""

from __future__ import annotations

import io
import shlex
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

from images.errors import CheckFailedError
from images.run import Ran
from images.ssh import Ssh

TAIL_CHARS = 3000
POLL_S = 0.4


class Verbs:
    """Verbs over a login. A command is one shell line, or several words taken literally."""

    @property
    def name(self) -> str:
        """What to call the node in messages."""
        raise NotImplementedError

    @property
    def ssh(self) -> Ssh:
        """The node's login."""
        raise NotImplementedError

    def execute(self, *words: str, timeout_s: float = 120, stdin: bytes | None = None) -> Ran:
        """Run a command and return how it ended, whatever that is. Raises RigError without a login."""
        return self.ssh.run(shell_line(words), timeout_s=timeout_s, stdin=stdin)

    def succeed(self, *words: str, timeout_s: float = 120, stdin: bytes | None = None) -> str:
        """Run a command that must succeed; its standard output. Raises CheckFailedError."""
        ran = self.execute(*words, timeout_s=timeout_s, stdin=stdin)
        if ran.status:
            raise CheckFailedError(
                f"{self.name}: status {ran.status} from: {shell_line(words)[:300]}\n{ran.text[-TAIL_CHARS:]}",
                output=ran.text,
            )
        return ran.stdout

    def fail(self, *words: str, timeout_s: float = 120) -> str:
        """Run a command that must fail; all it said. Raises CheckFailedError."""
        ran = self.execute(*words, timeout_s=timeout_s)
        if not ran.status:
            raise CheckFailedError(
                f"{self.name}: succeeded, but should fail: {shell_line(words)[:300]}\n{ran.text[-TAIL_CHARS:]}",
                output=ran.text,
            )
        return ran.text

    def wait_until_succeeds(self, *words: str, timeout_s: float = 60) -> str:
        """Repeat a command until it succeeds; its standard output. Raises CheckFailedError."""
        ran = Ran(1, "", "")

        def done() -> bool:
            nonlocal ran
            ran = self.execute(*words, timeout_s=timeout_s + 60)
            return not ran.status

        self._await(done, lambda: f"{shell_line(words)[:300]}\n{ran.text[-TAIL_CHARS:]}", timeout_s)
        return ran.stdout

    def wait_until_fails(self, *words: str, timeout_s: float = 60) -> None:
        """Repeat a command until it fails. Raises CheckFailedError."""
        self._await(
            lambda: bool(self.execute(*words, timeout_s=timeout_s + 60).status),
            lambda: f"still succeeds: {shell_line(words)[:300]}",
            timeout_s,
        )

    def wait_for_unit(self, unit: str, *, timeout_s: float = 120) -> None:
        """Wait until a unit is active; fails at once when it failed or nothing will start it."""

        def active() -> bool:
            text = self.succeed("systemctl", "show", "-p", "ActiveState", "-p", "Job", unit)
            facts = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
            state = facts.get("ActiveState", "")
            idle = state == "inactive" and facts.get("Job", "") in {"", "0"}
            if state == "failed" or idle:
                log = self.execute("journalctl", "-b", "--no-pager", "-n", "30", "-u", unit).text
                raise CheckFailedError(f"{self.name}: {unit} is {state}\n{log}", output=log)
            return state == "active"

        self._await(active, lambda: f"{unit} is not active", timeout_s)

    def wait_for_open_port(self, port: int, *, timeout_s: float = 60) -> None:
        """Wait until something in the node listens on a TCP port."""
        line = f"test -n \"$(ss -Hltn 'sport = :{port}')\""
        self.wait_until_succeeds(line, timeout_s=timeout_s)

    def wait_for_file(self, path: str, *, timeout_s: float = 60) -> None:
        """Wait until a path exists in the node."""
        self.wait_until_succeeds("test", "-e", path, timeout_s=timeout_s)

    def copy_in(self, source: Path, target: str) -> None:
        """Put a file or a folder's contents at `target` in the node."""
        if source.is_file():
            self.succeed(f"cat > {shlex.quote(target)}", stdin=source.read_bytes())
        else:
            self.unpack(pack({"": source}), target)

    def unpack(self, archive: bytes, target: str) -> None:
        """Unpack a tar in the node, making the target folder."""
        folder = shlex.quote(target)
        self.succeed(f"mkdir -p {folder} && tar -C {folder} -xf -", stdin=archive, timeout_s=300)

    def copy_out(self, source: str, target: Path) -> None:
        """Fetch a text file of the node."""
        target.write_text(self.succeed("cat", source))

    def wait_until(self, done: Callable[[], bool], what: str, *, timeout_s: float) -> None:
        """Ask until `done` says yes. Raises CheckFailedError saying `what` is not so."""
        self._await(done, lambda: what, timeout_s)

    def _await(
        self, done: Callable[[], bool], explain: Callable[[], str], timeout_s: float
    ) -> None:
        deadline = time.monotonic() + timeout_s
        while not done():
            if time.monotonic() > deadline:
                raise CheckFailedError(f"{self.name}: not within {timeout_s:.0f} s: {explain()}")
            time.sleep(POLL_S)


def shell_line(words: tuple[str, ...]) -> str:
    """One word is a shell line as it is; several are quoted, each literally itself."""
    return words[0] if len(words) == 1 else shlex.join(words)


def pack(folders: dict[str, Path]) -> bytes:
    """A tar of folders (name in the archive -> folder), without what Python or git left there."""

    def wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        parts = Path(entry.name).parts
        if "__pycache__" in parts or ".git" in parts:
            return None
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        return entry

    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for name, folder in folders.items():
            tar.add(folder, arcname=name or ".", filter=wanted)
    return sink.getvalue()
