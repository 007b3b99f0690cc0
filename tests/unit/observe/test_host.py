"""The machine itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.node.observe.host import (
    observe_boot,
    observe_dmi,
    observe_host,
    parse_cpus,
    parse_memory,
)
from tests.unit.fakes import FakeProbe
from tests.unit.observe.chassis import Rules


def test_dmi_facts_that_are_there():
    probe = FakeProbe(
        files={"/sys/class/dmi/id/sys_vendor": "Appliance\n", "/sys/class/dmi/id/board_name": ""}
    )
    assert observe_dmi(probe) == {"sys_vendor": "Appliance"}


def test_kvm_and_bridges():
    probe = FakeProbe(
        dirs={
            "/sys/class/misc": ("fuse", "kvm"),
            "/sys/class/net/br0/bridge": ("ageing_time",),
            "/sys/class/net/eth0": ("address",),
        }
    )
    host = observe_host(probe, Rules())
    assert (host.kvm, host.bridges) == (True, frozenset({"br0"}))
    assert not observe_host(FakeProbe(), Rules()).kvm


def test_an_emulated_processor_has_no_kvm_that_works():
    probe = FakeProbe(
        files={"/proc/cpuinfo": "model name\t: QEMU TCG CPU version 2.5+\n"},
        dirs={"/sys/class/misc": ("kvm",)},
    )
    assert not observe_host(probe, Rules()).kvm


@pytest.mark.parametrize(("text", "cpus"), [("0-3,6", 5), ("0", 1), ("0,2-3", 3), ("", 1)])
def test_cpu_lists(text: str, cpus: int):
    assert parse_cpus(text) == cpus


def test_memory_is_in_bytes():
    assert parse_memory("MemFree: 1 kB\nMemTotal:       16 kB\n") == 16384
    assert parse_memory("") == 0


def test_when_the_kernel_started():
    stat = "cpu  1 2 3\nctxt 4\nbtime 1764000000\nprocesses 5\n"
    probe = FakeProbe(files={"/proc/stat": stat})
    assert observe_boot(probe) == datetime(2025, 11, 24, 16, 0, tzinfo=UTC)
    assert observe_boot(FakeProbe()).year == 1
