"""The one place where processes start: one environment, one log form, named good exit codes."""

from __future__ import annotations

import errno
import logging
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import IO, Final

from agents.node.apply.secrets import SecretStore
from appliance.errors import FullError, OutlivesError, StepFailedError
from appliance.model.command import Command, Effect, Output, SecretInput

LOG: Final = logging.getLogger(__name__)

ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": "/root",
        "TERM": "dumb",
        # lvm(8) complains about every inherited descriptor otherwise.
        "LVM_SUPPRESS_FD_WARNINGS": "1",
    }
)
OUTPUT_LIMIT: Final = 16 * 2**20
"""Bytes kept of each stream. `lvs` in JSON takes about 700 bytes a volume, so this is room for
some 20,000; a command that says more has failed, since half a report would be read as a whole."""
TAIL_LINES: Final = 12
_CHUNK: Final = 64 * 1024
_GRACE_S: Final = 1.0
"""How long a finished command's pipes may be held open by a daemon it left behind."""
_KILL_WAIT_S: Final = 5.0
"""A process in uninterruptible sleep (a dead disk) does not end by SIGKILL at once."""
_FULL_BELOW: Final = 256 * 1024
"""Bytes free on the root file system below which a failed command has most likely run out of room."""
MASK: Final = "********"


class Executor:
    """Runs commands. Safe to use from several threads."""

    def __init__(self, secrets: SecretStore) -> None:
        self._secrets = secrets

    def run(self, command: Command) -> Output:
        """Run a command to its end: no shell, own process group, stdin closed unless given.

        Raises StepFailedError for a missing program, an exit code that is not accepted, too
        much output or a time-out (the whole process group is killed), OutlivesError when it goes
        on all the same, FullError when it says that no space is left, NotFoundError for a secret
        that is not stored.
        """
        text, secret = self._stdin(command)
        begun = time.monotonic()
        process = _start(command)
        code, stdout, stderr = _Conversation(process, command, text.encode()).hold()
        output = Output(code=code, stdout=_mask(stdout, secret), stderr=_mask(stderr, secret))
        level = logging.INFO if command.effect is Effect.CHANGE else logging.DEBUG
        LOG.log(level, "%s  -> %d in %.1f s", command.line(), code, time.monotonic() - begun)
        if code not in command.ok_codes:
            raise _failed(command, output)
        return output

    def _stdin(self, command: Command) -> tuple[str, str]:
        if isinstance(command.stdin, SecretInput):
            return self._secrets.resolve(command.stdin)
        return command.stdin or "", ""


class _Conversation:
    """Feeds a process and reads it until it ends or its time is over."""

    def __init__(self, process: subprocess.Popen[bytes], command: Command, text: bytes) -> None:
        self._process = process
        self._command = command
        self._text = memoryview(text)
        self._heard: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self._deadline = time.monotonic() + command.timeout_s
        self._ended = False

    def hold(self) -> tuple[int, str, str]:
        """Exit code and both texts. Raises StepFailedError."""
        process = self._process
        pidfd = os.pidfd_open(process.pid)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(pidfd, selectors.EVENT_READ, "end")
                self._register(selector, process.stdout, selectors.EVENT_READ, "stdout")
                self._register(selector, process.stderr, selectors.EVENT_READ, "stderr")
                self._register(selector, process.stdin, selectors.EVENT_WRITE, "stdin")
                self._talk(selector)
            code = process.wait(_KILL_WAIT_S)
            return code, _text(self._heard["stdout"]), _text(self._heard["stderr"])
        finally:
            os.close(pidfd)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()

    @staticmethod
    def _register(
        selector: selectors.BaseSelector, stream: IO[bytes] | None, event: int, name: str
    ) -> None:
        if stream is not None:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, event, name)

    def _talk(self, selector: selectors.BaseSelector) -> None:
        while selector.get_map():
            ready = selector.select(max(0.0, self._deadline - time.monotonic()))
            if not ready:
                if self._ended:
                    return
                if not self._kill():
                    raise _outlives(self._command, self._process.pid)
                raise _timed_out(self._command)
            for key, _ in ready:
                if not self._hear(key):
                    selector.unregister(key.fileobj)

    def _hear(self, key: selectors.SelectorKey) -> bool:
        """Deal with one ready descriptor; False when there is nothing more to come from it."""
        if key.data == "end":
            self._ended = True
            self._deadline = min(self._deadline, time.monotonic() + _GRACE_S)
            return False
        if key.data == "stdin":
            return self._write(key.fd)
        chunk = os.read(key.fd, _CHUNK)
        heard = self._heard[key.data]
        heard += chunk
        if len(heard) > OUTPUT_LIMIT:
            self._kill()
            raise _too_much(self._command)
        return bool(chunk)

    def _write(self, descriptor: int) -> bool:
        try:
            self._text = self._text[os.write(descriptor, self._text[:_CHUNK]) :]
        except BrokenPipeError:
            self._text = self._text[:0]
        if self._text:
            return True
        if self._process.stdin is not None:
            self._process.stdin.close()
        return False

    def _kill(self) -> bool:
        """Whether it has ended."""
        LOG.warning("killing the process group of: %s", self._command.line())
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_KILL_WAIT_S)
        except ProcessLookupError:
            return True
        except subprocess.TimeoutExpired:
            LOG.warning("it did not end at once: %s", self._command.line())
            return False
        return True


