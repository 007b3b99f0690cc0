"""The agent's HTTP server on a unix socket: the only door to the web framework.

Routes come from the endpoint table. Handlers are plain functions run in threads; long polls have
threads of their own, so that neither they nor a client that hangs hold up anybody else.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from agents.node.handlers.answering import Answering, Reply, Request
from agents.node.handlers.binding import AnyEndpoint
from agents.node.handlers.callers import Peer
from appliance.api.contract import ENDPOINTS
from appliance.api.paths import SOCKET
from appliance.api.problems import MEDIA_TYPE, encode_problem
from appliance.errors import (
    ApplianceError,
    InternalError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)

LOG: Final = logging.getLogger(__name__)

LARGEST_BODY: Final = 1 << 20
"""Bytes; a site spec of thousands of resources is far below."""
BODY_TIMEOUT_S: Final = 20.0
FIRST_REQUEST_S: Final = 20.0
"""How long a connection may stay silent or dribble before its first request is whole."""
KEEP_ALIVE_S: Final = 900
ANSWER_TIMEOUT_S: Final = 170.0
"""Below the client's own limit, so that it gets words instead of silence."""
MOST_CONNECTIONS: Final = 512
READERS: Final = 16
WAITERS: Final = 64
STOP_S: Final = 5
_UCRED: Final = struct.Struct("3i")
"""struct ucred of unix(7): pid, uid, gid."""


class PeerProtocol(HttpToolsProtocol):
    """Adds the socket's peer to each request, and drops connections that never ask anything."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        plug = transport.get_extra_info("socket")
        raw = plug.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        self.app_state = {**self.app_state, "peer": _UCRED.unpack(raw)}
        self._patience = self.loop.call_later(FIRST_REQUEST_S, transport.close)

    def on_headers_complete(self) -> None:
        """The first request's head is whole."""
        self._patience.cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._patience.cancel()
        super().connection_lost(exc)


class Front:
    """Carries requests to the handlers' threads and answers back."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="answer")
        self._waiters = ThreadPoolExecutor(WAITERS, thread_name_prefix="wait")

    async def handle(self, endpoint: AnyEndpoint, http: HttpRequest) -> Response:
        """The answer to one request."""
        body = await _body(http)
        request = Request(
            endpoint=endpoint,
            peer=Peer(*http.state.peer),
            parts=http.path_params,
            query=http.query_params,
            body=body,
        )
        pool = self._waiters if "wait" in http.query_params else self._readers
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                reply = await loop.run_in_executor(pool, self._answering.answer, request)
        except TimeoutError as error:
            raise UnavailableError(
                f"The node did not finish '{endpoint.name}' within {ANSWER_TIMEOUT_S:.0f} s.",
                hint="A disk may hang; look at: journalctl -u appliance-agent -e",
                subject=endpoint.name,
            ) from error
        return _response(reply)

    def close(self) -> None:
        """Take no more work; what hangs is not waited for."""
        for pool in (self._readers, self._waiters):
            pool.shutdown(wait=False, cancel_futures=True)


def application(front: Front) -> Starlette:
    """The ASGI application before these handlers."""
    routes = [
        Route(endpoint.path, partial(front.handle, endpoint), methods=[endpoint.method])
        for endpoint in ENDPOINTS
    ]
    return Starlette(
        routes=_fixed_before_placeholders(routes),
        exception_handlers={
            ApplianceError: _told,
            HTTPException: _no_such_call,
            ClientDisconnect: _nobody_listens,
            Exception: _unexpected,
        },
    )


def serve(answering: Answering, path: Path = Path(SOCKET), *, mode: int = 0o666) -> None:
    """Serve until SIGTERM or SIGINT. Raises UnavailableError when another agent serves there."""
    listener, front = listen(path, mode), Front(answering)
    LOG.info("serving on %s", path)
    try:
        server(front).run(sockets=[listener])
    finally:
        front.close()
        listener.close()
        path.unlink(missing_ok=True)


def server(front: Front) -> uvicorn.Server:
    """The HTTP server before these handlers, not yet running."""
    config = uvicorn.Config(
        application(front),
        http=PeerProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
    )
    return uvicorn.Server(config)


def listen(path: Path, mode: int) -> socket.socket:
    """A listening socket. Everyone may connect; the peer's groups decide what may be asked.

    Raises UnavailableError when another agent answers there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        _refuse_if_answered(path)
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(mode)
    return listener


def _refuse_if_answered(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.settimeout(2)
        try:
            other.connect(str(path))
        except OSError:
            return
    raise UnavailableError(
        f"Another agent serves on {path}.",
        hint="Stop it first: systemctl stop appliance-agent",
        subject=str(path),
    )


def _fixed_before_placeholders(routes: list[Route]) -> list[Route]:
    """Starlette takes the first match; /v1/audit/verify must not be some {name}."""
    return sorted(routes, key=lambda route: re.sub(r"\{\w+\}", "~", route.path))


async def _body(http: HttpRequest) -> bytes:
    """Raises InvalidInputError for a body that is too large or does not come."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for part in http.stream():
                size += len(part)
                if size > LARGEST_BODY:
                    raise InvalidInputError(
                        f"The request is larger than {LARGEST_BODY >> 20} MiB.",
                        hint="Split the spec, or shorten it.",
                    )
                parts.append(part)
    except TimeoutError as error:
        raise InvalidInputError(
            "The request did not arrive in time.", hint="Try again over a better connection."
        ) from error
    return b"".join(parts)


def _response(reply: Reply) -> Response:
    media = MEDIA_TYPE if reply.problem else reply.media
    return Response(reply.body, reply.status, headers={"content-type": media})


def _problem(error: ApplianceError) -> Response:
    return _response(Reply(error.http_status, encode_problem(error), problem=True))


async def _told(_: HttpRequest, error: Exception) -> Response:
    if not isinstance(error, ApplianceError):
        raise error
    return _problem(error)


async def _no_such_call(http: HttpRequest, _: Exception) -> Response:
    return _problem(
        NotFoundError(
            f"The agent has no call {http.method} {http.url.path}.",
            hint="Client and agent may be of different versions; compare: appliance status.",
            subject=http.url.path,
        )
    )


async def _nobody_listens(_: HttpRequest, __: Exception) -> Response:
    return Response(status_code=499)


async def _unexpected(http: HttpRequest, error: Exception) -> Response:
    """A defect: the log gets the trace, the client a reference to it."""
    reference = token_hex(4)
    LOG.error("defect %s in %s %s", reference, http.method, http.url.path, exc_info=error)
    return _problem(
        InternalError(
            f"The agent failed at this request; the log has it as defect {reference}.",
            hint=f"Please report it with: journalctl -u appliance-agent -g {reference} -A 40",
            subject=http.url.path,
        )
    )
