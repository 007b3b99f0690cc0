"""The bodies of the API that are no model of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import FieldSerializationInfo, SecretStr, field_serializer

from appliance.model.audit import AuditLine
from appliance.model.base import Value
from appliance.model.disk import Disk
from appliance.model.job import Job
from appliance.model.profile import Bay, Panel
from appliance.model.resource import AnyFound, AnySpec, Finding
from appliance.model.snapshot import Host


class Empty(Value):
    """No body, no query."""


class DiskList(Value):
    """All disks and what could not be read."""

    disks: tuple[Disk, ...]
    problems: tuple[str, ...] = ()


class Chassis(Value):
    """What the machine looks like: its bays and the faces they are seen on."""

    profile: str
    """Name of the hardware profile; "generic" for a machine no profile knows."""
    title: str
    bays: tuple[Bay, ...]
    panels: tuple[Panel, ...]


class ResourceView(Value):
    """One resource: what is wanted and what is found; either may be absent."""

    id: str
    kind: str
    name: str
    spec: AnySpec | None = None
    found: AnyFound | None = None
    findings: tuple[Finding, ...] = ()


class ResourceList(Value):
    """All resources of a kind, and the fields its list shows."""

    kind: str
    columns: tuple[str, ...]
    resources: tuple[ResourceView, ...]


class KindView(Value):
    """A kind: what to call it and what its spec may hold."""

    noun: str
    title: str
    face_of: str
    verbs: dict[str, str]
    columns: tuple[str, ...]
    spec_schema: dict[str, Any]


class KindList(Value):
    """All kinds, in building order."""

    kinds: tuple[KindView, ...]


class SiteDocument(Value):
    """The wish as a site spec: noun -> name -> spec, faces inside their share."""

    site: dict[str, Any]


class Status(Value):
    """One screen: is all well, what is not, what next."""

    host: Host
    version: str
    well: bool
    findings: tuple[Finding, ...]
    counts: dict[str, int]
    """How many of each: disks, and every kind by its noun."""
    drift: tuple[str, ...]
    """Titles of the steps that would bring the node back to the wish."""
    jobs: tuple[Job, ...]
    """Unfinished or running jobs, without their steps."""


class ApplyRequest(Value):
    """Carry out a plan: its id, the digest it was shown with, and what was typed to confirm."""

    plan_id: str
    digest: str
    confirm: frozenset[str] = frozenset()


class JobList(Value):
    """Jobs without their steps, newest first."""

    jobs: tuple[Job, ...]


class SecretNames(Value):
    """Names only."""

    names: tuple[str, ...]


class SecretValue(Value):
    """A secret on its way in."""

    value: SecretStr

    @field_serializer("value", when_used="json")
    def _reveal_to_the_wire(self, value: SecretStr, info: FieldSerializationInfo) -> str:
        """In the clear only for the client's request; anywhere else it stays masked."""
        reveal = isinstance(info.context, Mapping) and info.context.get("reveal") is True
        return value.get_secret_value() if reveal else str(value)


class AuditPage(Value):
    """Audit lines, newest first."""

    lines: tuple[AuditLine, ...]
