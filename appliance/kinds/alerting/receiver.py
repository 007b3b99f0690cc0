"""A receiver of alerts: a mailbox, a webhook or a syslog server, as a document the agent reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from typing_extensions import override

from appliance.kinds.base import Change, Kind, Probe, View
from appliance.kinds.documents import document_path, documents_in, unreadable
from appliance.model.command import change as changing
from appliance.model.receiver import (
    RECEIVER_DIR,
    ReceiverFound,
    ReceiverSpec,
    document_of,
    parse_receiver,
)
from appliance.model.resource import Finding
from appliance.model.steps import RemoveFileStep, RunStep, Step, WriteFileStep

AGENT: Final = "appliance-agent"


class ReceiverKind(Kind[ReceiverSpec, ReceiverFound]):
    """One document a receiver; nothing is started for it."""

    noun = "receiver"
    title = "who is told of alerts: by mail, webhook or syslog"
    rank = 70
    spec_type = ReceiverSpec
    found_type = ReceiverFound
    verbs: ClassVar[Mapping[str, str]] = {"test": "send a test message now"}
    columns: ClassVar[tuple[str, ...]] = (
        "config.mail.to",
        "config.webhook.url",
        "config.syslog.server",
        "config.least",
        "config.all_well",
    )

    @override
    def observe(self, probe: Probe) -> Mapping[str, ReceiverFound]:
        """Every document in the receivers' folder."""
        return {
            name: ReceiverFound(document=text, config=parse_receiver(text))
            for name, text in documents_in(RECEIVER_DIR, probe)
        }

    @override
    def resolve(self, name: str, spec: ReceiverSpec, view: View) -> ReceiverSpec:
        """Its secret must be stored."""
        if spec.secret is not None:
            view.require_secret(spec.secret, f"receiver/{name}")
        return spec

    @override
    def plan(self, change: Change[ReceiverSpec, ReceiverFound], view: View) -> Iterator[Step]:
        """Write the document where it differs, or remove it."""
        resource, path = f"receiver/{change.name}", document_path(RECEIVER_DIR, change.name)
        if change.wanted is None:
            if change.found is not None:
                yield RemoveFileStep(
                    title=f"Tell {change.name} no more", resource=resource, path=path
                )
            return
        document = document_of(change.wanted)
        if change.found is None or change.found.document != document:
            yield WriteFileStep(
                title=f"Tell {change.name} of alerts",
                resource=resource,
                path=path,
                content=document,
                mode=0o600,
            )

    @override
    def act(
        self, verb: str, name: str, arguments: Mapping[str, object], view: View
    ) -> Iterator[Step]:
        """Send a test message, and fail with the reason when it does not arrive."""
        if verb != "test":
            yield from super().act(verb, name, arguments, view)
            return
        command = changing(AGENT, "tell", name, timeout_s=90)
        yield RunStep(
            title=f"Send a test message to {name}",
            resource=f"receiver/{name}",
            command=command,
            undo=changing("true"),
        )

    @override
    def health(self, name: str, found: ReceiverFound) -> tuple[Finding, ...]:
        """A document that cannot be read tells nobody."""
        if found.config is not None:
            return ()
        return (unreadable(self.noun, name, so="is told nothing"),)

    @override
    def adopt(self, name: str, found: ReceiverFound) -> ReceiverSpec | None:
        """As its document says."""
        return found.config


KIND = ReceiverKind()
