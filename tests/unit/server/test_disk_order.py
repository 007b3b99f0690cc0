"""Disks are listed as they sit in the chassis."""

from __future__ import annotations

from agents.node.handlers.disks import _by_bay
from appliance.model.disk import Disk, Medium, Transport


def disk(bay: str) -> Disk:
    return Disk(serial=f"S{bay}", bay=bay, transport=Transport.SAS, medium=Medium.HDD, node="sda")


def test_bay_2_comes_before_bay_10_and_no_bay_last() -> None:
    mixed = [disk(bay) for bay in ("10", "", "2.11", "2", "2.3")]
    assert [item.bay for item in sorted(mixed, key=_by_bay)] == ["2", "2.3", "2.11", "10", ""]