def _start(command: Command) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL if command.stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise StepFailedError(
            f"The program '{command.argv[0]}' is not installed on this node.",
            hint=f"Install the package that holds it (apt-file search {command.argv[0]}).",
            subject=command.argv[0],
        ) from error
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise StepFailedError(
            f"'{command.argv[0]}' could not be started: {why}.",
            hint="Look at the node's memory and process limits: systemctl status; free -m",
            subject=command.argv[0],
        ) from error


def _failed(command: Command, output: Output) -> StepFailedError:
    tail = _tail(output)
    why = tail[-1].strip() if tail else "it gave no reason"
    how = (
        f"was ended by signal {-output.code}"
        if output.code < 0
        else f"ended with exit code {output.code}"
    )
    hint = f"Look at its words above; to try it by hand: {command.line()}"
    full = os.strerror(errno.ENOSPC) in output.stderr
    if full:
        hint = "Make room on the file system named, then go on."
    elif not _room_left("/"):
        # systemctl and usermod, for two, then speak of files that are missing or locked.
        full, why = True, f"{why}. The root file system is full"
        hint = "Make room (journalctl --vacuum-size=100M frees log space), then go on."
    return (FullError if full else StepFailedError)(
        f"'{command.argv[0]}' {how}: {why}",
        hint=hint,
        subject=command.argv[0],
        details=tail,
        exit_code=output.code,
    )


def _room_left(folder: str) -> bool:
    # Not f_bfree: ext4 counts blocks in it that it keeps for itself and gives not even to root.
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize >= _FULL_BELOW


def _timed_out(command: Command) -> StepFailedError:
    return StepFailedError(
        f"'{command.argv[0]}' did not end within {command.timeout_s:g} s and was killed.",
        hint=f"A disk or a service may hang: journalctl -k; to try by hand: {command.line()}",
        subject=command.argv[0],
    )


def _outlives(command: Command, pid: int) -> OutlivesError:
    return OutlivesError(
        f"'{command.argv[0]}' did not end within {command.timeout_s:g} s, and cannot be killed: it "
        f"still runs as process {pid}.",
        hint=f"A disk hangs: journalctl -k. Pull it, or wait until: ps -o stat,args -p {pid}",
        subject=command.argv[0],
    )


def _too_much(command: Command) -> StepFailedError:
    return StepFailedError(
        f"'{command.argv[0]}' wrote more than {OUTPUT_LIMIT} bytes and was killed.",
        hint=f"To look at it by hand: {command.line()}",
        subject=command.argv[0],
    )


def _tail(output: Output) -> tuple[str, ...]:
    lines = [line for line in (output.stderr or output.stdout).splitlines() if line.strip()]
    return tuple(lines[-TAIL_LINES:])


def _text(heard: bytearray) -> str:
    return heard.decode(errors="replace")


def _mask(text: str, secret: str) -> str:
    return text.replace(secret, MASK) if secret else text
