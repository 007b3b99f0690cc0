"""What a command runs in: which node, which output, and the way there, opened when first used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from appliance.api.paths import fill
from appliance.client.answer import decode_text, fetch
from appliance.client.dial import open_transport
from appliance.client.transport import Transport, parse_address

if TYPE_CHECKING:
    from appliance.client.client import Client


class Session:
    """One run of the CLI against one node."""

    def __init__(self, *, node: str = "", identity: str = "", as_json: bool = False) -> None:
        self.address = parse_address(node)
        self.as_json = as_json
        self._identity = identity
        self._transport: Transport | None = None

    @property
    def transport(self) -> Transport:
        """The way to the node."""
        if self._transport is None:
            self._transport = open_transport(self.address, identity=self._identity)
        return self._transport

    def fetch(self, path: str, method: str = "GET", body: object = None, **parts: str) -> Any:  # noqa: ANN401 - JSON
        """One call in plain JSON values: the light path."""
        return fetch(self.transport, fill(path, **parts), method, body)

    def fetch_text(self, path: str) -> str:
        """One read whose answer is plain text."""
        return decode_text(*self.transport.request("GET", path))

    def client(self) -> Client:
        """The typed client, for calls that change something; imports the models."""
        from appliance.client.client import Client

        return Client(self.transport)

    def print_json(self, document: object) -> None:
        """JSON for programs."""
        print(json.dumps(document, indent=2, ensure_ascii=False))

    def reconnect(self) -> None:
        """Let the connection go; the next call makes it anew."""
        self.close()
        self._transport = None

    def close(self) -> None:
        """Let the connection go."""
        if self._transport is not None:
            self._transport.close()
