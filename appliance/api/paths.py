"""Paths of the API and where the agent listens; imports nothing, so the CLI's light path can.

The endpoint table (contract.py) is made of these; a test holds the two together.
"""

from __future__ import annotations

from typing import Final

SOCKET: Final = "/run/appliance/agent.sock"
"""Every local user may connect; what one may ask for is decided by the peer's groups."""

GROUPS: Final = (
    "appliance-admin",
    "appliance-technician",
    "appliance-auditor",
    "appliance-viewer",
)
"""The Unix groups that give a role, the most powerful first."""

STATUS: Final = "/v1/status"
SNAPSHOT: Final = "/v1/snapshot"
DISKS: Final = "/v1/disks"
DISK: Final = "/v1/disks/{disk}"
DISK_LIGHT: Final = "/v1/disks/{disk}/light"
DISK_CERTIFICATE: Final = "/v1/disks/{disk}/certificate"
DISK_BAY: Final = "/v1/disks/{disk}/bay"
BAYS: Final = "/v1/bays"
CHASSIS: Final = "/v1/chassis"
KINDS: Final = "/v1/kinds"
RESOURCES: Final = "/v1/resources/{noun}"
RESOURCE: Final = "/v1/resources/{noun}/{name}"
SITE: Final = "/v1/site"
PLANS: Final = "/v1/plans"
PLAN: Final = "/v1/plans/{plan_id}"
JOBS: Final = "/v1/jobs"
JOB: Final = "/v1/jobs/{number}"
JOB_FINISH: Final = "/v1/jobs/{number}/finish"
JOB_UNDO: Final = "/v1/jobs/{number}/undo"
JOB_ABANDON: Final = "/v1/jobs/{number}/abandon"
SECRETS: Final = "/v1/secrets"
SECRET: Final = "/v1/secrets/{name}"  # noqa: S105 - a path, no password
ALERTS: Final = "/v1/alerts"
ALERT: Final = "/v1/alerts/{number}"
ALERT_ACKNOWLEDGE: Final = "/v1/alerts/{number}/acknowledge"
METRICS: Final = "/v1/metrics"
NETWORK: Final = "/v1/network"
NETWORK_CONFIRM: Final = "/v1/network/confirm"
SETUP: Final = "/v1/setup"
SETUP_PROPOSAL: Final = "/v1/setup/proposal"
HANDOVER: Final = "/v1/handover"
AUDIT: Final = "/v1/audit"
AUDIT_VERIFY: Final = "/v1/audit/verify"


def fill(path: str, **parts: str) -> str:
    """The path with its placeholders filled; whatever is not plain in a URL is percent-encoded."""
    for key, value in parts.items():
        encoded = "".join(
            chr(byte)
            if chr(byte).isascii() and (chr(byte).isalnum() or byte in b"-_.~")
            else f"%{byte:02X}"
            for byte in value.encode()
        )
        path = path.replace("{" + key + "}", encoded)
    return path
