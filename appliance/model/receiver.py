"""Receivers of alerts: who is told, by which way, of what."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from appliance.model.base import Name, Value
from appliance.model.names import CONFIG_DIR
from appliance.model.resource import Found, Severity, Spec

RECEIVER_DIR: Final = f"{CONFIG_DIR}/receivers"
"""One JSON document a receiver; the agent reads them whenever it has something to tell."""

HostName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$")
]
"""A host's name or address."""
PortNumber = Annotated[int, Field(ge=1, le=65535)]
MailAddress = Annotated[
    str, StringConstraints(pattern=r"^[^@\s<>,;]+@[A-Za-z0-9.-]+$", max_length=254)
]


class MailEncryption(StrEnum):
    """How the way to the mail server is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class MailWay(Value):
    """By SMTP to a mail server that takes it from here."""

    server: HostName
    """Name or address of the mail server."""
    port: PortNumber = 25
    """25 between servers, 587 with a login (RFC 6409), 465 with tls from the start."""
    to: Annotated[tuple[MailAddress, ...], Field(min_length=1)]
    """Mailboxes that get the messages."""
    sender: MailAddress
    """The address messages come from."""
    encryption: MailEncryption = MailEncryption.STARTTLS
    """Of the way to the mail server; its certificate is checked."""
    user: str = ""
    """Login at the mail server; empty for none."""
    password: Name | None = None
    """Name of the secret; needs `user`."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.user) != (self.password is not None):
            msg = "a mail server that asks for a login needs both user and password"
            raise ValueError(msg)
        if self.user and self.encryption is MailEncryption.NONE:
            msg = "a password is not sent without encryption; use starttls or tls"
            raise ValueError(msg)
        return self


class WebhookWay(Value):
    """By an HTTP POST of a JSON document."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@]+(/\S*)?$", max_length=2000)]
    """Where documents are posted to: http or https, without a login in it."""
    token: Name | None = None
    """Name of the secret sent as bearer token."""


class SyslogTransport(StrEnum):
    """RFC 5426 and RFC 6587."""

    UDP = "udp"
    TCP = "tcp"


class SyslogWay(Value):
    """To a syslog server (RFC 5424). The node's own log has every alert without it."""

    server: HostName
    """Name or address of the syslog server."""
    port: PortNumber = 514
    """514 by RFC 5426."""
    transport: SyslogTransport = SyslogTransport.UDP
    """udp may lose messages without a word; tcp says when it cannot deliver."""


class ReceiverSpec(Spec):
    """Somebody who is told of alerts, by one way."""

    mail: MailWay | None = None
    """By mail."""
    webhook: WebhookWay | None = None
    """By an HTTP POST of JSON."""
    syslog: SyslogWay | None = None
    """To a syslog server."""
    least: Severity = Severity.WARNING
    """The least severity that is told."""
    all_well: Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")] = "07:00"
    """When the daily word comes that all is well, or what is not: HH:MM in UTC; empty for never."""

    @property
    def secret(self) -> str | None:
        """The secret its way needs."""
        if self.mail is not None:
            return self.mail.password
        return self.webhook.token if self.webhook is not None else None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.mail, self.webhook, self.syslog)) != 1:
            msg = "a receiver is told by exactly one of mail, webhook and syslog"
            raise ValueError(msg)
        return self


class ReceiverFound(Found):
    """A receiver as its document has it."""

    document: str
    config: ReceiverSpec | None = None
    """None while the document cannot be read."""


def document_of(spec: ReceiverSpec) -> str:
    """The document of a receiver."""
    return spec.model_dump_json(indent=1, exclude_defaults=True) + "\n"


def parse_receiver(text: str) -> ReceiverSpec | None:
    """The spec in a document; None when it is none."""
    try:
        return ReceiverSpec.model_validate_json(text)
    except ValidationError:
        return None
