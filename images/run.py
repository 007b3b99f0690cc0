"""The lab's one door to processes: argv only, stdin closed, always a timeout."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from images.errors import RigError

TAIL_CHARS = 4000


@dataclass(frozen=True)
class Ran:
    """How a process ended. Output is decoded as UTF-8 with replacement characters."""

    status: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """Both streams, as a person would have read them."""
        return (self.stdout + self.stderr).strip()


def run(
    argv: Iterable[str | Path],
    *,
    timeout_s: float,
    stdin: bytes | None = None,
    ok: frozenset[int] | None = frozenset({0}),
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Ran:
    """Run `argv` to its end. `ok` names the good exit statuses (None: all of them).

    Raises RigError when the program is missing, runs over `timeout_s` or ends with another status.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            check=False,
            capture_output=True,
            timeout=timeout_s,
            input=b"" if stdin is None else stdin,
            env=None if env is None else dict(env),
            cwd=cwd,
        )
    except FileNotFoundError as error:
        raise RigError(
            f"{words[0]} is not installed.",
            hint="Run `make setup`; its packages are listed in images/host-packages.txt.",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise RigError(
            f"No end after {timeout_s:.0f} s: {shlex.join(words)[:300]}",
            hint="The machine may be overloaded: look at `uptime`, then try again.",
        ) from error
    ran = Ran(
        done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )
    if ok is not None and ran.status not in ok:
        raise RigError(
            f"Exit status {ran.status}: {shlex.join(words)[:300]}\n{ran.text[-TAIL_CHARS:]}",
            hint="The last lines above are the program's own words.",
        )
    return ran


def spawn(argv: Iterable[str | Path], *, log: Path) -> int:
    """Start a process that outlives us, in its own session, writing to `log`; its pid."""
    with log.open("ab") as sink:
        child = subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    # Nobody waits for it here: `alive` reaps it when this process is still the parent.
    child.returncode = 0
    return child.pid


def alive(pid: int) -> bool:
    """Whether any thread of the process runs; a finished child of ours is reaped on the way.

    A killed QEMU keeps its files locked until its last thread is gone, long after the first one
    is a zombie.
    """
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != pid
    except ChildProcessError:
        pass
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return False
    return threads > 1 or state not in {"Z", "X"}


def stream(argv: Iterable[str | Path], *, log: Path, timeout_s: float) -> None:
    """Run a long build step with its output in `log`; RigError shows the log's end."""
    words = [str(word) for word in argv]
    with log.open("wb") as sink:
        try:
            done = subprocess.run(
                words,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired as error:
            raise RigError(
                f"No end after {timeout_s:.0f} s: {words[0]}", hint=f"Read {log}"
            ) from error
    if done.returncode:
        tail = log.read_text(errors="replace")[-TAIL_CHARS:]
        raise RigError(
            f"{words[0]} ended with status {done.returncode}:\n{tail}", hint=f"Read {log}"
        )
