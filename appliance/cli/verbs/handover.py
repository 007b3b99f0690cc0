"""appliance handover: one page with all a person must know of a node."""

from __future__ import annotations

import argparse

from appliance.api import paths
from appliance.api.setup_words import handover_lines
from appliance.cli.parsing import Parser, parser_for
from appliance.cli.session import Session


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for(
        "handover",
        "The sheet with all a person must know of this node.",
        "appliance handover > handover.txt",
    )
    top.set_defaults(run=_handover)
    return top


def _handover(session: Session, arguments: argparse.Namespace) -> int:
    del arguments
    sheet = session.fetch(paths.HANDOVER)
    if session.as_json:
        session.print_json(sheet)
    else:
        print("\n".join(handover_lines(sheet)))
    return 0
