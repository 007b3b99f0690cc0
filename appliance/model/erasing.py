"""Erasing a disk so that nothing of it can be read: methods, what a disk can do, the certificate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from appliance.model.base import Bytes, Value


class EraseMethod(StrEnum):
    """How a disk is erased."""

    NVME_FORMAT = "nvme-format"
    NVME_SANITIZE = "nvme-sanitize"
    SCSI_SANITIZE_BLOCK = "scsi-sanitize-block"
    SCSI_SANITIZE_OVERWRITE = "scsi-sanitize-overwrite"
    ATA_SECURE_ERASE = "ata-secure-erase"
    DISCARD = "discard"
    OVERWRITE = "overwrite"


class Sanitization(StrEnum):
    """The category of NIST SP 800-88 Rev. 1, chapter 2.5."""

    CLEAR = "clear"
    """Against what can be read through the disk's own interface."""
    PURGE = "purge"
    """Against a laboratory as well."""


class MethodFound(Value):
    """A way to erase that this disk has."""

    method: EraseMethod
    category: Sanitization
    minutes: int | None = None
    """How long the disk says it takes."""
    enhanced: bool = False
    """ATA: the enhanced form, which also reaches reallocated sectors."""


class EraseMeans(Value):
    """What a disk can do to erase itself, and what it has but cannot do now."""

    found: tuple[MethodFound, ...] = ()
    barred: Mapping[EraseMethod, str] = {}
    """Method -> why it cannot be used now, and what to do about that."""


class Certificate(Value):
    """That a disk was erased: NIST SP 800-88 Rev. 1, appendix G asks for these facts."""

    number: int = 0
    """Given when it is written down."""
    serial: str
    wwn: str = ""
    model: str = ""
    vendor: str = ""
    firmware: str = ""
    size: Bytes
    bay: str = ""
    node: str = ""
    """Host name of the node it was erased in."""
    held: str = ""
    """What was on it before."""
    method: EraseMethod
    commands: tuple[str, ...]
    """What was run, as lines for a shell."""
    category: Sanitization
    standard: str = "NIST SP 800-88 Rev. 1"
    verified: str
    """How it was made sure of."""
    who: str = ""
    at: datetime | None = None
    """When it was done and verified; None until then."""
    job: int | None = None
    digest: str = ""
    """SHA-256 over all else; the audit's line holds it as well."""
