"""Flags from a spec's JSON schema: one flag a field, nested fields with dots.

`--capacity.disks bay:1,bay:2` sets the list `disks` in the table `capacity`. A list is written with
commas or by giving the flag again, its tables as `10.0.0.0/8;squash=none`; a map as KEY=VALUE, again for each key; a whole value may be
given as JSON; `none` takes a value that may be absent.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from appliance.errors import InvalidInputError

Json = dict[str, Any]
_YES: Final = frozenset({"yes", "true", "on", "1"})
_NO: Final = frozenset({"no", "false", "off", "0"})


class Flag(NamedTuple):
    """A field of a spec as a flag."""

    path: tuple[str, ...]
    shape: str
    """text, yes-no, list, map or table (a table that may be given empty)."""
    required: bool
    title: str
    choices: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """Keys of the tables in a list of tables, the one that a bare word means first."""

    @property
    def option(self) -> str:
        """As it is written: --capacity.raid."""
        return "--" + ".".join(self.path).replace("_", "-")

    @property
    def target(self) -> str:
        """Its attribute in the parsed arguments."""
        return "spec:" + ".".join(self.path)


def flags_of(schema: Json, prefix: tuple[str, ...] = ()) -> Iterator[Flag]:
    """The flags of a spec with this schema."""
    yield from _walk(schema, schema.get("$defs", {}), prefix)


def add_flags(parser: argparse.ArgumentParser, flags: tuple[Flag, ...], *, partly: bool) -> None:
    """Add the flags; `partly` when fields left out keep their value."""
    group = parser.add_argument_group("fields of the spec")
    for flag in flags:
        words = [
            "required" if flag.required and not partly else "",
            flag.title,
            " | ".join(flag.choices),
            f"each as {_table_form(flag)}" if flag.keys else "",
        ]
        settings: Json = {
            "dest": flag.target,
            "action": "append",
            "metavar": _METAVAR[flag.shape],
            "help": "; ".join(filter(None, words)).replace("%", "%%"),
        }
        if flag.shape == "table":
            settings |= {"nargs": "?", "const": "yes"}
        group.add_argument(flag.option, **settings)


_METAVAR: Final = {
    "text": "VALUE",
    "yes-no": "yes|no",
    "list": "A,B",
    "map": "KEY=VALUE",
    "table": "yes|none",
}


def _table_form(flag: Flag) -> str:
    first, *rest = flag.keys
    return f"'{first.upper()}{''.join(f';{key}=...' for key in rest)}'"


def collect(flags: tuple[Flag, ...], arguments: argparse.Namespace) -> Json:
    """The nested values that were given. Raises InvalidInputError."""
    values: Json = {}
    # A table first, then what stands in it: `--nfs --nfs.clients ...` works in any order.
    for flag in sorted(flags, key=lambda item: len(item.path)):
        given: list[str] | None = getattr(arguments, flag.target)
        if given is not None:
            at = values
            for key in flag.path[:-1]:
                inner = at.get(key)
                at[key] = at = inner if isinstance(inner, dict) else {}
            at[flag.path[-1]] = _value(flag, given)
    return values


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> Json:
    """The base with changes put in; tables are merged, null takes a key away, all else replaces."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(old, dict):
            merged[key] = merge(old, value)
        else:
            merged[key] = value
    return merged


def _walk(schema: Json, definitions: Json, prefix: tuple[str, ...]) -> Iterator[Flag]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        path = (*prefix, name)
        inner = _plain(field, definitions)
        shape = _shape(inner)
        title = _first_line(field.get("description") or inner.get("description") or "")
        choices = tuple(map(str, inner.get("enum", ())))
        keys = _keys(inner, definitions)
        yield Flag(path, shape, name in required and not prefix, title, choices, keys)
        if shape == "table":
            yield from _walk(inner, definitions, path)


def _plain(field: Json, definitions: Json) -> Json:
    """The field's schema behind references and "or null"."""
    options = [item for item in field.get("anyOf", ()) if item.get("type") != "null"]
    if options:
        # "integer or text" is how a size is described; as text it is both.
        return _plain(options[-1], definitions)
    for holder in (*field.get("allOf", ()), field):
        if "$ref" in holder:
            return _plain(definitions[holder["$ref"].rpartition("/")[2]], definitions)
    return field


def _shape(schema: Json) -> str:
    kind = schema.get("type")
    if kind == "boolean":
        return "yes-no"
    if kind == "array":
        return "list"
    if kind == "object":
        return "table" if "properties" in schema else "map"
    return "text"


def _keys(schema: Json, definitions: Json) -> tuple[str, ...]:
    """Keys of the tables a list holds, required ones first; none for a list of plain values."""
    if schema.get("type") != "array":
        return ()
    item = _plain(schema.get("items", {}), definitions)
    required = item.get("required", ())
    return (*required, *(key for key in item.get("properties", ()) if key not in required))


def _value(flag: Flag, given: list[str]) -> Any:  # noqa: ANN401 - JSON
    last = given[-1]
    if last == "none":
        return None
    if last.startswith(("{", "[")):
        return _json(flag, last)
    match flag.shape:
        case "yes-no":
            return _yes_no(flag, last)
        case "list":
            return [_item(flag, word) for text in given for word in text.split(",") if word]
        case "map":
            return dict(_pair(flag, text) for text in given)
        case "table":
            _yes_no(flag, last)
            return {}
        case _:
            return last


def _item(flag: Flag, word: str) -> Any:  # noqa: ANN401 - JSON
    """An item of a list. A table is `VALUE;key=value`: the bare value is its first key's."""
    if not flag.keys:
        return word
    parts = (part.partition("=") for part in word.split(";") if part)
    return {key if found else flag.keys[0]: value if found else key for key, found, value in parts}


def _pair(flag: Flag, text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not found or not key:
        raise InvalidInputError(
            f"{flag.option} takes KEY=VALUE, not '{text}'.",
            hint=f"For example: {flag.option} 10.0.0.0/8=rw",
        )
    return key, value


def _yes_no(flag: Flag, text: str) -> bool:
    if text in _YES | _NO:
        return text in _YES
    raise InvalidInputError(
        f"{flag.option} takes yes or no, not '{text}'.", hint="Write yes or no."
    )


def _json(flag: Flag, text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInputError(
            f"The value of {flag.option} looks like JSON but is not: {error}.",
            hint='Quote it for the shell: \'{"key": "value"}\'',
        ) from error


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0].rstrip(".")
