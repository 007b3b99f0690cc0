"""Writing to a reader that has gone: `appliance disk list | head` ends without a trace of python."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Final

UNREAD: Final = 141
"""128 + SIGPIPE, as shells report a program that wrote into a pipe nobody reads any more."""


def run_piped(run: Callable[[], int]) -> int:
    """What `run` returns once all it wrote is out, UNREAD when nobody wanted to read it.

    A failure keeps its own exit status.
    """
    status = 0
    try:
        try:
            status = run()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
    except BrokenPipeError:
        for stream in (sys.stdout, sys.stderr):
            _let_go(stream.fileno())
        return status or UNREAD
    return status


def _let_go(descriptor: int) -> None:
    """Python flushes once more when it ends, and would complain then."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
