"""The console in a browser, by textual-serve: on loopback only, for use through an SSH tunnel.

Loopback alone keeps nobody out: other accounts of the machine reach it, and so does any page in
the browser at the other end of a tunnel (WebSockets know no same-origin rule, RFC 6455, 10.2). So
whoever comes needs the key that was printed where the console was started, and has to come from
the page itself.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from textual_serve.server import Server
from typing_extensions import override

LOOPBACK: Final = "localhost"
POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self' ws://{host}; frame-ancestors 'none'"
)
"""Nothing is fetched from anywhere else: a rack has no internet, and a page no business there."""
_REFUSED: Final = (
    "Refused: open the address that appliance-tui --serve printed, key and all, with the same port "
    "at both ends of the tunnel.\n"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Served(Server):
    """Serves a command that is a console to each browser that has the key."""

    def __init__(self, command: str, port: int, key: str = "") -> None:
        """`key`: what a browser has to bring; a new one without."""
        super().__init__(command, host=LOOPBACK, port=port, title="appliance")
        self.key = key or secrets.token_urlsafe(24)
        self._origin = f"{LOOPBACK}:{port}"
        self._cookie = f"appliance-console-{port}"

    @override
    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard)
        return app

    @override
    async def on_startup(self, app: web.Application) -> None:
        """Say how one comes to it."""
        del app
        self.console.print(
            f"The console is at http://{self._origin}/?key={self.key}\n"
            f"From elsewhere through: ssh -N -L {self.port}:{self._origin} USER@NODE\n"
            "Whoever has this address acts as you. ^c ends it.",
            highlight=False,
            soft_wrap=True,
        )

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.host != self._origin or self._is_foreign(request):
            return web.Response(status=403, text=_REFUSED)
        if self._is_key(request.query.get("key", "")) and request.path == "/":
            come_in = web.Response(status=303, headers={"Location": "/"})
            come_in.set_cookie(self._cookie, self.key, httponly=True, samesite="Strict", path="/")
            return come_in
        if not self._is_key(request.cookies.get(self._cookie, "")):
            return web.Response(status=403, text=_REFUSED)
        response = await handler(request)
        if not response.prepared:
            response.headers["Content-Security-Policy"] = POLICY.format(host=self._origin)
            response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def _is_foreign(self, request: web.Request) -> bool:
        """Whether another page asks: browsers say so (RFC 6454, 7)."""
        return request.headers.get("Origin", f"http://{self._origin}") != f"http://{self._origin}"

    def _is_key(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.key.encode())
