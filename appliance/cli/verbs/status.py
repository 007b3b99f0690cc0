"""appliance status: is all well, what is not, what next, in one screen."""

from __future__ import annotations

import argparse
from typing import Any, Final

from appliance.api import paths
from appliance.cli import render
from appliance.cli.parsing import Parser, parser_for
from appliance.cli.session import Session

_MOST: Final = 8
"""Lines a section may have, so that a screen of 24 lines is enough."""
_WORDS: Final = {"critical": "CRITICAL", "warning": "WARNING", "info": "note"}

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
    host = answer["host"]
    verdict = (
        render.paint("all is well", "ok")
        if answer["well"]
        else render.paint("NOT WELL", "critical")
    )
    print(f"{host['hostname']} ({host['profile']}, agent {answer['version']}): {verdict}")
    print(
        "  "
        + ", ".join(
            f"{number} {noun}{'' if number == 1 else 's'}"
            for noun, number in answer["counts"].items()
        )
    )
    for finding in _first(answer["findings"]):
        word = _WORDS[finding["severity"]]
        why = f" ({finding['why']})" if finding["why"] else ""
        print(
            f"{render.paint(word, finding['severity'])} {finding['subject']}: {finding['what']}{why}"
        )
        print(f"  next: {finding['next_step']}")
    _print_jobs(answer["jobs"])
    if answer["drift"]:
        print(
            render.paint("The node is not as wished; these steps would bring it back:", "warning")
        )
        for title in _first(answer["drift"]):
            print(f"  - {title}")
        print("  next: appliance site > site.toml; appliance apply site.toml --preview")
    return 0


def _print_jobs(jobs: list[Json]) -> None:
    for job in jobs:
        print(f"job {job['number']} {job['state']}: {job['summary']}")
        if job["error"]:
            print(f"  {job['error']}")
        print(f"  next: {job['next_step'] or 'appliance job watch ' + str(job['number'])}")


def _first(items: list[Any]) -> list[Any]:
    """The first few; that there are more is said, never hidden."""
    if len(items) > _MOST:
        print(f"(the first {_MOST} of {len(items)}; all of them: appliance status --json)")
    return items[:_MOST]
