"""The metrics are what Prometheus' own parser reads, and they are true."""

from __future__ import annotations

import re
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from agents.node.watch.exposition import Family
from agents.node.watch.metrics import metrics_text
from appliance.model.guest import GuestFound
from appliance.model.pool import MemberFound, PoolFound, RaidLevel, TierFound, TierName
from appliance.model.resource import Found
from appliance.model.share import NfsFound, ShareFound, SmbFound
from appliance.model.snapshot import Host, NodeSnapshot
from appliance.model.volume import VolumeFound
from tests.unit.fakehost import NOW
from tests.unit.health.readings import attribute, hdd
from tests.unit.watch.node import FREE, A, B, Node, missing

TIER = TierFound(
    raid=RaidLevel.RAID1, data_percent=42.5, degraded=True, data_size=2**40,
    members=(MemberFound(serial="A", pv="", pv_uuid="u", missing=True),
             MemberFound(serial="B", pv="/dev/sdb", pv_uuid="v", mismatches=8)),
)  # fmt: skip
FOUND: Mapping[str, Mapping[str, Found]] = {
    "pool": {"tank": PoolFound(vg_uuid="x", size=2**41, free=7, tiers={TierName.CAPACITY: TIER})},
    "volume": {"v": VolumeFound(pool="tank", tier=TierName.CAPACITY, size=9, device="/dev/x", used_percent=50)},
    "share": {"docs": ShareFound(volume="v", device="/dev/x", filesystem="xfs", mounted=True, size=100, free=40)},
    "nfs": {"docs": NfsFound(line="l", exported=True, running=True, enabled=True, settings=True)},
    "smb": {"docs": SmbFound(text="t", main="m", running=False, enabled=True, sessions=2)},
    "vm": {"pacs": GuestFound(state="running", memory=2**30, cpus=2)},
}  # fmt: skip


def samples(node: Node) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    host = Host(hostname="node1", profile="lab", root_free=12345)
    odd = FREE.model_copy(update={"model": 'a "quoted"\\model\nin two lines'})
    seen = NodeSnapshot(host=host, taken_at=NOW, disks=(missing(A), B, odd), found=FOUND)
    node.verdicts.take("B", hdd(attribute(197, 8)))
    text = metrics_text(seen, node.verdicts, (), node.alerts.open(), "1.2.3")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(
    found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str
) -> float:
    (one,) = [
        number
        for (key, words), number in found.items()
        if key == f"appliance_{name}" and labels.items() <= set(words)
    ]
    return one


def test_the_numbers_are_true(node: Node) -> None:
    found = samples(node)
    assert value(found, "disk_present", serial="A") == 0
    assert value(found, "disk_present", serial="B", bay="2") == 1
    assert value(found, "disk_health", serial="B", health="prefail") == 1
    assert value(found, "disk_health", serial="B", health="healthy") == 0
    assert value(found, "disk_smart_measure", serial="B", measure="pending") == 8
    assert value(found, "pool_size_bytes", pool="tank") == 2**41
    assert value(found, "pool_tier_data_used_ratio", tier="capacity") == 0.425
    assert value(found, "pool_tier_members_missing", tier="capacity") == 1
    assert value(found, "pool_tier_checksum_errors", tier="capacity") == 8
    assert value(found, "pool_tier_degraded", tier="capacity") == 1
    assert value(found, "volume_used_ratio", volume="v") == 0.5
    assert value(found, "share_free_bytes", share="docs") == 40
    assert value(found, "share_served", protocol="nfs") == 1
    assert value(found, "share_served", protocol="smb") == 0
    assert value(found, "guest_running", guest="pacs") == 1
    assert value(found, "jobs", state="failed") == 0
    assert value(found, "alerts", severity="critical", state="raised") == 0
    assert value(found, "node_root_free_bytes") == 12345
    assert value(found, "build_info", version="1.2.3") == 1


def test_labels_survive_quotes_and_lines(node: Node) -> None:
    words = [dict(labels) for name, labels in samples(node) if name == "appliance_disk_info"]
    assert 'a "quoted"\\model\nin two lines' in {item["model"] for item in words}


def test_names_follow_the_conventions(node: Node) -> None:
    """prometheus.io/docs/practices/naming: base units, ratios, no unit abbreviations."""
    names = {name for name, _ in samples(node)}
    assert len(names) > 30
    for name in names:
        assert re.fullmatch(r"appliance_[a-z]+(_[a-z]+)*", name)
        assert not re.search(r"_(percent|kb|mb|gb|ms|minutes|hours|size|free)$", name)


def test_a_family_without_samples_says_nothing() -> None:
    family = Family("x_bytes", "h")
    family.add(None, disk="a")
    assert list(family.lines()) == []
    family.add(1.5, disk="a")
    assert list(family.lines())[-1] == 'appliance_x_bytes{disk="a"} 1.5'
