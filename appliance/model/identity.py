"""Who the node is and what time it has; and the people who may log in to look after it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from appliance.model.base import Name
from appliance.model.receiver import HostName
from appliance.model.resource import Found, Spec

Label = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", max_length=63)
]
"""A host name without its domain (RFC 1123, small letters)."""
TimeZone = Annotated[
    str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$", max_length=64)
]
"""A name of the IANA time zone database: Europe/Berlin."""


class IdentitySpec(Spec):
    """The node's name and its time; there is one, named `node`."""

    hostname: Label
    """The node's own name, without its domain."""
    timezone: TimeZone = "Etc/UTC"
    """For what people read, as the IANA database names it: Europe/Berlin; the log stays in UTC."""
    ntp: tuple[HostName, ...] = ()
    """Time servers; empty for Debian's public pool."""


class IdentityFound(Found):
    """The node's name and time as they are."""

    hostname: str
    timezone: str
    sources: str | None
    """The file of time servers; None when there is none."""
    hosts: str = ""
    """/etc/hosts, in which the node finds its own name."""
    time_enabled: bool = False
    """The time service starts at boot."""
    time_active: bool = False


class Role(StrEnum):
    """What a person may do; each role is a Unix group `appliance-<role>`."""

    ADMIN = "admin"
    TECHNICIAN = "technician"
    AUDITOR = "auditor"
    VIEWER = "viewer"

    @property
    def group(self) -> str:
        """The Unix group that gives the role."""
        return f"appliance-{self.value}"


SshKey = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        pattern=r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|"
        r"sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]{16,}={0,3}( [ -~]*)?$",
        max_length=2048,
    ),
]
"""A public key as it stands in a file NAME.pub, on one line."""


class AccountSpec(Spec):
    """A person's login: by SSH key, by password at the machine's own screen, or both."""

    role: Role = Role.ADMIN
    """What the person may do."""
    keys: tuple[SshKey, ...] = ()
    """Public SSH keys that open the account, each as in a file NAME.pub."""
    password: Name | None = None
    """Name of the stored secret that is the password at the screen and the serial line; over SSH
    only keys count. None for no password."""

    @model_validator(mode="after")
    def _a_way_in(self) -> Self:
        if not self.keys and self.password is None:
            msg = "an account needs at least one SSH key or a password to log in with"
            raise ValueError(msg)
        return self


SETUP_LOGIN: Final = "setup"
"""The login of a new machine, made by the image: on its own screen only, without a password,
until there is an administrator. SSH takes no passwords, so it takes none of these either."""


class AccountFound(Found):
    """A login account on the node, ours or not: other accounts take names."""

    uid: Annotated[int, Field(ge=0)]
    ours: bool
    role: Role | None = None
    """By its groups, the most powerful one; None without a role."""
    keys: tuple[str, ...] = ()
    password: str | None = None
    """Name of the secret its password was set from; None when we set none."""
    open: bool = False
    """Whether one logs in with it without a password, on the machine's own screen."""
