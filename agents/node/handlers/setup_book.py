"""What the first boot keeps on the node, and what of the machine only files tell."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator
from typing import Final

from pydantic import ValidationError

from agents.node.apply.files import NodeFiles
from agents.node.observe.host import observe_dmi
from appliance.kinds.base import Probe
from appliance.model.handover import HostKey
from appliance.model.profile import Profile
from appliance.model.setup import SETUP_FILE, SetupRecord

_KEYS_DIR: Final = "/etc/ssh"
_LEAST_FIELDS: Final = 2


class SetupBook:
    """The answers of an unfinished setup, the chassis' score, the host keys."""

    def __init__(self, files: NodeFiles, probe: Callable[[], Probe]) -> None:
        self._files = files
        self._probe = probe

    def record(self) -> SetupRecord:
        """What was answered; empty when nothing was, or when it cannot be read."""
        text = self._files.read(SETUP_FILE)
        try:
            return SetupRecord.model_validate_json(text) if text else SetupRecord()
        except ValidationError:
            return SetupRecord()

    def keep(self, record: SetupRecord) -> None:
        """Write the answers down. Raises FullError or StepFailedError."""
        self._files.write(SETUP_FILE, record.model_dump_json(indent=1) + "\n", 0o600)

    def score(self, profile: Profile) -> int:
        """How well the profile fits this machine."""
        return profile.score(observe_dmi(self._probe()))

    def host_keys(self) -> tuple[HostKey, ...]:
        """The fingerprints of the public host keys that sshd shows."""
        return tuple(self._host_keys())

    def _host_keys(self) -> Iterator[HostKey]:
        for entry in self._files.list_dir(_KEYS_DIR):
            if entry.startswith("ssh_host_") and entry.endswith(".pub"):
                words = (self._files.read(f"{_KEYS_DIR}/{entry}") or "").split()
                if len(words) >= _LEAST_FIELDS:
                    yield HostKey(type=words[0], fingerprint=fingerprint(words[1]))


def fingerprint(key: str) -> str:
    """A public key (base64) as ssh-keygen(1) shows it: SHA-256, base64 without padding."""
    try:
        digest = hashlib.sha256(base64.b64decode(key, validate=True)).digest()
    except binascii.Error:
        return "unreadable"
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
