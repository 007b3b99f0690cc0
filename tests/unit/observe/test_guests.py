"""Domains through the real libvirt library and its built-in test driver: no daemon, no process."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.node.observe.guests import read_guests
from appliance.errors import UnavailableError

TEST_URI = "test:///default"


def test_a_domain_is_told_with_its_persistent_definition():
    (record,) = read_guests(TEST_URI)
    assert (record.name, record.state, record.autostart) == ("test", "running", False)
    assert record.memory == 8 * 2**30
    assert record.vcpus == 2
    assert record.xml.startswith("<domain type='test'")
    assert "<name>test</name>" in record.xml


def test_where_no_hypervisor_is_there_are_no_domains(tmp_path: Path):
    assert read_guests(run_dir=tmp_path, definitions=tmp_path) == ()
    assert read_guests(f"qemu:///system?socket={tmp_path}/none") == ()


def test_a_sleeping_daemon_with_nothing_defined_is_not_woken(tmp_path: Path):
    (tmp_path / "libvirt").mkdir()
    (tmp_path / "libvirt/libvirt-sock").touch()
    assert read_guests(run_dir=tmp_path, definitions=tmp_path) == ()


def test_a_daemon_that_ought_to_answer_and_does_not_is_an_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    (tmp_path / "sock").touch()
    with pytest.raises(UnavailableError, match="libvirt does not answer"):
        read_guests(f"qemu:///system?socket={tmp_path}/sock")
    assert capfd.readouterr().err == ""
