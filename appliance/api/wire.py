"""The bodies of the API that are no model of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import FieldSerializationInfo, SecretStr, field_serializer

from appliance.model.admission import DiskEntry
from appliance.model.alert import Alert
from appliance.model.audit import AuditLine
from appliance.model.base import Value
from appliance.model.capacity import Runway
from appliance.model.care import CareLine
from appliance.model.disk import Disk
from appliance.model.disk_record import AcknowledgedValue, KernelWord
from appliance.model.erasing import Certificate
from appliance.model.job import Job
from appliance.model.light import Lamp
from appliance.model.profile import Bay, BayLabel, Panel
from appliance.model.resource import AnyFound, AnySpec, Finding
from appliance.model.snapshot import Host
from appliance.model.verdict import PastMeasures, Verdict


class Empty(Value):
    """No body, no query."""


class DiskView(Disk):
    """A disk and what is thought of it."""

    verdict: Verdict
    """In a list with the lines of evidence that say something is wrong, alone with all of them."""


class DiskList(Value):
    """All disks and what could not be read."""

    disks: tuple[DiskView, ...]
    problems: tuple[str, ...] = ()


class DiskDetail(Value):
    """One disk with all that is kept of it."""

    disk: DiskView
    taken_at: datetime | None = None
    """When the reading behind the verdict was taken; None when it was never read."""
    measures: Mapping[str, int] = {}
    acknowledged: tuple[AcknowledgedValue, ...] = ()
    kernel: tuple[KernelWord, ...] = ()
    """What the kernel said of it lately."""
    history: tuple[PastMeasures, ...] = ()
    """Looks of the past, oldest first: one an hour, then one a day, then one a week."""
    care: tuple[CareLine, ...] = ()
    """Its self-tests by schedule."""
    standing: DiskEntry | None = None
    """Whether and on what it was admitted; None for a disk that is new."""
    certificates: tuple[Certificate, ...] = ()
    """That it was erased, newest first."""


class BayTeaching(Value):
    """What is printed beside the bay a disk is in; empty: it is unknown again."""

    label: BayLabel | Literal[""]


class TaughtBay(Value):
    """A bay that was taught, and the disk that is in it now."""

    label: str
    path: str
    """udev's ID_PATH."""
    serial: str = ""
    """Empty when no disk is there."""


class TaughtMap(Value):
    """All bays that were taught."""

    bays: tuple[TaughtBay, ...]


class LightSwitch(Value):
    """Light a bay, or let it be dark again."""

    on: bool
    lamp: Lamp = Lamp.LOCATE


class AlertList(Value):
    """Alerts: open ones the worst first, or all of them, newest first."""

    alerts: tuple[Alert, ...]


class Acknowledgement(Value):
    """That an alert is known, and why it may wait."""

    note: str = ""


class PlainText(Value):
    """An answer that is no JSON: the text itself is sent."""

    text: str


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
    care: tuple[CareLine, ...] = ()
    """What is done to it by schedule; only when it is asked for alone."""


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
    runways: tuple[Runway, ...] = ()
    """How long each tier lasts."""


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
