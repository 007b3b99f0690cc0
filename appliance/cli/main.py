"""The command `appliance`: finds the noun, imports only its verbs, turns errors into words."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Final, NamedTuple

from appliance.cli.nouns import NOUNS
from appliance.cli.parsing import NODE_HELP, Parser
from appliance.cli.pipes import run_piped
from appliance.cli.render import paint
from appliance.cli.session import Session
from appliance.errors import ApplianceError, InvalidInputError

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
    noun, *rest = given.rest
    if noun in NOUNS:
        module = import_module(f"appliance.cli.verbs.{noun}")
        if rest == [getattr(module, "BARE_READ", None)]:
            # The read that is asked for most takes no arguments, so it pays for no parser.
            return _run_bare(module.run_bare, given)
        parser: Parser = module.parser()
    else:
        from appliance.cli.verbs.resource import parser_of_kind

        session = Session(node=given.node, identity=given.identity, as_json=given.as_json)
        parser = parser_of_kind(session, noun, rest)
    arguments = parser.parse_args(rest)
    session = Session(
        node=getattr(arguments, "node", given.node),
        identity=getattr(arguments, "identity", given.identity),
        as_json=getattr(arguments, "json", given.as_json),
    )
    try:
        status: int = arguments.run(session, arguments)
    finally:
        session.close()
    return status


def _run_bare(run_bare: Callable[[Session], int], given: Given) -> int:
    session = Session(node=given.node, identity=given.identity, as_json=given.as_json)
    try:
        return run_bare(session)
    finally:
        session.close()


def tell(error: ApplianceError) -> int:
    """Say on standard error what is wrong and what to do next. Returns the exit status."""
    stream = sys.stderr
    stream.write(f"{paint('error:', 'critical', stream)} {error.message}\n")
    for detail in error.details:
        if detail not in error.message:
            stream.write(f"  - {detail}\n")
    stream.write(f"{paint('next:', 'bold', stream)} {error.hint}\n")
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
