"""appliance setup: the first boot, without a screen."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.api import paths
from appliance.cli.options import add_change_options
from appliance.cli.parsing import Parser, parser_for
from appliance.cli.session import Session
from appliance.errors import InvalidInputError

if TYPE_CHECKING:
    from appliance.model.setup import SetupAnswers


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for(
        "setup",
        "The first boot. Without options: what is here, and the layouts there are. With answers: a\n"
        "working node, and its handover sheet at the end. Answers are a site spec with a table\n"
        "[setup] that chooses a layout; see examples/answers.toml.",
        "appliance setup --answers answers.toml --preview",
    )
    way = top.add_mutually_exclusive_group()
    way.add_argument("--answers", metavar="FILE", help="the answers; - for standard input")
    way.add_argument(
        "--resume", action="store_true", help="go on with a setup that was interrupted"
    )
    add_change_options(top)
    top.set_defaults(run=_setup)
    return top


def _setup(session: Session, arguments: argparse.Namespace) -> int:
    if arguments.answers is None and not arguments.resume:
        return _show(session)
    if arguments.no_wait:
        raise InvalidInputError(
            "A setup ends with its handover sheet, so it waits for its job.",
            hint="Leave --no-wait out; ctrl-C lets the job go on: appliance setup --resume",
        )
    from appliance.cli.first_boot import begin, resume

    if arguments.resume:
        return resume(session, arguments)
    from appliance.api.answers import parse_answers
    from appliance.cli.verbs.apply import read_spec

    document = read_spec(arguments.answers)
    answers = parse_answers(document)
    return begin(session, document, _secrets(arguments.answers, answers), arguments)


def _show(session: Session) -> int:
    from appliance.api.setup_words import medium_lines, proposal_lines

    proposal: dict[str, Any] = session.fetch(paths.SETUP_PROPOSAL)
    if session.as_json:
        session.print_json(proposal)
        return 0
    print("\n".join((*medium_lines(proposal), *proposal_lines(proposal))))
    print(
        "next: write the answers (examples/answers.toml), then: appliance setup --answers FILE --preview"
    )
    return 0


def _secrets(spec: str, answers: SetupAnswers) -> Mapping[str, str]:
    """Secret -> value. Paths are beside the answers file. Raises InvalidInputError."""
    values = {}
    for name, place in answers.secrets.items():
        path = Path(spec).parent / place
        try:
            values[name] = path.read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(
                f"The secret '{name}' cannot be read from {path}.",
                hint="Correct its path in [setup.secrets]; nothing was done.",
                subject=f"setup.secrets.{name}",
            ) from error
    return values
