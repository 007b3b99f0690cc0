"""appliance audit: who asked for what, and what came of it."""

from __future__ import annotations

import argparse
from typing import Any

from appliance.api import paths
from appliance.cli import render
from appliance.cli.parsing import Parser, add_verb, parser_for, verbs_of
from appliance.cli.session import Session
from appliance.errors import RefusedError

Json = dict[str, Any]


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for("audit", "Who asked for what, and what came of it.", "appliance audit list")
    verbs = verbs_of(top)
    listing = add_verb(verbs, "list", "the newest lines, newest first", _list,
                       example="appliance audit list --limit 20")  # fmt: skip
    listing.add_argument("--limit", type=int, default=100, help="how many lines (100)")
    add_verb(verbs, "verify", "check that no line was changed or taken out", _verify,
             example="appliance audit verify")  # fmt: skip
    return top


def _list(session: Session, arguments: argparse.Namespace) -> int:
    answer: Json = session.fetch(f"{paths.AUDIT}?limit={arguments.limit}")
    if session.as_json:
        session.print_json(answer)
        return 0
    if not answer["lines"]:
        print("nothing is on record yet")
        return 0
    headers = ("LINE", "WHEN (UTC)", "WHO", "FROM", "WHAT", "SUBJECT", "OUTCOME")
    rows = (
        (str(line["number"]), line["at"][:19].replace("T", " "), line["who"], line["origin"],
         line["what"], line["subject"] or render.NOTHING, line["outcome"])
        for line in answer["lines"]
    )  # fmt: skip
    print(render.table(headers, rows))
    return 0


def _verify(session: Session, arguments: argparse.Namespace) -> int:
    del arguments
    verdict: Json = session.fetch(paths.AUDIT_VERIFY)
    if session.as_json:
        session.print_json(verdict)
    if not verdict["intact"]:
        raise RefusedError(
            f"The audit's chain is broken at line {verdict['broken_at']} of {verdict['lines']}.",
            hint="Someone changed the database; compare with a head you noted elsewhere.",
            subject="audit",
        )
    if not session.as_json:
        print(f"{render.paint('intact', 'ok')}: {verdict['lines']} lines, head {verdict['head']}")
    return 0
