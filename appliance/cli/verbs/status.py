"""appliance status: is all well, what is not, what next, in one screen."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, Final

from appliance.api import paths
from appliance.api.words import status_lines
from appliance.cli import render
from appliance.cli.parsing import Parser, parser_for
from appliance.cli.session import Session
from appliance.errors import UnavailableError

Json = dict[str, Any]

_OPEN: Final = "account/setup"
"""The finding that the login of a new machine is open."""
_NEW: Final = "this machine is new: log in as setup, without a password, to set it up"


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for("status", "Is all well, what is not, what next.", "appliance status")
    top.add_argument(
        "--issue", action="store_true", help="what stands above a login prompt; see agetty(8)"
    )
    top.set_defaults(run=_status)
    return top


def _status(session: Session, arguments: argparse.Namespace) -> int:
    if arguments.issue:
        print("\n".join(issue_lines(session)))
        return 0
    answer: Json = session.fetch(paths.STATUS)
    if session.as_json:
        session.print_json(answer)
        return 0
    for spans in status_lines(answer):
        print(render.line(spans))
    return 0


def issue_lines(session: Session) -> Iterator[str]:
    """The banner before login, with agetty's escapes: name and addresses are always fresh.

    Counts only: whoever stands at the rack has not logged in yet.
    """
    new = False
    try:
        answer: Json = session.fetch(paths.STATUS)
    except UnavailableError:
        yield "health   UNKNOWN: the appliance's agent does not answer"
    else:
        yield f"health   {'all is well' if answer['well'] else f'NOT WELL: {_counts(answer)}'}"
        yield f"version  {answer['version']} ({answer['host']['profile']})"
        new = any(finding["subject"] == _OPEN for finding in answer["findings"])
    yield r"address  \4 \6"
    yield _NEW if new else "log in to begin; people of the appliance get its console"
    yield ""


def _counts(answer: Json) -> str:
    severities = [finding["severity"] for finding in answer["findings"]]
    counts = [f"{severities.count(word)} {word}" for word in ("critical", "warning")
              if word in severities]  # fmt: skip
    if answer["drift"]:
        counts.append("not as wished")
    return ", ".join(counts) or "a job is unfinished"
