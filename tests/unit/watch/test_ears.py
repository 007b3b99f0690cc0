"""The node's own ears: wake-ups, and what to do where nothing can be opened."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from agents.node.observe import kernel
from agents.node.observe.kernel import KernelLog
from agents.node.watch import ears
from agents.node.watch.ears import Ears, Heard


class NoUdev:
    """A machine without udev."""

    def __init__(self, source: str = "udev") -> None:
        raise ImportError("libudev.so.1")


class NoMapper:
    """A machine without device-mapper."""

    def __init__(self) -> None:
        raise FileNotFoundError(kernel.MAPPER)


@pytest.fixture
def pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for /dev/kmsg, which a regular file cannot: it is always readable."""
    path = tmp_path / "kmsg"
    os.mkfifo(path)

    class PipeLog(KernelLog):
        def __init__(self) -> None:
            self._file = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    monkeypatch.setattr(ears, "DeviceMonitor", NoUdev)
    monkeypatch.setattr(ears, "MapperEvents", NoMapper)
    monkeypatch.setattr(ears, "KernelLog", PipeLog)
    return path


def test_nothing_heard_in_time(pipe: Path) -> None:
    listening = Ears()
    assert listening.listen(0) == Heard()
    listening.close()


def test_a_wake_up_from_another_thread(pipe: Path) -> None:
    listening = Ears()
    waker = threading.Timer(0.05, listening.wake)
    waker.start()
    assert listening.listen(5) == Heard()
    waker.join()
    assert listening.listen(0) == Heard()
    listening.close()


def test_what_the_kernel_says_of_disks(pipe: Path) -> None:
    listening = Ears()
    with pipe.open("ab", buffering=0) as log:
        log.write(b"3,2,2,-;I/O error, dev sdc, sector 1\n")
    heard = listening.listen(5)
    assert [item.node for item in heard.said] == ["sdc"]
    assert not heard.devices
    listening.close()
