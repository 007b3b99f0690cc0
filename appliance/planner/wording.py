"""Pydantic's findings in our words: the dotted key, the rule, and the key that was perhaps meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from appliance.model.base import NAME_PATTERN, NAME_RULE


def problems_of(
    error: ValidationError,
    spec_type: type[BaseModel],
    noun: str,
    where: str,
    more_keys: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """One sentence for each thing wrong with a spec: "share.images.nfs.clients.0: ...".

    `more_keys` are keys that may stand in this table though they are not fields of the type.
    """
    found = []
    for item in error.errors(include_url=False):
        location = item["loc"]
        words = _words(item, spec_type, noun, more_keys if len(location) == 1 else ())
        found.append(f"{'.'.join((where, *map(str, location)))}: {words}")
    return tuple(found)


def _words(
    item: Any,  # noqa: ANN401 - pydantic_core.ErrorDetails, a TypedDict without a public name
    spec_type: type[BaseModel],
    noun: str,
    more_keys: tuple[str, ...],
) -> str:
    context = item.get("ctx", {})
    match item["type"]:
        case "missing":
            return "this key is required"
        case "extra_forbidden":
            key = str(item["loc"][-1])
            return _unknown_key(key, noun, (*_keys_at(spec_type, item["loc"]), *more_keys))
        case "enum":
            return f"'{item['input']}' is none of {context['expected']}"
        case "string_pattern_mismatch" if context["pattern"] == NAME_PATTERN:
            return f"'{item['input']}' is not a name: {NAME_RULE}"
        case "string_pattern_mismatch":
            return f"'{item['input']}' does not have the form {context['pattern']}"
        case "value_error":
            return str(context["error"])
        case _:
            message: str = item["msg"]
            return message[0].lower() + message[1:]


def _unknown_key(key: str, noun: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    guess = f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(known) or 'none'}"
    return f"a {noun} has no key '{key}' here; {guess}"


def _keys_at(spec_type: type[BaseModel], location: tuple[int | str, ...]) -> tuple[str, ...]:
    """Fields of the model whose key at the end of the location is unknown."""
    models: tuple[type[BaseModel], ...] = (spec_type,)
    for part in location[:-1]:
        for model in models:
            field = model.model_fields.get(str(part))
            if field is not None:
                models = tuple(_models_in(field.annotation))
                break
    return tuple(key for model in models for key in model.model_fields)


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
