"""A change of the network goes back by itself: armed before it, disarmed by a person's word.

The timer is systemd's, so it does its work when the agent is dead as well; at boot the same
service runs before the network, so that a power cut confirms nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from agents.node.apply.files import NodeFiles
from agents.node.apply.handles import Runs
from appliance.errors import RefusedError
from appliance.model.command import change
from appliance.model.link import (
    EARLIER_FILE,
    FILE_PREFIX,
    NETWORK_DIR,
    OUTCOME_FILE,
    REVERT_AFTER_S,
    REVERT_TIMER,
    NetworkChange,
    NetworkOutcome,
)

_NETWORKD: Final = "systemd-networkd.service"


class NetworkGuard:
    """Keeps our network files as they were until a change of them is confirmed."""

    def __init__(self, files: NodeFiles, executor: Runs) -> None:
        self._files = files
        self._executor = executor

    def change(self) -> NetworkChange:
        """Whether a change waits, and what came of the last one."""
        if self._files.read(EARLIER_FILE) is not None:
            return NetworkChange(outcome=NetworkOutcome.ARMED)
        text = (self._files.read(OUTCOME_FILE) or "").strip()
        known = text in set(NetworkOutcome)
        return NetworkChange(outcome=NetworkOutcome(text) if known else NetworkOutcome.NONE)

    def arm(self) -> None:
        """Keep our files and start the clock. A change that still waits keeps what it kept.

        Raises StepFailedError; then nothing is armed, and nothing may be changed.
        """
        if self._files.read(EARLIER_FILE) is None:
            self._files.write(EARLIER_FILE, json.dumps(self._ours()), 0o600)
        self._tell(NetworkOutcome.ARMED)
        self._systemctl("restart", REVERT_TIMER)

    def confirm(self) -> NetworkChange:
        """The new settings stay. Raises RefusedError when none wait for that."""
        if self._files.read(EARLIER_FILE) is None:
            gone = self.change().outcome is NetworkOutcome.REVERTED
            raise RefusedError(
                f"The last change was taken back, since nobody confirmed it in {REVERT_AFTER_S} s."
                if gone
                else "No change of the network waits to be confirmed.",
                hint="Apply it again and confirm it in time."
                if gone
                else "Look at the links: appliance link list",
                subject="network",
            )
        self.disarm()
        self._tell(NetworkOutcome.CONFIRMED)
        return self.change()

    def disarm(self) -> None:
        """Stop the clock and forget what was kept; the files are left as they are."""
        self._systemctl("stop", REVERT_TIMER)
        self._files.remove(EARLIER_FILE)
        self._tell(NetworkOutcome.NONE)

    def revert(self) -> bool:
        """Put the files back that were kept, and set the network up by them. False when nothing
        waits. What is kept is forgotten last, so that a cut-off revert is done again."""
        text = self._files.read(EARLIER_FILE)
        if text is None:
            return False
        earlier: dict[str, str] = json.loads(text)
        now = self._ours()
        for path in now.keys() - earlier.keys():
            self._files.remove(path)
        for path, content in earlier.items():
            self._files.write(path, content, 0o644)
        for name in _devices(now, earlier):
            self._executor.run(change("networkctl", "delete", name, ok_codes=(0, 1)))
        # networkd starts after the service this runs in, so waiting for it would never end; and
        # at boot it is not up yet, and reads the files when it comes.
        self._executor.run(change("systemctl", "--no-block", "try-restart", _NETWORKD))
        self._tell(NetworkOutcome.REVERTED)
        self._files.remove(EARLIER_FILE)
        return True

    def _ours(self) -> Mapping[str, str]:
        paths = [
            f"{NETWORK_DIR}/{entry}"
            for entry in self._files.list_dir(NETWORK_DIR)
            if entry.startswith(FILE_PREFIX)
        ]
        return {path: self._files.read(path) or "" for path in paths}

    def _tell(self, outcome: NetworkOutcome) -> None:
        self._files.write(OUTCOME_FILE, f"{outcome}\n", 0o644)

    def _systemctl(self, verb: str, unit: str) -> None:
        self._executor.run(change("systemctl", verb, unit))


def _devices(now: Mapping[str, str], earlier: Mapping[str, str]) -> tuple[str, ...]:
    """Bonds and VLANs that were made or changed: their devices are to be made anew, or to go."""
    suffix = ".netdev"
    return tuple(
        path.rpartition("/")[2].removeprefix(FILE_PREFIX).removesuffix(suffix)
        for path, content in now.items()
        if path.endswith(suffix) and earlier.get(path) != content
    )
