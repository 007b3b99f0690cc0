"""Fields of a spec as flags."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as each
from hypothesis import strategies as st

from appliance.api.fields import Field, fields_of
from appliance.cli.flags import add_flags, given, option
from appliance.cli.parsing import Parser
from appliance.errors import InvalidInputError

SCHEMA: dict[str, Any] = {
    "required": ["pool"],
    "properties": {
        "pool": {"type": "string", "description": "Where it stands, 100% of it."},
        "auto_start": {"type": "boolean"},
        "disks": {"type": "array", "items": {"type": "string"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "tier": {"$ref": "#/$defs/Tier"},
        "clients": {"type": "array", "items": {"$ref": "#/$defs/Client"}},
    },
    "$defs": {
        "Tier": {
            "type": "object",
            "properties": {"raid": {"type": "string", "enum": ["raid1", "raid6"]}},
        },
        "Client": {
            "type": "object",
            "required": ["address"],
            "properties": {"squash": {"type": "string"}, "address": {"type": "string"}},
        },
    },
}
FIELDS = tuple(fields_of(SCHEMA))


def parse(*argv: str, fields: tuple[Field, ...] = FIELDS) -> dict[str, Any]:
    parser = Parser(prog="x")
    add_flags(parser, fields, partly=True)
    return given(fields, parser.parse_args(argv))


@pytest.mark.parametrize(
    ("argv", "spec"),
    [
        ([], {}),
        (["--pool", "tank"], {"pool": "tank"}),
        (["--auto-start", "no"], {"auto_start": False}),
        (["--disks", "bay:1,bay:2", "--disks", "bay:3"], {"disks": ["bay:1", "bay:2", "bay:3"]}),
        (["--labels", "a=1", "--labels", "b=x=y"], {"labels": {"a": "1", "b": "x=y"}}),
        (["--tier"], {"tier": {}}),
        (["--tier.raid", "raid6"], {"tier": {"raid": "raid6"}}),
        (["--tier.raid", "raid6", "--tier"], {"tier": {"raid": "raid6"}}),
        (["--tier", "none"], {"tier": None}),
        (["--pool", "a", "--pool", "b"], {"pool": "b"}),
        (
            ["--clients", "10.0.0.1;squash=none", "--clients", "10.0.0.2"],
            {"clients": [{"address": "10.0.0.1", "squash": "none"}, {"address": "10.0.0.2"}]},
        ),
        (["--clients", '[{"address": "x"}]'], {"clients": [{"address": "x"}]}),
    ],
)
def test_flags_to_values(argv: list[str], spec: dict[str, Any]) -> None:
    assert parse(*argv) == spec


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--auto-start", "maybe"], "yes or no, not 'maybe'"),
        (["--labels", "novalue"], "KEY=VALUE, not 'novalue'"),
        (["--labels", "=x"], "KEY=VALUE"),
        (["--clients", "[{"], "looks like JSON but is not"),
        (["--tier", "maybe"], "yes or no"),
        (["--po", "tank"], "unrecognized arguments: --po"),
        (["--pool"], "expected one argument"),
    ],
)
def test_what_is_no_value_is_told(argv: list[str], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said) as raised:
        parse(*argv)
    assert raised.value.hint


def test_the_help_says_what_is_needed_and_what_may_be_chosen() -> None:
    parser = Parser(prog="x")
    add_flags(parser, FIELDS, partly=False)
    shown = " ".join(parser.format_help().split())
    assert "--pool VALUE required; Where it stands, 100% of it" in shown
    assert "--tier.raid VALUE raid1 | raid6" in shown
    assert "--clients A,B each as 'ADDRESS;squash=...'" in shown
    assert "--tier [yes|none]" in shown


def test_a_change_requires_nothing() -> None:
    parser = Parser(prog="x")
    add_flags(parser, FIELDS, partly=True)
    assert "required" not in parser.format_help()


@each(value=st.text(min_size=1).filter(lambda text: text[0] not in "-{[" and text != "none"))
def test_any_text_is_taken_as_it_is(value: str) -> None:
    assert parse("--pool", value) == {"pool": value}


@each(argv=st.lists(st.text(max_size=12), max_size=6))
def test_any_words_are_values_or_a_told_error(argv: list[str]) -> None:
    try:
        parse(*argv)
    except (InvalidInputError, SystemExit):  # -h among them
        return


def test_a_field_is_written_with_dashes() -> None:
    assert [option(field) for field in FIELDS][:2] == ["--pool", "--auto-start"]
