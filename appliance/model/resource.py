"""What a person wants (specs) and what was found, as far as every kind has it in common."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, SerializeAsAny

from appliance.model.base import Name, Value


class Spec(Value):
    """Base of every kind's spec: what a person may want of such a thing."""


class Found(Value):
    """Base of every kind's finding: such a thing as it is on the node now."""


class OpenSpec(Spec):
    """A spec read off the wire or the database, before its kind has judged it: any keys."""

    model_config = ConfigDict(extra="allow")


class OpenFound(Found):
    """A finding read off the wire or the database: any keys."""

    model_config = ConfigDict(extra="allow")


def _open_spec(value: object) -> object:
    return OpenSpec.model_validate(value) if isinstance(value, Mapping) else value


def _open_found(value: object) -> object:
    return OpenFound.model_validate(value) if isinstance(value, Mapping) else value


AnySpec = Annotated[SerializeAsAny[Spec], BeforeValidator(_open_spec)]
"""Any kind's spec. The model knows no kinds, so parsing JSON gives an OpenSpec; whoever needs the
kind's own type validates that with the kind's `spec_type`."""

AnyFound = Annotated[SerializeAsAny[Found], BeforeValidator(_open_found)]
"""Any kind's finding, in the same way."""


class Resource(Value):
    """One wanted thing. `kind` is the kind's noun: pool, volume, share, nfs, smb, lun, vm."""

    kind: str
    name: Name
    spec: AnySpec

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
    cause: str = ""
    """The kind of trouble in a word, the same while the numbers in the words move."""
