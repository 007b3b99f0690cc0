"""appliance alert: what is not well, since when, and who knows of it."""

from __future__ import annotations

import argparse
from typing import Any

from appliance.api import paths
from appliance.api.words import alert_lines, clock
from appliance.cli import render
from appliance.cli.parsing import Parser, add_verb, parser_for, verbs_of
from appliance.cli.session import Session

Json = dict[str, Any]


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for("alert", "What is not well, and who knows of it.", "appliance alert list")
    verbs = verbs_of(top)
    listing = add_verb(verbs, "list", "open alerts, the worst first", _list,
                       example="appliance alert list")  # fmt: skip
    listing.add_argument(
        "--all", action="store_true", help="those that are over as well, newest first"
    )
    listing.add_argument("--limit", type=int, default=100, help="how many of all (100)")
    show = add_verb(verbs, "show", "all about one alert", _show, example="appliance alert show 7")
    show.add_argument("number", metavar="NUMBER")
    known = add_verb(verbs, "acknowledge", "say that it is known; it is quiet until it gets worse",
                     _acknowledge, example="appliance alert acknowledge 7 --note 'disk ordered'")  # fmt: skip
    known.add_argument("number", metavar="NUMBER")
    known.add_argument("--note", default="", help="why it may wait; others see it")
    return top


def _list(session: Session, arguments: argparse.Namespace) -> int:
    query = f"?all=true&limit={arguments.limit}" if arguments.all else ""
    answer: Json = session.fetch(paths.ALERTS + query)
    if session.as_json:
        session.print_json(answer)
        return 0
    if not answer["alerts"]:
        print("no alerts")
        return 0
    headers = ("ALERT", "SEVERITY", "STATE", "SINCE", "BAY", "ABOUT", "WHAT")
    rows = (
        (str(alert["number"]), alert["severity"], alert["state"], clock(alert["raised_at"]),
         alert["bay"] or render.NOTHING, alert["subject"], alert["what"])
        for alert in answer["alerts"]
    )  # fmt: skip
    print(render.table(headers, rows))
    return 0


def _show(session: Session, arguments: argparse.Namespace) -> int:
    return _tell(session, session.fetch(paths.ALERT, number=arguments.number))


def _acknowledge(session: Session, arguments: argparse.Namespace) -> int:
    body = {"note": arguments.note}
    answer = session.fetch(paths.ALERT_ACKNOWLEDGE, "POST", body, number=arguments.number)
    return _tell(session, answer)


def _tell(session: Session, alert: Json) -> int:
    if session.as_json:
        session.print_json(alert)
        return 0
    for spans in alert_lines(alert):
        print(render.line(spans))
    return 0
