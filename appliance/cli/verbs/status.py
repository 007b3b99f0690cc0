"""appliance status: is all well, what is not, what next, in one screen."""

from __future__ import annotations

import argparse
from typing import Any

from appliance.api import paths
from appliance.api.words import status_lines
from appliance.cli import render
from appliance.cli.parsing import Parser, parser_for
from appliance.cli.session import Session

Json = dict[str, Any]


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for("status", "Is all well, what is not, what next.", "appliance status")
    top.set_defaults(run=_status)
    return top


def _status(session: Session, arguments: argparse.Namespace) -> int:
    del arguments
    answer: Json = session.fetch(paths.STATUS)
    if session.as_json:
        session.print_json(answer)
        return 0
    for spans in status_lines(answer):
        print(render.line(spans))
    return 0
