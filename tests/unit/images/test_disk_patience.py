"""A SATA hard disk gives up on a bad place before the kernel gives up on the disk."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from images.cache import REPO

TREE = REPO / "images/recipe/tree"
SCRIPT = TREE / "usr/lib/appliance/disk-patience"
SET = """\
SCT Error Recovery Control set to:
           Read:     70 (7.0 seconds)
          Write:     70 (7.0 seconds)
"""
"""What smartctl 7.4 says; a disk that cannot do it gets one warning line instead."""
WARNING = "Warning: device does not support SCT Error Recovery Control command\n"


@pytest.mark.usefixtures("allow_processes")
@pytest.mark.parametrize(
    ("said", "timeout"),
    [(SET, "30"), (WARNING, "180"), ("", "180")],
    ids=["bounded", "not supported", "no answer"],
)
def test_the_kernel_waits_longer_where_the_disk_has_no_bound(
    tmp_path: Path, said: str, timeout: str
) -> None:
    (tmp_path / "said").write_text(said)
    (tmp_path / "smartctl").write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/asked\ncat {tmp_path}/said\nexit 4\n'
    )
    (tmp_path / "smartctl").chmod(0o755)
    device = tmp_path / "sys/block/sdx/device"
    device.mkdir(parents=True)
    (device / "timeout").write_text("30\n")
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run([SCRIPT, "sdx"], check=True, env={"PATH": path, "SYSFS": str(tmp_path / "sys")})
    assert (tmp_path / "asked").read_text() == "--log=scterc,70,70 /dev/sdx\n"
    assert (device / "timeout").read_text().strip() == timeout


def test_udev_starts_it_for_each_sata_hard_disk() -> None:
    rules = (TREE / "etc/udev/rules.d/61-appliance.rules").read_text()
    (rule,) = (line for line in rules.splitlines() if "appliance-patience@%k.service" in line)
    assert 'ENV{ID_ATA}=="1", ATTR{queue/rotational}=="1"' in rule
    unit = (TREE / "etc/systemd/system/appliance-patience@.service").read_text()
    assert f"ExecStart=/{SCRIPT.relative_to(TREE)} %I" in unit
    assert os.access(SCRIPT, os.X_OK)
