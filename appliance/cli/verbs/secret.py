"""appliance secret: passwords that specs refer to by name. Values go in, never out."""

from __future__ import annotations

import argparse
import sys

from appliance.api import paths
from appliance.cli.asking import ask_hidden
from appliance.cli.parsing import Parser, add_verb, parser_for, verbs_of
from appliance.cli.session import Session
from appliance.errors import InvalidInputError

_GENERATED_BYTES = 18
"""144 random bits, 24 letters in base64."""


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for(
        "secret",
        "Passwords that specs refer to by name; values can never be read back.",
        "appliance secret set chap-archive --generate",
    )
    verbs = verbs_of(top)
    add_verb(verbs, "list", "names of the stored secrets", _list, example="appliance secret list")
    put = add_verb(
        verbs,
        "set",
        "store a secret, read from a prompt or standard input, never from the command line",
        _set,
        example="pass show chap-archive | appliance secret set chap-archive",
    )
    put.add_argument("name", metavar="NAME")
    put.add_argument("--generate", action="store_true", help="make one up, and print it once")
    drop = add_verb(verbs, "delete", "forget a secret nothing refers to", _drop,
                    example="appliance secret delete chap-archive")  # fmt: skip
    drop.add_argument("name", metavar="NAME")
    return top


def _list(session: Session, arguments: argparse.Namespace) -> int:
    del arguments
    answer = session.fetch(paths.SECRETS)
    if session.as_json:
        session.print_json(answer)
    else:
        print("\n".join(answer["names"]) or "no secrets are stored")
    return 0


def _set(session: Session, arguments: argparse.Namespace) -> int:
    value = _generate() if arguments.generate else _read(arguments.name)
    session.fetch(paths.SECRET, "PUT", {"value": value}, name=arguments.name)
    if session.as_json:
        made = {"value": value} if arguments.generate else {}
        session.print_json({"name": arguments.name, **made})
    elif arguments.generate:
        print(value)
        print("This is the only time it is shown.", file=sys.stderr)
    else:
        print(f"secret '{arguments.name}' is stored")
    return 0


def _generate() -> str:
    from secrets import token_urlsafe

    return token_urlsafe(_GENERATED_BYTES)


def _read(name: str) -> str:
    if sys.stdin.isatty():
        value = ask_hidden(f"Value for '{name}': ")
        if ask_hidden("Once more: ") != value:
            raise InvalidInputError("The two values differ.", hint="Try again; nothing was stored.")
    else:
        value = _piped()
    if not value:
        raise InvalidInputError(
            "There is no value.", hint="Pipe it in or type it; or use --generate."
        )
    return value


def _piped() -> str:
    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            "The value is not text.", hint="A secret is one line of UTF-8 text."
        ) from error


def _drop(session: Session, arguments: argparse.Namespace) -> int:
    answer = session.fetch(paths.SECRET, "DELETE", name=arguments.name)
    if session.as_json:
        session.print_json(answer)
    else:
        print(f"secret '{arguments.name}' is forgotten")
    return 0
