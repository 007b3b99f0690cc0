"""What stands on block devices, as blkid(8) names it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from appliance.kinds.base import Probe
from appliance.model.command import read


def observe_signatures(probe: Probe, devices: Iterable[str]) -> Mapping[str, str]:
    """Device -> type of its file system, member or partition table; "" for none.

    One process for all, past blkid's cache. It ends with 2 when it knows none of them.
    """
    wanted = tuple(devices)
    if not wanted:
        return {}
    report = probe.run(
        read("blkid", "-c", "/dev/null", "-o", "export", *wanted, timeout_s=120, ok_codes=(0, 2))
    )
    found = dict.fromkeys(wanted, "")
    for block in report.stdout.strip().split("\n\n"):
        facts = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "DEVNAME" in facts:
            found[facts["DEVNAME"]] = facts.get("TYPE") or facts.get("PTTYPE", "")
    return found
