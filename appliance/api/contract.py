"""The endpoint table: the one place where the API is written down.

The server binds a handler to each row by name and refuses to start on a gap; the client calls
rows; the OpenAPI document is printed from the rows. Reads answer at once; a change answers 202
with a job, and `job_get` long-polls it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import Field

from appliance.api import paths
from appliance.api.wire import (
    Acknowledgement,
    AlertList,
    ApplyRequest,
    AuditPage,
    BayTeaching,
    Chassis,
    DiskDetail,
    DiskList,
    Empty,
    JobList,
    KindList,
    LightSwitch,
    PlainText,
    ResourceList,
    ResourceView,
    SecretNames,
    SecretValue,
    SiteDocument,
    Status,
    TaughtMap,
)
from appliance.model.alert import Alert
from appliance.model.audit import AuditVerdict
from appliance.model.base import LARGEST
from appliance.model.erasing import Certificate
from appliance.model.handover import Handover
from appliance.model.job import Job
from appliance.model.light import Lamp, Light
from appliance.model.link import NetworkChange
from appliance.model.plan import Plan, PlanRequest
from appliance.model.setup import Proposal, SetupRecord
from appliance.model.snapshot import NodeSnapshot

Q = TypeVar("Q")
R = TypeVar("R")


class Role(StrEnum):
    """What a caller may do, from the Unix groups `appliance-<role>`; root is admin."""

    VIEWER = "viewer"
    AUDITOR = "auditor"
    TECHNICIAN = "technician"
    ADMIN = "admin"


class CallEffect(StrEnum):
    """What a call does."""

    READ = "read"
    PLAN = "plan"
    JOB = "job"


@dataclass(frozen=True)
class Endpoint(Generic[Q, R]):
    """One call. `request` is the body's type for POST and PUT, the query's for GET."""

    name: str
    method: str
    path: str
    """May hold {placeholders}; each is a str argument of the handler."""
    request: type[Q]
    response: type[R]
    effect: CallEffect
    roles: frozenset[Role]
    summary: str
    media: str = "application/json"
    """Of the answer. Anything else than JSON is the text of a PlainText."""


ANYONE: Final = frozenset(Role)
HANDS: Final = frozenset({Role.TECHNICIAN, Role.ADMIN})
ADMIN: Final = frozenset({Role.ADMIN})
WATCHERS: Final = frozenset({Role.AUDITOR, Role.ADMIN})


class JobQuery(Empty):
    """Long-poll: wait up to `wait` seconds (60 at most) for a change after sequence `after`."""

    after: Annotated[int, Field(ge=-1, le=LARGEST)] = -1
    wait: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0


class AuditQuery(Empty):
    """The newest `limit` lines, or those before line `before`."""

    limit: int = 100
    before: Annotated[int, Field(ge=0, le=LARGEST)] | None = None


class AlertQuery(Empty):
    """Open alerts; with `all` the newest `limit`, cleared ones too."""

    all: bool = False
    limit: int = 100


class LightQuery(Empty):
    """Which of a bay's lights."""

    lamp: Lamp = Lamp.LOCATE


