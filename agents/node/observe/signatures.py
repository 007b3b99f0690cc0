"""What is written on disks, by looking at the disks.

udev's database would cost nothing, but it is old news: it is filled when a device is closed after
writing, by rules that may be off (LVM's udev_rules=0), and an event may still be on its way when
the next plan is made (seen: right after `integritysetup format` it knows nothing of the disk). The
guard must not take a disk for blank on hearsay. `blkid -p` tells one
signature or, when there are several, none ("ambivalent"); `wipefs` without -a only reads and lists
all of them, for many devices in one process, with the same libblkid. Reading may spin up a disk
in standby, once; a disk of a pool never is in standby.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from appliance.errors import ApplianceError
from appliance.kinds.base import Probe
from appliance.model.command import Command, read
from appliance.model.disk import Signature

UNREADABLE: Final = "unreadable"
"""Type of the signature of a disk that could not be looked at: never to be taken for blank."""

BATCH: Final = 64
"""Devices looked at by one process."""
_ALONE_TIMEOUT_S: Final = 10
_ALONE_AT_ONCE: Final = 8


@dataclass(frozen=True)
class SignatureScan:
    """Signatures by kernel name, and what could not be looked at, in words."""

    by_node: Mapping[str, tuple[Signature, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def on(self, nodes: Iterable[str]) -> tuple[Signature, ...]:
        """All signatures on these devices, in their order."""
        return tuple(found for node in nodes for found in self.by_node.get(node, ()))


def observe_signatures(probe: Probe, nodes: Sequence[str]) -> SignatureScan:
    """Looks at the devices together; when that fails, at each alone, so that one does no harm."""
    by_node: dict[str, tuple[Signature, ...]] = {}
    problems: list[str] = []
    for start in range(0, len(nodes), BATCH):
        batch = nodes[start : start + BATCH]
        try:
            by_node |= parse_wipefs(probe.run(wipefs(batch)).stdout)
        except (ApplianceError, ValueError):
            with ThreadPoolExecutor(_ALONE_AT_ONCE) as pool:
                for node, found, problem in pool.map(lambda node: _alone(probe, node), batch):
                    by_node[node] = found
                    problems.extend(problem)
    return SignatureScan(by_node, tuple(problems))


def wipefs(nodes: Sequence[str]) -> Command:
    """The command that lists signatures. It ends with 1 when a single device cannot be read."""
    return read(
        "wipefs",
        "--json",
        *(f"/dev/{node}" for node in nodes),
        timeout_s=_ALONE_TIMEOUT_S + len(nodes),
    )


def parse_wipefs(text: str) -> dict[str, tuple[Signature, ...]]:
    """Signatures by kernel name from `wipefs --json`; a blank device does not appear."""
    found: dict[str, list[Signature]] = {}
    report: dict[str, Any] = json.loads(text) if text.strip() else {}
    for row in report.get("signatures") or ():
        node = str(row["device"])
        signature = Signature(type=str(row["type"]), label=str(row.get("label") or ""), node=node)
        if signature not in found.setdefault(node, []):  # a GPT stands at both ends
            found[node].append(signature)
    return {node: _without_shadow(signatures) for node, signatures in found.items()}


def _without_shadow(signatures: Sequence[Signature]) -> tuple[Signature, ...]:
    """A GPT's protective MBR is part of the GPT; alone it is something that was left behind."""
    has_gpt = any(signature.type == "gpt" for signature in signatures)
    return tuple(item for item in signatures if item.type != "PMBR" or not has_gpt)


def _alone(probe: Probe, node: str) -> tuple[str, tuple[Signature, ...], tuple[str, ...]]:
    try:
        found = parse_wipefs(probe.run(wipefs([node])).stdout)
    except (ApplianceError, ValueError) as error:
        said = f"What is written on {node} cannot be read: {error}"
        return node, (Signature(type=UNREADABLE, node=node),), (said,)
    return node, found.get(node, ()), ()
