"""The nouns that are no kinds, with a line of help each; importing their verbs is left to main."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NOUNS: Final[Mapping[str, str]] = {
    "status": "is all well, what is not, what next",
    "apply": "bring the node to what a site spec says",
    "setup": "the first boot: what is here, and from answers to a working node",
    "handover": "the sheet with all a person must know of this node",
    "site": "print the whole wish as a site spec",
    "disk": "disks and bays",
    "secret": "passwords that specs refer to by name",
    "alert": "what is not well, since when, and who knows of it",
    "metrics": "numbers for Prometheus, as text",
    "job": "changes being carried out, and the exact commands they ran",
    "audit": "who asked for what, and what came of it",
    "network": "keep a change of the network, which goes back by itself otherwise",
    "host": "pinned SSH host keys of nodes",
    "completion": "completion for bash or zsh",
}
"""Nouns with a file of their own under verbs/; every other noun is a kind the node knows."""

NODE_HELP: Final = "the node: ssh://USER@HOST[:PORT]; without it this machine ($APPLIANCE_HOST)"
