"""Every noun without a file of its own is a kind: its verbs and flags come from the node."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from appliance.api import paths
from appliance.api.care_words import care_line
from appliance.api.words import flat, resource_cell, resource_state
from appliance.cli import render
from appliance.cli.parsing import Parser, Verbs, add_verb, parser_for, verbs_of
from appliance.cli.session import Session
from appliance.errors import ApplianceError, InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from appliance.api.fields import Field

Json = dict[str, Any]
_READS: Final = frozenset({"list", "show"})


def parser_of_kind(session: Session, noun: str, rest: list[str]) -> Parser:
    """The parser of a kind's noun. Raises InvalidInputError for a noun no one knows.

    Lists and shows need no schema, so they do not ask for it: one round trip, no models.
    """
    verb = next((word for word in rest if not word.startswith("-")), "")
    light = verb in _READS and not {"-h", "--help"} & set(rest)
    return _light_parser(noun)[0] if light else parser_of_view(_view(session, noun))


def parser_of_view(view: Json) -> Parser:
    """The whole parser of a kind as the node (or this installation) describes it."""
    top, verbs = _light_parser(view["noun"], view["title"])
    _add_changes(verbs, view)
    return top


def _light_parser(noun: str, title: str = "") -> tuple[Parser, Verbs]:
    top = parser_for(noun, title or noun, f"appliance {noun} list")
    verbs = verbs_of(top)
    add_verb(verbs, "list", f"all {noun}s", partial(_list, noun), example=f"appliance {noun} list")
    show = add_verb(
        verbs, "show", "wanted and found, side by side", partial(_show, noun),
        example=f"appliance {noun} show NAME",
    )  # fmt: skip
    show.add_argument("name", metavar="NAME")
    return top, verbs


def describe_kinds() -> str:
    """The kinds for the help text, from what is installed here."""
    from appliance.api.catalog import kind_list
    from appliance.kinds.registry import all_kinds

    lines = ["kinds (list, show, create, set, delete and verbs of their own):"]
    lines += [
        f"  {kind.noun.ljust(12)}{kind.title}"
        for kind in kind_list(all_kinds()).kinds
        if not kind.face_of
    ]
    return "\n".join(lines)


def _view(session: Session, noun: str) -> Json:
    """The kind as the node knows it."""
    try:
        kinds: list[Json] = session.fetch(paths.KINDS)["kinds"]
    except ApplianceError:
        _check_noun_offline(noun)
        raise
    view = next((kind for kind in kinds if kind["noun"] == noun and not kind["face_of"]), None)
    if view is None:
        raise _unknown_noun(noun, kinds)
    return view | {"faces": [kind for kind in kinds if kind["face_of"] == noun]}


def _check_noun_offline(noun: str) -> None:
    """A misspelt noun is worth saying even when the node does not answer."""
    from appliance.api.catalog import kind_list
    from appliance.kinds.registry import all_kinds

    kinds = [kind.model_dump() for kind in kind_list(all_kinds()).kinds]
    if noun not in {kind["noun"] for kind in kinds if not kind["face_of"]}:
        raise _unknown_noun(noun, kinds)


def _unknown_noun(noun: str, kinds: list[Json]) -> InvalidInputError:
    from difflib import get_close_matches

    from appliance.cli.nouns import NOUNS

    owner = next((kind["face_of"] for kind in kinds if kind["noun"] == noun), "")
    if owner:
        return InvalidInputError(
            f"{noun} is a face of a {owner}, not a thing of its own.",
            hint=f"For example: appliance {owner} set NAME --{noun}",
            subject=noun,
        )
    nouns = [*NOUNS, *(kind["noun"] for kind in kinds if not kind["face_of"])]
    close = get_close_matches(noun, nouns, n=1)
    guess = f"Did you mean '{close[0]}'? " if close else ""
    return InvalidInputError(
        f"There is no noun '{noun}'.", hint=f"{guess}Nouns: {', '.join(nouns)}.", subject=noun
    )


def _read(session: Session, noun: str, path: str, **parts: str) -> Json:
    try:
        answer: Json = session.fetch(path, noun=noun, **parts)
    except InvalidInputError as error:
        if error.subject == noun:
            _view(session, noun)
        raise
    except ApplianceError:
        _check_noun_offline(noun)
        raise
    return answer


def _list(noun: str, session: Session, arguments: argparse.Namespace) -> int:
    del arguments
    answer = _read(session, noun, paths.RESOURCES)
    if session.as_json:
        session.print_json(answer)
        return 0
    if not answer["resources"]:
        print(f"no {noun}s yet; make one: appliance {noun} create --help")
        return 0
    columns: list[str] = answer["columns"]
    headers = ("NAME", *(column.replace("_", " ").upper() for column in columns), "STATE")
    rows = ((item["name"], *(resource_cell(item, column) for column in columns), resource_state(item))
            for item in answer["resources"])  # fmt: skip
    print(render.table(headers, rows))
    return 0


def _show(noun: str, session: Session, arguments: argparse.Namespace) -> int:
    item = _read(session, noun, paths.RESOURCE, name=arguments.name)
    if session.as_json:
        session.print_json(item)
        return 0
    print(f"{item['id']}: {resource_state(item)}")
    for side, title in (("spec", "wanted"), ("found", "found")):
        print(f"{title}:")
        print(render.pairs(flat(item[side]), "  ") if item[side] else "  nothing")
    for line in item["care"]:
        print(care_line(line))
    for finding in item["findings"]:
        print(f"{finding['severity']}: {finding['what']}\n  next: {finding['next_step']}")
    return 0


def _add_changes(verbs: Verbs, view: Json) -> None:
    from appliance.api.fields import fields_of_kind
    from appliance.cli.flags import add_flags, option
    from appliance.cli.options import add_change_options

    noun = view["noun"]
    fields = fields_of_kind(view, view["faces"])
    needed = " ".join(f"{option(field)} ..." for field in fields if field.required)
    create = add_verb(verbs, "create", f"make a {noun}", partial(_create, noun, fields),
                      example=f"appliance {noun} create NAME {needed}".rstrip())  # fmt: skip
    change = add_verb(verbs, "set", f"change a {noun}; fields not given stay", partial(_set, noun, fields),
                      example=f"appliance {noun} set NAME {option(fields[0])} ..." if fields
                      else f"appliance {noun} set NAME")  # fmt: skip
    delete = add_verb(verbs, "delete", f"remove a {noun}", partial(_delete, noun),
                      example=f"appliance {noun} delete NAME --confirm NAME")  # fmt: skip
    for verb in (create, change, delete):
        verb.add_argument("name", metavar="NAME")
        add_change_options(verb)
    add_flags(create, fields, partly=False)
    add_flags(change, fields, partly=True)
    for act, title in view["verbs"].items():
        parser = add_verb(verbs, act, title, partial(_act, noun, act),
                          example=f"appliance {noun} {act} NAME")  # fmt: skip
        parser.add_argument("name", metavar="NAME")
        parser.add_argument(
            "arguments", metavar="KEY=VALUE", nargs="*", help="arguments of the act"
        )
        add_change_options(parser)


def _create(
    noun: str, fields: tuple[Field, ...], session: Session, arguments: argparse.Namespace
) -> int:
    from appliance.api.fields import merge
    from appliance.cli.flags import given

    name = arguments.name
    site: Json = session.fetch(paths.SITE)["site"]
    if name in site.get(noun, {}):
        raise InvalidInputError(
            f"There is a {noun} '{name}' already.",
            hint=f"Take another name, or change it: appliance {noun} set {name} ...",
            subject=f"{noun}/{name}",
        )
    return _put(session, noun, merge({}, given(fields, arguments)), arguments)


def _set(
    noun: str, fields: tuple[Field, ...], session: Session, arguments: argparse.Namespace
) -> int:
    from appliance.api.fields import merge
    from appliance.cli.flags import given

    name = arguments.name
    now = session.fetch(paths.SITE)["site"].get(noun, {}).get(name)
    if now is None:
        raise NotFoundError(
            f"There is no {noun} '{name}' that is managed here.",
            hint=f"Managed ones: appliance {noun} list; a new one: appliance {noun} create {name}",
            subject=f"{noun}/{name}",
        )
    changes = given(fields, arguments)
    if not changes:
        raise InvalidInputError(
            "Nothing to change was given.", hint=f"Fields: appliance {noun} set --help"
        )
    gone = [
        key for key, value in changes.items() if value is None and isinstance(now.get(key), dict)
    ]
    faces = [
        key
        for key in gone
        if any(field.path == (key,) and field.shape == "table" for field in fields)
    ]
    if faces and len(changes) == len(faces):
        return _remove(session, tuple(f"{face}/{name}" for face in faces), arguments)
    return _put(session, noun, merge(now, changes), arguments)


def _put(session: Session, noun: str, spec: Json, arguments: argparse.Namespace) -> int:
    from appliance.cli.changes import carry_out
    from appliance.model.plan import PlanRequest

    return carry_out(session, PlanRequest(put={noun: {arguments.name: spec}}), arguments)


def _delete(noun: str, session: Session, arguments: argparse.Namespace) -> int:
    return _remove(session, (f"{noun}/{arguments.name}",), arguments)


def _remove(session: Session, names: tuple[str, ...], arguments: argparse.Namespace) -> int:
    from appliance.cli.changes import carry_out
    from appliance.model.plan import PlanRequest

    return carry_out(session, PlanRequest(remove=names), arguments)


def _act(noun: str, verb: str, session: Session, arguments: argparse.Namespace) -> int:
    from appliance.cli.changes import carry_out
    from appliance.model.plan import PlanRequest
    from appliance.model.resource import ActionRequest

    wrong = next((word for word in arguments.arguments if "=" not in word), None)
    if wrong is not None:
        raise InvalidInputError(
            f"'{wrong}' is not KEY=VALUE.",
            hint=f"For example: appliance {noun} {verb} {arguments.name} name=before-upgrade",
        )
    given = dict(word.split("=", 1) for word in arguments.arguments)
    action = ActionRequest(resource=f"{noun}/{arguments.name}", verb=verb, arguments=given)
    return carry_out(session, PlanRequest(action=action), arguments)
