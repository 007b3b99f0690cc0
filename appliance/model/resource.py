"""What a person wants (specs) and what was found, as far as every kind has it in common."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field, SerializeAsAny

from appliance.model.base import Name, Value


class Spec(Value):
    """Base of every kind's spec: what a person may want of such a thing."""


class Found(Value):
    """Base of every kind's finding: such a thing as it is on the node now."""


class Resource(Value):
    """One wanted thing. `kind` is the kind's noun: pool, volume, share, nfs, smb, lun, vm."""

    kind: str
    name: Name
    spec: SerializeAsAny[Spec]

    @property
    def id(self) -> str:
        """noun/name, as people and the journal write it."""
        return f"{self.kind}/{self.name}"


class ActionRequest(Value):
    """An act on one resource that is no state to want: roll back, force off, erase."""

    resource: str
    verb: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Finding(Value):
    """Something about the node that is not as it should be, and what to do."""

    severity: Severity
    subject: str
    what: str
    why: str = ""
    next_step: str
