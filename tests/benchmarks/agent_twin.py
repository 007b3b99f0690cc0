"""A node for benchmarks: twelve disks that are always the same, everything else as in production."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agents.node.apply.files import NodeFiles
from agents.node.apply.guests import LibvirtGuests
from agents.node.apply.secrets import SecretStore
from agents.node.handlers.compose import Outside, compose
from agents.node.handlers.context import Context
from agents.node.observe.devices import BlockDevice, DeviceScan
from agents.node.observe.smart import SmartCache, SmartReader
from appliance.errors import StepFailedError
from appliance.model.command import Command, Output

DISKS = 12


class NoTools:
    """A machine without any program: observing finds the disks udev tells of and nothing else."""

    def run(self, command: Command) -> Output:
        raise StepFailedError(f"There is no {command.argv[0]}.", hint="A benchmark has no tools.")


def node(folder: Path) -> Context:
    """The agent's parts over that machine."""
    files, tools = NodeFiles(folder), NoTools()
    outside = Outside(
        files=files,
        executor=tools,
        secrets=SecretStore(files),
        scan=_scan,
        guests_seen=tuple,
        guests=LibvirtGuests(),
        smart=SmartCache(SmartReader(tools.run), lambda: 0.0),
    )
    return compose(outside, folder / "state.db")


def _scan() -> DeviceScan:
    return DeviceScan(tuple(_device(number) for number in range(DISKS)), ())


def _device(number: int) -> BlockDevice:
    name = f"sd{chr(ord('a') + number)}"
    properties: Mapping[str, str] = {
        "ID_BUS": "scsi", "ID_SCSI_SERIAL": f"ZSAS{number:04}", "ID_WWN": f"0x5000c500{number:08x}",
        "ID_MODEL": "ST900MM0168", "ID_PATH": f"pci-0000:00:06.0-sas-phy{number}-lun-0",
    }  # fmt: skip
    return BlockDevice(
        node=name,
        sys_path=f"/sys/block/{name}",
        number=f"8:{number * 16}",
        properties=properties,
        attributes={"size": "1758174768", "queue/rotational": "1"},
        partitions={},
    )
