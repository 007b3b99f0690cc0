"""The fields of a kind's spec from its JSON schema, and their values as people write them.

What CLI flags and console forms are made of. A list is written with commas, its tables as
`10.0.0.0/8;squash=none`; a map as KEY=VALUE; a whole value may be given as JSON; `none` takes a
value that may be absent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from appliance.errors import InvalidInputError

Json = dict[str, Any]
YES: Final = frozenset({"yes", "true", "on", "1"})
NO: Final = frozenset({"no", "false", "off", "0"})


class Field(NamedTuple):
    """A field of a spec."""

    path: tuple[str, ...]
    shape: str
    """text, yes-no, list, map or table (a table that may be given empty)."""
    required: bool
    title: str
    choices: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """Keys of the tables in a list of tables, the one that a bare word means first."""
    rule: Mapping[str, Any] = {}
    """Its plain JSON schema, or that of the items of a list: type, pattern, bounds."""
    default: object = None
    needed: bool = False
    """Required where its table is given; `required` is only what the whole spec cannot be without."""

    @property
    def dotted(self) -> str:
        """As error messages name it: capacity.raid."""
        return ".".join(self.path)


def fields_of(schema: Json, prefix: tuple[str, ...] = ()) -> Iterator[Field]:
    """The fields of a spec with this schema, a table before what stands in it."""
    yield from _walk(schema, schema.get("$defs", {}), prefix)


def fields_of_kind(view: Json, faces: Sequence[Json]) -> tuple[Field, ...]:
    """The fields of a kind as /v1/kinds shows it, then those of the kinds that are its faces."""
    found = [*fields_of(view["spec_schema"])]
    for face in faces:
        found.append(Field((face["noun"],), "table", required=False, title=face["title"]))
        found += fields_of(face["spec_schema"], (face["noun"],))
    return tuple(found)


def collect(given: Iterable[tuple[Field, Sequence[str]]]) -> Json:
    """The nested values of what was written for each field. Raises InvalidInputError."""
    values: Json = {}
    # A table first, then what stands in it: `--nfs --nfs.clients ...` works in any order.
    for field, texts in sorted(given, key=lambda item: len(item[0].path)):
        at = values
        for key in field.path[:-1]:
            inner = at.get(key)
            at[key] = at = inner if isinstance(inner, dict) else {}
        at[field.path[-1]] = value_of(field, texts)
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


def value_of(field: Field, given: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    """The JSON value of what was written. Raises InvalidInputError."""
    last = given[-1]
    if last == "none" and not _may_say_none(field):
        return None
    if last.startswith(("{", "[")):
        return _json(field, last)
    match field.shape:
        case "yes-no":
            return _yes_no(field, last)
        case "list":
            return [_item(field, word) for text in given for word in text.split(",") if word]
        case "map":
            return dict(_pair(field, text) for text in given)
        case "table":
            _yes_no(field, last)
            return {}
        case _:
            return last


def text_of(field: Field, value: Any) -> str:  # noqa: ANN401 - JSON
    """A JSON value as a person writes it: the inverse of `value_of`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field.shape == "list" and isinstance(value, list):
        words = [_word(field, item) for item in value]
        plain = all(word is not None and "," not in word for word in words)
        return ",".join(filter(None, words)) if plain else json.dumps(value)
    if field.shape == "table":
        return "yes"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _may_say_none(field: Field) -> bool:
    """Whether "none" is a value of the field itself, as the network of a guest that has none."""
    return "none" in field.choices or "none" in str(field.rule.get("pattern", ""))


def _word(field: Field, item: Any) -> str | None:  # noqa: ANN401 - JSON
    """An item of a list in its short form; None when it has none."""
    if not isinstance(item, dict):
        return str(item)
    if not field.keys or any(isinstance(value, dict | list) for value in item.values()):
        return None
    first = field.keys[0]
    if first not in item:
        return None
    rest = "".join(f";{key}={text_of(field, value)}" for key, value in item.items() if key != first)
    return f"{item[first]}{rest}"


def _walk(schema: Json, definitions: Json, prefix: tuple[str, ...]) -> Iterator[Field]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        path = (*prefix, name)
        inner = _plain(field, definitions)
        shape = _shape(inner)
        title = _first_sentence(field.get("description") or inner.get("description") or "")
        rule = _plain(inner["items"], definitions) if "items" in inner else inner | _bounds(field)
        yield Field(
            path,
            shape,
            name in required and not prefix,
            title,
            choices=tuple(map(str, inner.get("enum", ()))),
            keys=_keys(inner, definitions),
            rule=rule,
            default=field.get("default"),
            needed=name in required,
        )
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


def _bounds(field: Json) -> Json:
    """That a field is a size: integer or text in its schema, alone or beside null."""
    options = [field, *field.get("anyOf", ())]
    sizes = ({"type": "integer"} in item.get("anyOf", ()) for item in options)
    return {"format": "size"} if any(sizes) else {}


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


def _item(field: Field, word: str) -> Any:  # noqa: ANN401 - JSON
    """An item of a list. A table is `VALUE;key=value`: the bare value is its first key's."""
    if not field.keys:
        return word
    parts = (part.partition("=") for part in word.split(";") if part)
    return {key if found else field.keys[0]: value if found else key for key, found, value in parts}


def _pair(field: Field, text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not found or not key:
        raise InvalidInputError(
            f"{field.dotted} takes KEY=VALUE, not '{text}'.",
            hint="For example: 10.0.0.0/8=rw",
            subject=field.dotted,
        )
    return key, value


def _yes_no(field: Field, text: str) -> bool:
    if text in YES | NO:
        return text in YES
    raise InvalidInputError(
        f"{field.dotted} takes yes or no, not '{text}'.",
        hint="Write yes or no.",
        subject=field.dotted,
    )


def _json(field: Field, text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInputError(
            f"The value of {field.dotted} looks like JSON but is not: {error}.",
            hint='In a shell, quote it: \'{"key": "value"}\'',
            subject=field.dotted,
        ) from error


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).split(". ", 1)[0].rstrip(".")
