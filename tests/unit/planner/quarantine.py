"""Disks and nodes for tests of admission and erasing."""

from __future__ import annotations

from typing import Any

from appliance.model.disk import Disk, DiskRole, Medium, Quarantine, Transport
from appliance.model.snapshot import Host, NodeSnapshot
from appliance.model.verdict import Confidence, Evidence, Grade, Part, Verdict
from tests.unit.fakehost import NOW

GIB = 2**30
NEW: dict[str, Any] = {"role": DiskRole.QUARANTINED, "quarantine": Quarantine.NEW}
LEFT: dict[str, Any] = {
    "role": DiskRole.QUARANTINED,
    "quarantine": Quarantine.NOT_ERASED,
    "was": "pool films",
}


def a_disk(number: int = 1, **facts: Any) -> Disk:
    known: dict[str, Any] = {
        "serial": f"S{number}",
        "wwn": f"0x5000c5000000000{number}",
        "model": "ST900MM0168",
        "transport": Transport.SAS,
        "medium": Medium.HDD,
        "size": GIB,
        "physical_block": 512,
        "node": f"sd{'abcdefgh'[number]}",
        "bay": str(number),
    }
    return Disk.model_validate(known | facts)


def a_verdict(grade: Grade, part: Part = Part.DISK) -> Verdict:
    line = Evidence(rule="pending", grade=grade, part=part, words="9 sectors wait.")
    return Verdict(
        verdict=grade,
        part=part,
        confidence=Confidence.HIGH,
        evidence=(line,),
        next_step="Replace it.",
    )


def a_node(*disks: Disk, **facts: Any) -> NodeSnapshot:
    known: dict[str, Any] = {
        "host": Host(hostname="node1", profile="generic"),
        "taken_at": NOW,
        "disks": disks,
    }
    return NodeSnapshot(**(known | facts))
