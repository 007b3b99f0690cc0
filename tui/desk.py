"""What every screen has at hand: the gateway, the terminal's abilities, and what is known so far."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from appliance.api.wire import KindView, Status
from appliance.errors import ApplianceError
from appliance.model.job import ENDED, Job
from tui.gateway import Gateway

_PLAIN_TERMS: Final = ("linux", "vt", "ansi", "dumb", "screen.linux")
"""Terminals with 16 colours and no line drawing worth having: consoles and serial lines."""
_LONGEST_ABBREVIATION: Final = 3
_ORDER: Final = {
    noun: at for at, noun in enumerate(("pool", "volume", "user", "share", "lun", "vm"))
}


@dataclass
class Desk:
    """The state the screens share. Only the app changes it, in its own turn."""

    gateway: Gateway
    plain: bool = True
    """ASCII borders and the terminal's own 16 colours."""
    kinds: tuple[KindView, ...] = ()
    status: Status | None = None
    jobs: tuple[Job, ...] = ()
    lost: ApplianceError | None = None
    """Why the node does not answer; None while it does."""
    retry_in_s: int = 0
    kept: dict[str, str] = field(default_factory=dict)
    """What was typed into filters, by place: it is there again when one comes back."""

    @property
    def running(self) -> tuple[Job, ...]:
        """Jobs something is happening in."""
        return tuple(job for job in self.jobs if job.state not in ENDED)

    @property
    def places(self) -> tuple[KindView, ...]:
        """Kinds with a place of their own, storage first: their digits stay where the hand knows
        them, whatever kinds there are. A face is shown with what it is a face of."""
        own = [kind for kind in self.kinds if not kind.face_of]
        return tuple(sorted(own, key=lambda kind: _ORDER.get(kind.noun, len(_ORDER))))

    def faces(self, noun: str) -> tuple[KindView, ...]:
        """The kinds that are faces of this one."""
        return tuple(kind for kind in self.kinds if kind.face_of == noun)


def plural(noun: str) -> str:
    """A noun as a heading: Pools, LUNs, Identities."""
    if noun.endswith("y"):
        return f"{noun[:-1].capitalize()}ies"
    word = noun.upper() if len(noun) <= _LONGEST_ABBREVIATION else noun.capitalize()
    return f"{word}s"


def is_plain(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal is one that shows ASCII and 16 colours at best."""
    return environ.get("TERM", "dumb").startswith(_PLAIN_TERMS) or "NO_COLOR" in environ
