"""appliance completion: what bash and zsh need to complete nouns, verbs and flags."""

from __future__ import annotations

import argparse
from importlib import import_module

from appliance.cli.parsing import Parser, parser_for
from appliance.cli.session import Session


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for(
        "completion",
        "Print completion for a shell.",
        "appliance completion bash > /etc/bash_completion.d/appliance",
    )
    top.add_argument("shell", choices=("bash", "zsh"))
    top.set_defaults(run=_completion)
    return top


def _completion(session: Session, arguments: argparse.Namespace) -> int:
    del session
    import shtab

    print(shtab.complete(whole_parser(), arguments.shell))
    return 0


def whole_parser() -> Parser:
    """Every noun, verb and flag in one parser: dear to build, so only completion does."""
    from appliance.api.catalog import kind_list
    from appliance.cli.nouns import NOUNS
    from appliance.cli.parsing import add_everywhere
    from appliance.cli.verbs.resource import parser_of_view
    from appliance.kinds.registry import all_kinds

    top = Parser(prog="appliance")
    add_everywhere(top)
    nouns = top.add_subparsers(metavar="NOUN", parser_class=Parser)
    parsers = {noun: import_module(f"appliance.cli.verbs.{noun}").parser() for noun in NOUNS}
    views = [kind.model_dump() for kind in kind_list(all_kinds()).kinds]
    for view in views:
        if not view["face_of"]:
            faces = [face for face in views if face["face_of"] == view["noun"]]
            parsers[view["noun"]] = parser_of_view(view | {"faces": faces})
    for noun, parser in parsers.items():
        title = parser.description
        nouns.add_parser(
            noun,
            parents=[parser],
            add_help=False,
            help=title,
            description=title,
            epilog=parser.epilog,
        )
    return top
