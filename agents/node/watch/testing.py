"""A test message to one receiver, sent at once by `appliance-agent tell NAME`."""

from __future__ import annotations

from datetime import UTC, datetime

from agents.node.apply.files import NodeFiles
from agents.node.apply.secrets import SecretStore
from agents.node.watch.senders import send
from appliance.errors import NotFoundError
from appliance.model.message import Event, Message
from appliance.model.receiver import RECEIVER_DIR, parse_receiver


def send_test(name: str, files: NodeFiles | None = None) -> None:
    """Send it. Raises NotFoundError, and UnavailableError with the reason when it does not arrive."""
    place = files or NodeFiles()
    text = place.read(f"{RECEIVER_DIR}/{name}.json")
    spec = parse_receiver(text) if text else None
    if spec is None:
        raise NotFoundError(
            f"There is no receiver '{name}', or its document cannot be read.",
            hint="List them with: appliance receiver list",
            subject=f"receiver/{name}",
        )
    host = (place.read("/etc/hostname") or "").strip()
    message = Message(event=Event.TEST, host=host, at=datetime.now(UTC))
    send(name, spec, message, SecretStore(place).value)
