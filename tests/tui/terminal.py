"""A real terminal in front of a real program: tmux, driven by keys and read as text and colours."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import uuid4

PATIENCE_S = 60.0
_SGR = re.compile(r"\x1b\[([0-9;:]*)m")


class Terminal:
    """One window of a tmux server of its own."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    def tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *words], capture_output=True, text=True, check=True
        )
        return done.stdout

    @property
    def screen(self) -> str:
        """The text in the window."""
        return self.tmux("capture-pane", "-p").rstrip() + "\n"

    @property
    def colours(self) -> frozenset[str]:
        """All that is set beside attributes such as bold: `32`, `38;5;1`."""
        said = self.tmux("capture-pane", "-p", "-e")
        codes = {part for match in _SGR.finditer(said) for part in _split(match[1])}
        return frozenset(code for code in codes if re.match(r"(3|4|9|10)\d", code))

    def keys(self, *names: str) -> None:
        """Press keys by tmux's names: Down, Enter, C-s."""
        self.tmux("send-keys", *names)

    def keys_until(self, name: str, *words: str, tries: int = 3) -> None:
        """Press a key until one of the words is on the screen, as a person does.

        An escape that comes together with what the terminal itself answers is another key.
        """
        for _ in range(tries - 1):
            self.keys(name)
            end = time.monotonic() + PATIENCE_S / 2
            while time.monotonic() < end:
                if any(word in self.screen for word in words):
                    return
                time.sleep(0.1)
        self.keys(name)
        self.until(*words)

    def type(self, text: str) -> None:
        """Type literally."""
        self.tmux("send-keys", "-l", text)

    def resize(self, columns: int, lines: int) -> None:
        """Make the window so large."""
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def until(self, *words: str, timeout_s: float = PATIENCE_S) -> str:
        """Wait until one of the words is on the screen, and say which screen it is."""
        return self._wait(lambda screen: any(word in screen for word in words), words, timeout_s)

    def until_last(self, words: str, timeout_s: float = PATIENCE_S) -> str:
        """Wait until the screen ends with these words, as it does while a prompt waits."""
        return self._wait(lambda screen: screen.rstrip().endswith(words), words, timeout_s)

    def _wait(self, right: Callable[[str], bool], what: object, timeout_s: float) -> str:
        end = time.monotonic() + timeout_s
        while not right(screen := self.screen):
            assert time.monotonic() < end, f"{what} never came:\n{screen}"
            time.sleep(0.1)
        return screen


@contextmanager
def terminal(
    argv: Sequence[str], environ: Mapping[str, str], size: tuple[int, int] = (80, 24)
) -> Iterator[Terminal]:
    """The program in a window of that size; its exit status stays on the screen when it ends."""
    window = Terminal(f"console-{uuid4().hex[:8]}")
    settings = shlex.join(["env", *(f"{key}={value}" for key, value in environ.items()), *argv])
    try:
        window.tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]),
            f"{settings}; echo ended with $?; sleep 600",
        )  # fmt: skip
        yield window
    finally:
        subprocess.run(
            ["tmux", "-L", window._socket, "kill-server"], capture_output=True, check=False
        )


def _split(codes: str) -> Iterator[str]:
    """Parts of one escape sequence, extended colours in one piece."""
    parts = iter(codes.replace(":", ";").split(";"))
    for part in parts:
        if part in {"38", "48"}:
            kind = next(parts, "")
            rest = [next(parts, "") for _ in range(1 if kind == "5" else 3)]
            yield ";".join([part, kind, *rest])
        else:
            yield part
