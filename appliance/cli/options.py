"""The options every command that changes something has."""

from __future__ import annotations

import argparse


def add_change_options(parser: argparse.ArgumentParser) -> None:
    """--preview, --confirm, --yes, --no-wait."""
    parser.add_argument("--preview", action="store_true", help="show the plan and stop")
    parser.add_argument(
        "--confirm",
        metavar="NAME",
        action="append",
        default=[],
        help="a name or serial the plan asks to be confirmed; may be given again",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before carrying it out")
    parser.add_argument(
        "--no-wait", action="store_true", help="start the job and return; see appliance job watch"
    )
