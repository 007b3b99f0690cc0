"""The host's time stamp counter, which a guest under software emulation sees as its own."""

from __future__ import annotations

import ctypes
import mmap
import platform
import time
from collections.abc import Callable
from functools import cache

RDTSC = bytes.fromhex("0f31 48c1e220 4809d0 c3")
"""rdtsc; shl rdx, 32; or rax, rdx; ret"""
SAMPLE_S = 0.2
TRIES = 20


@cache
def tsc_khz() -> int | None:
    """The counter's rate in kHz, measured against the clock; None on other processors than x86-64.

    A guest that measures it itself on a busy host was seen to be wrong by a factor of 25, and
    with it all its clocks.
    """
    if platform.machine() != "x86_64":
        return None
    with mmap.mmap(
        -1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    ) as page:
        page.write(RDTSC)
        start = ctypes.c_char.from_buffer(page)
        read = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(start))
        began_ns, began = _both(read)
        time.sleep(SAMPLE_S)
        ended_ns, ended = _both(read)
        del read, start
    return int((ended - began) * 1_000_000 / (ended_ns - began_ns))


def _both(read: Callable[[], int]) -> tuple[int, int]:
    """The clock in ns and the counter at one moment: of some tries, the least interrupted."""
    tries: list[tuple[int, int, int]] = []
    for _ in range(TRIES):
        before_ns = time.perf_counter_ns()
        ticks = read()
        gap_ns = time.perf_counter_ns() - before_ns
        tries.append((gap_ns, before_ns + gap_ns // 2, ticks))
    _, moment_ns, ticks = min(tries)
    return moment_ns, ticks