METRICS_MEDIA: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats)."""

STATUS: Final = Endpoint("status", "GET", paths.STATUS, Empty, Status, CallEffect.READ, ANYONE,
                         "Is all well, what is not, what next")  # fmt: skip
SNAPSHOT: Final = Endpoint("snapshot", "GET", paths.SNAPSHOT, Empty, NodeSnapshot, CallEffect.READ,
                           ANYONE, "The node as one value")  # fmt: skip
DISKS: Final = Endpoint("disks", "GET", paths.DISKS, Empty, DiskList, CallEffect.READ, ANYONE,
                        "All disks, missing ones included")  # fmt: skip
DISK: Final = Endpoint("disk", "GET", paths.DISK, Empty, DiskDetail, CallEffect.READ, ANYONE,
                       "One disk with its verdict, history and what is acknowledged")  # fmt: skip
DISK_LIGHT: Final = Endpoint(
    "disk_light", "GET", paths.DISK_LIGHT, LightQuery, Light, CallEffect.READ, ANYONE,
    "The locate or fault light of the disk's bay")  # fmt: skip
DISK_LIGHT_SET: Final = Endpoint(
    "disk_light_set", "PUT", paths.DISK_LIGHT, LightSwitch, Light, CallEffect.PLAN, HANDS,
    "Light the disk's bay, or let it be dark again")  # fmt: skip
DISK_CERTIFICATE: Final = Endpoint(
    "disk_certificate", "GET", paths.DISK_CERTIFICATE, Empty, Certificate, CallEffect.READ, ANYONE,
    "The newest certificate that the disk was erased")  # fmt: skip
DISK_BAY_TEACH: Final = Endpoint(
    "disk_bay_teach", "PUT", paths.DISK_BAY, BayTeaching, TaughtMap, CallEffect.PLAN, HANDS,
    "Say which bay a disk is in, where the chassis does not tell")  # fmt: skip
BAYS_TAUGHT: Final = Endpoint("bays_taught", "GET", paths.BAYS, Empty, TaughtMap, CallEffect.READ,
                              ANYONE, "The bays that were taught")  # fmt: skip
CHASSIS: Final = Endpoint("chassis", "GET", paths.CHASSIS, Empty, Chassis, CallEffect.READ, ANYONE,
                          "The bays of the chassis, as a person sees them")  # fmt: skip
KINDS: Final = Endpoint("kinds", "GET", paths.KINDS, Empty, KindList, CallEffect.READ, ANYONE,
                        "The kinds of things managed here, with their schemas")  # fmt: skip
RESOURCES: Final = Endpoint("resources", "GET", paths.RESOURCES, Empty, ResourceList,
                            CallEffect.READ, ANYONE, "All resources of a kind")  # fmt: skip
RESOURCE: Final = Endpoint("resource", "GET", paths.RESOURCE, Empty, ResourceView,
                           CallEffect.READ, ANYONE, "One resource, wanted and found")  # fmt: skip
SITE: Final = Endpoint("site", "GET", paths.SITE, Empty, SiteDocument, CallEffect.READ, ANYONE,
                       "The whole wish, in the shape of a site spec")  # fmt: skip
PLAN_MAKE: Final = Endpoint("plan_make", "POST", paths.PLANS, PlanRequest, Plan, CallEffect.PLAN,
                            ANYONE, "Preview a change; cannot write to the node")  # fmt: skip
PLAN_GET: Final = Endpoint("plan_get", "GET", paths.PLAN, Empty, Plan, CallEffect.READ,
                           ANYONE, "A plan made before")  # fmt: skip
JOB_START: Final = Endpoint("job_start", "POST", paths.JOBS, ApplyRequest, Job, CallEffect.JOB,
                            HANDS, "Carry out a plan")  # fmt: skip
JOBS: Final = Endpoint("jobs", "GET", paths.JOBS, Empty, JobList, CallEffect.READ, ANYONE,
                       "All jobs, newest first")  # fmt: skip
JOB_GET: Final = Endpoint("job_get", "GET", paths.JOB, JobQuery, Job, CallEffect.READ,
                          ANYONE, "One job with its steps and exact commands")  # fmt: skip
JOB_FINISH: Final = Endpoint("job_finish", "POST", paths.JOB_FINISH, Empty, Plan,
                             CallEffect.PLAN, HANDS, "Plan what is left of an unfinished job")  # fmt: skip
JOB_UNDO: Final = Endpoint("job_undo", "POST", paths.JOB_UNDO, Empty, Job,
                           CallEffect.JOB, HANDS, "Undo the steps of an unfinished job")  # fmt: skip
JOB_ABANDON: Final = Endpoint("job_abandon", "POST", paths.JOB_ABANDON, Empty, Job,
                              CallEffect.PLAN, ADMIN, "Give an unfinished job up as it stands")  # fmt: skip
SECRETS: Final = Endpoint("secrets", "GET", paths.SECRETS, Empty, SecretNames, CallEffect.READ,
                          HANDS, "Names of the stored secrets")  # fmt: skip
SECRET_PUT: Final = Endpoint("secret_put", "PUT", paths.SECRET, SecretValue, SecretNames,
                             CallEffect.PLAN, ADMIN, "Store a secret; it can never be read back")  # fmt: skip
SECRET_DROP: Final = Endpoint("secret_drop", "DELETE", paths.SECRET, Empty, SecretNames,
                              CallEffect.PLAN, ADMIN, "Forget a secret nothing refers to")  # fmt: skip
ALERTS: Final = Endpoint("alerts", "GET", paths.ALERTS, AlertQuery, AlertList, CallEffect.READ,
                         ANYONE, "What is not well, since when, and who knows of it")  # fmt: skip
ALERT: Final = Endpoint("alert", "GET", paths.ALERT, Empty, Alert, CallEffect.READ, ANYONE,
                        "One alert")  # fmt: skip
ALERT_ACKNOWLEDGE: Final = Endpoint(
    "alert_acknowledge", "POST", paths.ALERT_ACKNOWLEDGE, Acknowledgement, Alert, CallEffect.PLAN,
    HANDS, "Say that an alert is known; it is quiet until it changes")  # fmt: skip
NETWORK: Final = Endpoint("network_change", "GET", paths.NETWORK, Empty, NetworkChange,
                          CallEffect.READ, ANYONE,
                          "Whether a change of the network waits to be confirmed")  # fmt: skip
NETWORK_CONFIRM: Final = Endpoint(
    "network_confirm", "POST", paths.NETWORK_CONFIRM, Empty, NetworkChange, CallEffect.PLAN, ADMIN,
    "Keep the new network settings, which go back by themselves otherwise")  # fmt: skip
SETUP_PROPOSAL: Final = Endpoint(
    "setup_proposal", "GET", paths.SETUP_PROPOSAL, Empty, Proposal, CallEffect.READ, ANYONE,
    "The first boot: the chassis, every disk checked, the layouts there are")  # fmt: skip
SETUP: Final = Endpoint("setup", "GET", paths.SETUP, Empty, SetupRecord, CallEffect.READ, HANDS,
                        "What was answered at the first boot")  # fmt: skip
SETUP_KEEP: Final = Endpoint(
    "setup_keep", "PUT", paths.SETUP, SetupRecord, SetupRecord, CallEffect.PLAN, ADMIN,
    "Keep the answers, so that an interrupted setup goes on")  # fmt: skip
HANDOVER: Final = Endpoint("handover", "GET", paths.HANDOVER, Empty, Handover, CallEffect.READ,
                           ANYONE, "The handover sheet")  # fmt: skip
METRICS: Final = Endpoint("metrics", "GET", paths.METRICS, Empty, PlainText, CallEffect.READ,
                          ANYONE, "Numbers for Prometheus", METRICS_MEDIA)  # fmt: skip
AUDIT: Final = Endpoint("audit", "GET", paths.AUDIT, AuditQuery, AuditPage, CallEffect.READ,
                        WATCHERS, "Who asked for what, and what came of it")  # fmt: skip
AUDIT_VERIFY: Final = Endpoint("audit_verify", "GET", paths.AUDIT_VERIFY, Empty, AuditVerdict,
                               CallEffect.READ, WATCHERS, "Check the audit's hash chain")  # fmt: skip

ENDPOINTS: Final[tuple[Endpoint[Any, Any], ...]] = (
    STATUS, SNAPSHOT, DISKS, DISK, DISK_LIGHT, DISK_LIGHT_SET, DISK_CERTIFICATE,
    DISK_BAY_TEACH, BAYS_TAUGHT, CHASSIS, KINDS, RESOURCES,
    RESOURCE, SITE, PLAN_MAKE, PLAN_GET, JOB_START,
    JOBS, JOB_GET, JOB_FINISH, JOB_UNDO, JOB_ABANDON, SECRETS, SECRET_PUT, SECRET_DROP, ALERTS,
    ALERT, ALERT_ACKNOWLEDGE, NETWORK, NETWORK_CONFIRM, SETUP_PROPOSAL, SETUP, SETUP_KEEP,
    HANDOVER, METRICS, AUDIT, AUDIT_VERIFY,
)  # fmt: skip
