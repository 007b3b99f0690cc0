"""A LUN: a volume offered to named initiators as the one disk of its own iSCSI target."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from appliance.model.base import VOLATILE, Name, Value
from appliance.model.names import CONFIG_DIR
from appliance.model.resource import Found, Spec

TARGET_DIR: Final = f"{CONFIG_DIR}/targets"
"""One JSON document a LUN; the agent restores all of them at boot."""
IQN_DATE: Final = "iqn.2026-11"
"""Start of every target name of ours: the year and month of RFC 7143, part 4.2.7.1."""
PORTAL: Final = "0.0.0.0:3260"
"""3260 is the iSCSI port IANA registered; every target listens on all addresses."""
SECRET_LENGTHS: Final = range(12, 17)
"""Bytes in a CHAP secret: 12 at least by RFC 7143, part 9.2.1; 16 at most for Windows initiators."""
TPG_ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "authentication": "1",
        "generate_node_acls": "0",
        "cache_dynamic_acls": "0",
        "demo_mode_write_protect": "1",
        "demo_mode_discovery": "0",
    }
)
"""LIO's portal group attributes: nobody without an entry of his own gets in, or even gets the
target listed by a discovery."""

_LABEL: Final = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_ISCSI_NAME: Final = re.compile(
    rf"iqn\.[0-9]{{4}}-(0[1-9]|1[0-2])(\.{_LABEL}){{2,}}(:[a-z0-9.:-]+)?"
    r"|eui\.[0-9a-f]{16}|naa\.([0-9a-f]{16}|[0-9a-f]{32})"
)
_NAME_LIMIT: Final = 223


def _lower(name: object) -> object:
    """RFC 3722 folds iSCSI names to small letters before they are compared."""
    return name.strip().lower() if isinstance(name, str) else name


def _iscsi_name(name: str) -> str:
    if len(name) > _NAME_LIMIT or not _ISCSI_NAME.fullmatch(name):
        msg = (
            f"'{name}' is not an iSCSI name; write one like iqn.1993-08.org.debian:01:abc, "
            f"at most {_NAME_LIMIT} characters (RFC 7143, part 4.2.7)"
        )
        raise ValueError(msg)
    return name


IscsiName = Annotated[str, BeforeValidator(_lower), AfterValidator(_iscsi_name)]
"""The name of an initiator or a target: iqn., eui. or naa."""


class Chap(Value):
    """One direction of CHAP: who, and the name of the stored secret."""

    user: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,62}$")]
    """The name that is given."""
    secret: Name
    """Name of the stored secret."""


class LunSpec(Spec):
    """A volume as an iSCSI disk."""

    volume: Name
    """The volume that is the disk."""
    initiators: Annotated[tuple[IscsiName, ...], Field(min_length=1)]
    """Who may log in; nobody else sees the target."""
    chap: Chap
    """How initiators prove who they are."""
    mutual: Chap | None = None
    """How the target proves itself to the initiators; another secret than theirs."""
    read_only: bool = False
    """Initiators may not write."""
    enabled: bool = True
    """False takes the target off the network and ends open sessions; everything else stays."""
    target: str = ""
    """The target's own iSCSI name; made of host and LUN name when empty, then kept."""

    @model_validator(mode="after")
    def _rules(self) -> LunSpec:
        if self.mutual is not None and self.mutual.secret == self.chap.secret:
            msg = (
                "mutual CHAP needs a secret of its own, not the initiators' (RFC 7143, part 9.2.1)"
            )
            raise ValueError(msg)
        twice = sorted({name for name in self.initiators if self.initiators.count(name) > 1})
        if twice:
            msg = f"initiators named twice: {', '.join(twice)}"
            raise ValueError(msg)
        if self.target:
            _iscsi_name(self.target)
        return self


class Acl(Value):
    """One initiator's entry in a target, without secrets."""

    initiator: str
    user: str
    mutual_user: str = ""
    mapped: bool = True
    """The disk shows up for it as LUN 0."""
    read_only: bool = False


class LiveTarget(Value):
    """A target as the kernel has it, as far as we set it."""

    target: str
    device: str
    serial: str
    """T10 unit serial, by which initiators know the disk again."""
    enabled: bool
    portals: tuple[str, ...]
    attributes: Mapping[str, str]
    acls: tuple[Acl, ...]
    """By initiator name."""


class TargetConfig(Value):
    """What a target shall be: the document in TARGET_DIR. Secrets stand in it by name only."""

    name: Name
    target: IscsiName
    device: str
    initiators: tuple[IscsiName, ...]
    chap: Chap
    mutual: Chap | None = None
    read_only: bool = False
    enabled: bool = True

    @property
    def path(self) -> str:
        """Where the document lies."""
        return f"{TARGET_DIR}/{self.name}.json"

    @property
    def backstore(self) -> str:
        """The name of LIO's storage object."""
        return f"lun-{self.name}"

    @property
    def serial(self) -> str:
        """The same at every boot and on no other node, so multipath never mixes two disks up."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.target))

    def document(self) -> str:
        """The text of the file."""
        return self.model_dump_json(indent=2) + "\n"

    def live(self) -> LiveTarget:
        """What the kernel has when the target is as it shall be."""
        mutual_user = self.mutual.user if self.mutual else ""
        return LiveTarget(
            target=self.target,
            device=self.device,
            serial=self.serial,
            enabled=self.enabled,
            portals=(PORTAL,),
            attributes=dict(TPG_ATTRIBUTES),
            acls=tuple(
                Acl(
                    initiator=initiator,
                    user=self.chap.user,
                    mutual_user=mutual_user,
                    read_only=self.read_only,
                )
                for initiator in sorted(self.initiators)
            ),
        )


class LunFound(Found):
    """A LUN as it is: its document, the kernel's target, who is logged in."""

    target: str
    device: str = ""
    enabled: bool = False
    document: bool = False
    """There is a file for it in TARGET_DIR, readable or not."""
    config: TargetConfig | None = None
    """None while there is no document, or none that can be read."""
    live: LiveTarget | None = None
    """None while the kernel has no such target."""
    sessions: Annotated[tuple[str, ...], VOLATILE] = ()
    """Initiators logged in now. Not in the digest: the change itself looks again."""


def target_name(hostname: str, lun: str) -> str:
    """The name of a LUN's target: the host's domain name turned round, then the LUN's name."""
    host = re.sub(r"[^a-z0-9.-]", "-", hostname.lower()).strip(".-") or "appliance"
    labels = [label.strip("-") or "x" for label in host.split(".")]
    if len(labels) == 1:
        labels.append("local")  # a naming authority is a domain: it has two labels or more
    return f"{IQN_DATE}.{'.'.join(reversed(labels))}:{lun}"
