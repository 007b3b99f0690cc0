"""Argument parsing whose errors are ours: what is wrong, and what to do next."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Final, NoReturn

from appliance.cli.session import Session
from appliance.errors import InvalidInputError

Run = Callable[[Session, argparse.Namespace], int]
Verbs = Any  # argparse's own type for "the sub-parsers of this parser" is private

NODE_HELP: Final = "the node: ssh://USER@HOST[:PORT]; without it this machine ($APPLIANCE_HOST)"


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of exiting, and never guesses abbreviations."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - argparse's own settings
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Raises InvalidInputError."""
        raise InvalidInputError(f"{message}.", hint=f"See: {self.prog} --help", subject=self.prog)


def parser_for(noun: str, title: str, example: str) -> Parser:
    """The parser of a noun, with what every command understands."""
    parser = Parser(prog=f"appliance {noun}", description=title, epilog=f"example:\n  {example}")
    add_everywhere(parser)
    return parser


def add_everywhere(parser: argparse.ArgumentParser) -> None:
    """Options that may stand before the noun as well as at the end."""
    parser.add_argument(
        "-H", "--node", metavar="ADDRESS", default=argparse.SUPPRESS, help=NODE_HELP
    )
    parser.add_argument(
        "-i", "--identity", metavar="FILE", default=argparse.SUPPRESS, help="private SSH key to use"
    )
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print JSON, for programs"
    )


def verbs_of(parser: argparse.ArgumentParser) -> Verbs:
    """Where a noun's verbs are added."""
    return parser.add_subparsers(title="verbs", metavar="VERB", required=True, parser_class=Parser)


def add_verb(verbs: Verbs, name: str, title: str, run: Run, *, example: str) -> Parser:
    """A verb with its help, its example and what it runs."""
    parser: Parser = verbs.add_parser(
        name, help=title, description=title, epilog=f"example:\n  {example}"
    )
    add_everywhere(parser)
    parser.set_defaults(run=run)
    return parser
