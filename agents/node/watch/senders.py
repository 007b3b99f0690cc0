"""The ways to a receiver: SMTP, an HTTP POST, syslog. Each waits a bounded time and raises."""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from appliance.errors import UnavailableError
from appliance.model.message import Message
from appliance.model.receiver import (
    MailEncryption,
    MailWay,
    ReceiverSpec,
    SyslogTransport,
    SyslogWay,
    WebhookWay,
)
from appliance.model.resource import Severity

TIMEOUT_S: Final = 20.0
_GOOD: Final = range(200, 300)
_FACILITY: Final = 3
"""System daemons (RFC 5424, table 1)."""
_LEVEL: Final = {Severity.CRITICAL: 2, Severity.WARNING: 4, Severity.INFO: 6}
"""Critical, warning, informational (RFC 5424, table 2)."""

_DATAGRAM: Final = 2048
"""Bytes that receivers of RFC 5426 should take."""

Secret = Callable[[str], str]


def send(name: str, spec: ReceiverSpec, message: Message, secret: Secret) -> None:
    """Hand a message over. Raises UnavailableError with the reason, NotFoundError for a secret.

    A ValueError is what no protocol can carry: a host name, an address or a password with letters
    that it does not know.
    """
    try:
        if spec.mail is not None:
            _mail(spec.mail, message, secret)
        elif spec.webhook is not None:
            _post(spec.webhook, message, secret)
        elif spec.syslog is not None:
            _syslog(spec.syslog, message)
    except (OSError, smtplib.SMTPException, HTTPException, ValueError) as error:
        why = str(error) or type(error).__name__
        raise UnavailableError(
            f"The receiver '{name}' could not be told: {why}.",
            hint=f"Check its settings: appliance receiver show {name}; "
            f"then: appliance receiver test {name}",
            subject=f"receiver/{name}",
        ) from error


def _mail(way: MailWay, message: Message, secret: Secret) -> None:
    letter = EmailMessage()
    letter["From"] = way.sender
    letter["To"] = ", ".join(way.to)
    letter["Subject"] = message.title()
    letter["Date"] = format_datetime(message.at)
    letter["Message-ID"] = make_msgid(domain=way.sender.rpartition("@")[2])
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    letter.set_content(message.text() + "\n")
    with _mail_server(way) as server:
        if way.password is not None:
            server.login(way.user, secret(way.password))
        server.send_message(letter)


def _mail_server(way: MailWay) -> smtplib.SMTP:
    if way.encryption is MailEncryption.TLS:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(way.server, way.port, timeout=TIMEOUT_S, context=context)
    server = smtplib.SMTP(way.server, way.port, timeout=TIMEOUT_S)
    if way.encryption is MailEncryption.STARTTLS:
        try:
            server.starttls(context=ssl.create_default_context())
        except (OSError, smtplib.SMTPException):
            server.close()
            raise
    return server


def _post(way: WebhookWay, message: Message, secret: Secret) -> None:
    url = urlsplit(way.url)
    encrypted = url.scheme == "https"
    connection = (
        HTTPSConnection(url.netloc, timeout=TIMEOUT_S, context=ssl.create_default_context())
        if encrypted
        else HTTPConnection(url.netloc, timeout=TIMEOUT_S)
    )
    headers = {"Content-Type": "application/json", "User-Agent": "appliance-agent"}
    if way.token is not None:
        headers["Authorization"] = f"Bearer {secret(way.token)}"
    body = message.model_dump(mode="json") | {"title": message.title(), "text": message.text()}
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    try:
        connection.request("POST", target, json.dumps(body, ensure_ascii=False).encode(), headers)
        answer = connection.getresponse()
        if answer.status not in _GOOD:
            msg = f"it answered {answer.status} {answer.reason}"
            raise HTTPException(msg)
    finally:
        connection.close()


def _syslog(way: SyslogWay, message: Message) -> None:
    """RFC 5424; over TCP with the length in front (RFC 6587, octet counting)."""
    priority = _FACILITY * 8 + _LEVEL[message.severity]
    at = message.at.isoformat(timespec="milliseconds")
    words = f"{message.title()} | {message.text()}".replace("\n", " ")
    frame = f"<{priority}>1 {at} {message.host or '-'} appliance-agent - {message.event} - {words}"
    data = frame.encode()
    kind = socket.SOCK_DGRAM if way.transport is SyslogTransport.UDP else socket.SOCK_STREAM
    if kind == socket.SOCK_STREAM:
        with socket.create_connection((way.server, way.port), TIMEOUT_S) as plug:
            plug.sendall(b"%d %s" % (len(data), data))
        return
    family, _, _, _, address = socket.getaddrinfo(way.server, way.port, type=kind)[0]
    with socket.socket(family, kind) as plug:
        plug.connect(address)
        plug.send(data[:_DATAGRAM])
