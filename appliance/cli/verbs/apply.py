"""appliance apply: bring the node to what a site spec says."""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

from appliance.cli.options import add_change_options
from appliance.cli.parsing import Parser, parser_for
from appliance.cli.session import Session
from appliance.cli.toml_lines import place
from appliance.errors import InvalidInputError

_LARGEST: Final = 1 << 20
"""Bytes of a spec; the agent takes no larger body."""


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for(
        "apply",
        "Bring the node to what a site spec says. What is managed and not in it is removed, after\n"
        "its name was typed or passed with --confirm.",
        "appliance apply examples/clinic.toml --preview",
    )
    top.add_argument("spec", metavar="SPEC.toml", help="the site spec; - for standard input")
    add_change_options(top)
    top.set_defaults(run=_apply)
    return top


def _apply(session: Session, arguments: argparse.Namespace) -> int:
    from appliance.cli.changes import carry_out
    from appliance.model.plan import PlanRequest

    text = _read(arguments.spec)
    request = PlanRequest(site=_parse(text, arguments.spec))
    try:
        return carry_out(session, request, arguments)
    except InvalidInputError as error:
        # The node names keys; only this side knows on which lines they stand.
        details = tuple(place(text, arguments.spec, detail) for detail in error.details)
        message = f"{arguments.spec} is not a valid site spec." if details else error.message
        raise InvalidInputError(
            message, hint=error.hint, subject=error.subject, details=details
        ) from error


def read_spec(spec: str) -> dict[str, Any]:
    """A TOML file as a document. Raises InvalidInputError with file and line."""
    return _parse(_read(spec), spec)


def _read(spec: str) -> str:
    try:
        if spec == "-":
            text = sys.stdin.read(_LARGEST + 1)
        else:
            with Path(spec).open(encoding="utf-8") as stream:
                text = stream.read(_LARGEST + 1)
    except OSError as error:
        raise InvalidInputError(
            f"{spec} cannot be read: {error.strerror}.", hint="Check the path.", subject=spec
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{spec} is not a text file.", hint="A site spec is TOML in UTF-8.", subject=spec
        ) from error
    if len(text) > _LARGEST:
        raise InvalidInputError(f"{spec} is too large.", hint="A site spec is at most 1 MiB.")
    return text


def _parse(text: str, spec: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(
            f"{spec} is not valid TOML: {error}.",
            hint="Correct that line; strings need quotes, tables look like [pool.NAME].",
            subject=spec,
        ) from error
