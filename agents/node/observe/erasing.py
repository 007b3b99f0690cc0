"""What a disk can do to erase itself, asked of the disk: NVMe controller, ATA security, SCSI sanitize."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from appliance.errors import ApplianceError
from appliance.kinds.base import Probe
from appliance.model.command import read
from appliance.model.disk import Disk, Transport
from appliance.model.erasing import EraseMeans, EraseMethod, MethodFound, Sanitization

_ANY_EXIT: Final = tuple(range(256))
_SUPPORTED: Final = re.compile(r"(?i)\bsupported \[")
"""sg_opcodes(8): "supported [conforms to SCSI standard]"; "NOT supported" has no bracket."""
_MINUTES: Final = re.compile(r"(\d+)min for (ENHANCED )?SECURITY ERASE UNIT")
_FORMAT: Final = 1 << 1
"""OACS, bit 1: Format NVM (NVM Express Base Specification, Identify Controller)."""
_MANAGED: Final = 1 << 3
"""OACS, bit 3: namespaces can be made and removed, so there may be some that are not seen."""
_ERASES_ALL: Final = 1 << 1
"""FNA, bit 1: an erase is one of all namespaces."""
_BLOCK_ERASE: Final = 1 << 1
"""SANICAP, bit 1: sanitize by block erase; it always is one of all namespaces."""
_READS: Final = 0b111
_READS_ZEROS: Final = 0b001
"""DLFEAT, bits 2:0: what a deallocated block reads as (NVM Command Set, Identify Namespace)."""
_ATA_ZEROS: Final = "Deterministic read ZEROs after TRIM"
"""RZAT, as hdparm(8) prints it."""
_SCSI_ZEROS: Final = re.compile(r"\bLBPRZ=(0x)?1\b")
"""Logical block provisioning page: 1 is zeros (SBC-4); as sg_vpd(8) prints it."""
_THAW: Final = (
    "the firmware has frozen its security features; pull the disk out and put it back, or suspend "
    "the machine for a moment (systemctl suspend), then try again"
)


def observe_means(probe: Probe, disk: Disk) -> EraseMeans:
    """All ways the disk has; zeros can be written over any. What cannot be asked is left out."""
    found: list[MethodFound] = []
    barred: dict[EraseMethod, str] = {}
    zeros = False
    if disk.transport is Transport.NVME:
        found += _nvme(probe, disk, barred)
        facts = _json(_said(probe, "nvme", "id-ns", disk.device, "--output-format=json"))
        zeros = _number(facts, "dlfeat") & _READS == _READS_ZEROS
    elif disk.transport is Transport.SATA:
        text = _said(probe, "hdparm", "-I", disk.device)
        found += parse_ata_security(text, barred)
        zeros = _ATA_ZEROS in text
    elif disk.transport is Transport.SAS:
        found += _scsi(probe, disk)
        text = _said(probe, "sg_vpd", "--page=lbpv", disk.device)
        zeros = _SCSI_ZEROS.search(text) is not None
    largest = probe.read_text(f"/sys/block/{disk.node}/queue/discard_max_bytes") or "0"
    if largest.strip() not in {"0", ""} and zeros:
        found.append(MethodFound(method=EraseMethod.DISCARD, category=Sanitization.CLEAR))
    else:
        barred[EraseMethod.DISCARD] = "it does not promise zeros where something was discarded"
    found.append(MethodFound(method=EraseMethod.OVERWRITE, category=Sanitization.CLEAR))
    return EraseMeans(found=tuple(found), barred=barred)


def parse_ata_security(text: str, barred: dict[EraseMethod, str]) -> Iterator[MethodFound]:
    """The security section of `hdparm -I`: supported, and neither locked nor frozen."""
    section = text.partition("\nSecurity:")[2]
    lines = [" ".join(line.split()) for line in section.splitlines()]
    if "supported" not in lines:
        return
    if "frozen" in lines:
        barred[EraseMethod.ATA_SECURE_ERASE] = _THAW
        return
    if "enabled" in lines or "locked" in lines:
        barred[EraseMethod.ATA_SECURE_ERASE] = (
            "a password is set on it already; take it away with hdparm --security-disable"
        )
        return
    minutes = {bool(item[2]): int(item[1]) for item in _MINUTES.finditer(section)}
    enhanced = "supported: enhanced erase" in lines
    yield MethodFound(
        method=EraseMethod.ATA_SECURE_ERASE,
        category=Sanitization.PURGE if enhanced else Sanitization.CLEAR,
        minutes=minutes.get(enhanced),
        enhanced=enhanced,
    )


def _nvme(probe: Probe, disk: Disk, barred: dict[EraseMethod, str]) -> Iterator[MethodFound]:
    facts = _json(_said(probe, "nvme", "id-ctrl", disk.device, "--output-format=json"))
    able, form, sanitize = (_number(facts, key) for key in ("oacs", "fna", "sanicap"))
    alone = _alone(probe, disk, every=bool(able & _MANAGED))
    why = "it would erase the controller's other namespaces as well"
    if able & _FORMAT and (alone or not form & _ERASES_ALL):
        yield MethodFound(method=EraseMethod.NVME_FORMAT, category=Sanitization.PURGE)
    elif able & _FORMAT:
        barred[EraseMethod.NVME_FORMAT] = why
    if sanitize & _BLOCK_ERASE and alone:
        yield MethodFound(method=EraseMethod.NVME_SANITIZE, category=Sanitization.PURGE)
    elif sanitize & _BLOCK_ERASE:
        barred[EraseMethod.NVME_SANITIZE] = why


def _alone(probe: Probe, disk: Disk, *, every: bool) -> bool:
    """Whether the controller has this one namespace only, unattached ones counted."""
    more = ("--all",) if every else ()
    words = ("nvme", "list-ns", disk.device, *more, "--output-format=json")
    rows = _json(_said(probe, *words)).get("nsid_list")
    return isinstance(rows, list) and len(rows) == 1


def _scsi(probe: Probe, disk: Disk) -> Iterator[MethodFound]:
    """Service actions of SANITIZE (48h) by REPORT SUPPORTED OPERATION CODES (SBC-4, SPC-5)."""
    for method, action in (
        (EraseMethod.SCSI_SANITIZE_BLOCK, "0x2"),
        (EraseMethod.SCSI_SANITIZE_OVERWRITE, "0x1"),
    ):
        if _SUPPORTED.search(_said(probe, "sg_opcodes", f"--opcode=0x48,{action}", disk.device)):
            yield MethodFound(method=method, category=Sanitization.PURGE)


def _said(probe: Probe, *argv: str) -> str:
    """What the tool prints; nothing when it is not there or the disk does not answer."""
    try:
        return probe.run(read(*argv, ok_codes=_ANY_EXIT)).stdout
    except ApplianceError:
        return ""


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(facts: dict[str, Any], key: str) -> int:
    value = facts.get(key)
    return value if isinstance(value, int) else 0
