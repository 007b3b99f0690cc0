"""A client's way to an agent in the same process: the real application, no socket (tests, demos)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


class MemoryTransport:
    """Calls an ASGI application as the user with this uid and gid."""

    def __init__(self, application: Application, *, peer: tuple[int, int, int]) -> None:
        self._application = application
        self._peer = peer

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """See Transport."""
        return asyncio.run(self._call(method, path, body or b""))

    def close(self) -> None:
        """See Transport; there is nothing to let go."""

    async def _call(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        raw, _, query = path.partition("?")
        scope: Message = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw),
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"content-length", str(len(body)).encode())],
            "state": {"peer": self._peer},
        }
        sent: list[Message] = []

        async def receive() -> Message:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            await asyncio.sleep(0)
            sent.append(message)

        await self._application(scope, receive, send)
        status = next(item["status"] for item in sent if item["type"] == "http.response.start")
        answer = b"".join(item.get("body", b"") for item in sent)
        return int(status), answer
