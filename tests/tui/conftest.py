"""Two nodes in memory: a fake host that carries changes out, and a recording with the real kinds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agents.node.profiles import profile_named
from agents.node.recorded import recorded_node
from appliance.client.memory import MemoryTransport
from appliance.model.disk import Disk, DiskRole, Medium, Signature, Smart, Transport
from appliance.model.snapshot import Host, NodeSnapshot
from tests.contract.conftest import Agent
from tests.contract.conftest import agent as agent
from tests.contract.conftest import on_edge as on_edge

ADMIN, VIEWER = 1001, 1004
CLINIC = Path(__file__).parents[2] / "hardware-profiles/lab-12bay/captures"
Record = Callable[..., MemoryTransport]


@pytest.fixture
def admin(agent: Agent) -> MemoryTransport:
    return agent.transport(ADMIN)


@pytest.fixture
def viewer(agent: Agent) -> MemoryTransport:
    return agent.transport(VIEWER)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    """Plays a node with these disks, made up for one test."""
    played = []

    def play(
        disks: tuple[Disk, ...], profile: str = "lab-12bay", site: dict[str, Any] | None = None
    ) -> MemoryTransport:
        snapshot = NodeSnapshot(
            host=Host(hostname="lab", profile=profile, root_free=2**34),
            taken_at=datetime(2026, 11, 24, tzinfo=UTC),
            disks=disks,
            secrets=frozenset({"radiology-smb"}),
        )
        (tmp_path / "snapshot.json").write_text(snapshot.model_dump_json())
        (tmp_path / "site.json").write_text(json.dumps({"site": site or {}}))
        played.append(recorded_node(tmp_path))
        return MemoryTransport(played[-1], peer=(1, 0, 0))

    yield play
    for node in played:
        node.state.front.close()
        node.state.store.close()
        node.state.folder.cleanup()


def lab_disks() -> tuple[Disk, ...]:
    """The lab chassis as it is delivered, with a few faults."""
    emulation = profile_named("lab-12bay").emulation
    assert emulation is not None
    disks = [
        Disk(
            serial=bay.disk.serial,
            model=bay.disk.model,
            wwn=bay.disk.wwn,
            transport=bay.disk.transport,
            medium=Medium.HDD if bay.disk.rotation_rpm else Medium.SSD,
            size=bay.disk.size,
            node=f"sd{bay.bay}",
            bay=bay.bay,
            smart=Smart(passed=True, temperature_c=31, power_on_hours=4711),
        )
        for bay in emulation.bays
        if bay.disk is not None
    ]
    disks[2] = disks[2].model_copy(update={"smart": Smart(passed=False, error="reallocated")})
    disks[4] = disks[4].model_copy(
        update={"missing": True, "role": DiskRole.PV, "pool": "clinic", "smart": None}
    )
    foreign = {"role": DiskRole.FOREIGN, "signatures": (Signature(type="ext4"),)}
    disks[6] = disks[6].model_copy(update=foreign)
    boot = Disk(
        serial="BOOT0",
        transport=Transport.VIRTIO,
        medium=Medium.UNKNOWN,
        size=2**32,
        node="vda",
        role=DiskRole.BOOT,
        mounted_at=("/",),
    )
    return (*disks, boot)


def many_disks(count: int) -> tuple[Disk, ...]:
    """A cabinet no profile knows."""
    return tuple(
        Disk(
            serial=f"Z{number:05}",
            model="ST16000NM001G",
            transport=Transport.SAS,
            medium=Medium.HDD,
            size=16 * 10**12,
            node=f"sd{number}",
            smart=Smart(passed=number % 97 != 5),
        )
        for number in range(count)
    )
