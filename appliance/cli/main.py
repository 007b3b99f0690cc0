"""The command `appliance`: finds the noun, imports only its verbs, turns errors into words."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

from appliance.cli.nouns import NODE_HELP, NOUNS
from appliance.cli.pipes import run_piped
from appliance.cli.render import paint, plain
from appliance.cli.session import Session
from appliance.errors import ApplianceError, InvalidInputError

if TYPE_CHECKING:
    from appliance.cli.parsing import Parser

INTERRUPTED: Final = 130
"""128 + SIGINT, as shells report it."""

_INTRO: Final = """usage: appliance [-H ADDRESS] [--json] NOUN VERB ...

Manages a storage appliance: pools, shares, LUNs and virtual machines from bare disks.
"""
_OUTRO: Final = f"""
options:
  -H, --node ADDRESS  {NODE_HELP}
  -i, --identity FILE private SSH key to use
  --json              print JSON, for programs
  -h, --help          this text; also after a noun or a verb

examples:
  appliance status
  appliance -H ssh://admin@node1 disk list
  appliance apply examples/clinic.toml --preview
  appliance volume create images --pool clinic --size 500GiB
"""


class Given(NamedTuple):
    """The command line up to the noun, and the rest."""

    node: str
    identity: str
    as_json: bool
    rest: list[str]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit status; errors are told on standard error."""
    words = sys.argv[1:] if argv is None else list(argv)
    return run_piped(partial(_run_and_tell, words))


def _run_and_tell(argv: list[str]) -> int:
    try:
        return run(argv)
    except ApplianceError as error:
        return tell(error)
    except KeyboardInterrupt as interrupt:
        # The terminal has echoed ^C; what follows begins on a line of its own.
        begin = "\n" if sys.stderr.isatty() else ""
        sys.stderr.write(f"{begin}{str(interrupt) or 'Interrupted.'}\n")
        return INTERRUPTED


def run(argv: list[str]) -> int:
    """Run a command. Raises ApplianceError."""
    given = _globals(argv)
    if not given.rest or given.rest[0] in {"-h", "--help", "help"}:
        from appliance.cli.verbs.resource import describe_kinds

        print(_INTRO, *_nouns(NOUNS), "", describe_kinds(), _OUTRO, sep="\n", end="")
        return 0
    if given.rest == ["disk", "list"]:
        from appliance.cli.verbs.disk_list import show_all

        return _run_in(_session(given), show_all)
    return _run_parsed(given)


def _run_parsed(given: Given) -> int:
    """A command whose words need a parser; argparse alone costs a tenth of a read."""
    parser = _parser(given)
    arguments = parser.parse_args(given.rest[1:])
    session = Session(
        node=getattr(arguments, "node", given.node),
        identity=getattr(arguments, "identity", given.identity),
        as_json=getattr(arguments, "json", given.as_json),
    )
    return _run_in(session, lambda opened: arguments.run(opened, arguments))


def _parser(given: Given) -> Parser:
    noun, *rest = given.rest
    if noun in NOUNS:
        parser: Parser = import_module(f"appliance.cli.verbs.{noun}").parser()
        return parser
    from appliance.cli.verbs.resource import parser_of_kind

    return parser_of_kind(_session(given), noun, rest)


def _session(given: Given) -> Session:
    return Session(node=given.node, identity=given.identity, as_json=given.as_json)


def _run_in(session: Session, verb: Callable[[Session], int]) -> int:
    try:
        return verb(session)
    finally:
        session.close()


def tell(error: ApplianceError) -> int:
    """Say on standard error what is wrong and what to do next. Returns the exit status."""
    stream = sys.stderr
    stream.write(f"{paint('error:', 'critical', stream)} {plain(error.message)}\n")
    for detail in error.details:
        if detail not in error.message:
            stream.write(f"  - {plain(detail)}\n")
    stream.write(f"{paint('next:', 'bold', stream)} {plain(error.hint)}\n")
    return error.exit_status


def _globals(argv: list[str]) -> Given:
    """Options before the noun. Raises InvalidInputError."""
    node, identity, as_json = os.environ.get("APPLIANCE_HOST", ""), "", False
    rest = list(argv)
    while rest and rest[0].startswith("-") and rest[0] not in {"-h", "--help"}:
        option, found, value = rest.pop(0).partition("=")
        if option == "--json" and not found:
            as_json = True
            continue
        if option not in {"-H", "--node", "-i", "--identity"} or not (found or rest):
            raise InvalidInputError(
                f"'{option}' is no option, or its value is missing.", hint="See: appliance --help"
            )
        value = value if found else rest.pop(0)
        if option in {"-H", "--node"}:
            node = value
        else:
            identity = value
    return Given(node, identity, as_json, rest)


def _nouns(nouns: Mapping[str, str]) -> list[str]:
    return [f"  {noun.ljust(12)}{title}" for noun, title in nouns.items()]


if __name__ == "__main__":
    sys.exit(main())
