"""appliance network: whether a change of the network waits, and the word that keeps it."""

from __future__ import annotations

import argparse
from typing import Any

from appliance.api import paths
from appliance.cli.parsing import Parser, add_verb, parser_for, verbs_of
from appliance.cli.session import Session

Json = dict[str, Any]


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for(
        "network",
        "A change of the links goes back by itself unless confirmed in time. The links\n"
        "themselves: appliance link list",
        "appliance network confirm",
    )
    verbs = verbs_of(top)
    add_verb(verbs, "show", "whether a change waits", _show, example="appliance network show")
    add_verb(
        verbs, "confirm", "keep the new settings", _confirm, example="appliance network confirm"
    )
    return top


def _show(session: Session, arguments: argparse.Namespace) -> int:
    del arguments
    return _tell(session, session.fetch(paths.NETWORK))


def _confirm(session: Session, arguments: argparse.Namespace) -> int:
    del arguments
    return _tell(session, session.fetch(paths.NETWORK_CONFIRM, "POST", {}))


def _tell(session: Session, answer: Json) -> int:
    if session.as_json:
        session.print_json(answer)
        return 0
    words = {
        "none": "no change of the network waits to be confirmed",
        "armed": f"the network has changed and goes back {answer['revert_after_s']} s after that; "
        "keep it with: appliance network confirm",
        "confirmed": "the new network settings are confirmed",
        "reverted": "the last change was taken back, since nobody confirmed it in time",
    }
    print(words[answer["outcome"]])
    return 0
