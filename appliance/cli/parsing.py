"""Argument parsing whose errors are ours: what is wrong, and what to do next."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any, NoReturn

from appliance.cli.nouns import NODE_HELP
from appliance.cli.session import Session
from appliance.errors import InvalidInputError

Run = Callable[[Session, argparse.Namespace], int]
Verbs = Any  # argparse's own type for "the sub-parsers of this parser" is private


class Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal.

    argparse makes a formatter for every argument it is told of, and by default imports shutil
    with all its archive formats to find the width: a third of what a read costs.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_width())


def _width() -> int:
    try:
        return max(os.get_terminal_size(1).columns - 2, 40)
    except OSError:
        return 78


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of exiting, and never guesses abbreviations."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - argparse's own settings
        settings.setdefault("formatter_class", Help)
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
    return parser.add_subparsers(
        title="verbs", metavar="VERB", required=True, parser_class=Parser, prog=parser.prog
    )


def add_verb(verbs: Verbs, name: str, title: str, run: Run, *, example: str) -> Parser:
    """A verb with its help, its example and what it runs."""
    parser: Parser = verbs.add_parser(
        name, help=title, description=title, epilog=f"example:\n  {example}"
    )
    add_everywhere(parser)
    parser.set_defaults(run=run)
    return parser
