"""The agent on this machine, over its unix socket."""

from __future__ import annotations

import _socket
import select
from typing import Final

from appliance.api.paths import GROUPS, SOCKET
from appliance.client.kept import KeptLinks
from appliance.client.transport import CALL_TIMEOUT_S
from appliance.errors import ForbiddenError, UnavailableError

_CONNECT_TIMEOUT_S: Final = 10.0


class UnixLink(_socket.socket):
    """A connected unix socket.

    Of the C module: `socket` around it makes enums of some 400 constants, a tenth of what a read
    of the CLI may cost.
    """

    def stale(self) -> bool:
        """See Link. Between two requests the agent has nothing to say, so bytes mean trouble too."""
        poller = select.poll()
        poller.register(self, select.POLLIN)
        return bool(poller.poll(0))


class UnixTransport:
    """Transport over a unix socket."""

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path
        self._links = KeptLinks(self._dial, subject=path)

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """See Transport."""
        return self._links.request(method, path, body)

    def close(self) -> None:
        """See Transport."""
        self._links.close()

    def _dial(self) -> UnixLink:
        link = UnixLink(_socket.AF_UNIX, _socket.SOCK_STREAM)
        link.settimeout(_CONNECT_TIMEOUT_S)
        try:
            link.connect(self._path)
        except PermissionError as error:
            link.close()
            raise ForbiddenError(
                f"You may not open {self._path}.",
                hint=f"Ask an administrator to put you into one of the groups {', '.join(GROUPS)},"
                " then log in again.",
                subject=self._path,
            ) from error
        except OSError as error:
            link.close()
            raise UnavailableError(
                f"The appliance agent does not answer on {self._path}: {error.strerror or error}.",
                hint="Start it with: systemctl start appliance-agent; "
                "another node is reached with: appliance -H ssh://USER@HOST",
                subject=self._path,
            ) from error
        link.settimeout(CALL_TIMEOUT_S)
        return link
