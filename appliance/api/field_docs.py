"""The docstring under a field, as the field's description in its JSON schema.

pydantic can do this when a class is made, but then reads every source file at each start of every
program; here it is read when somebody asks for a schema.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, get_args

from pydantic import BaseModel

Json = dict[str, Any]


def describe(schema: Json, model: type[BaseModel]) -> Json:
    """The model's schema with a description for every field that has a docstring."""
    models = {item.__name__: item for item in models_in(model)}
    described = (
        {**schema, "properties": _described(schema, model)} if "properties" in schema else schema
    )
    if "$defs" in schema:
        described = {**described, "$defs": describe_all(schema["$defs"], models)}
    return described


def describe_all(definitions: Json, models: dict[str, type[BaseModel]]) -> Json:
    """Named schemas, each with its model's field descriptions."""
    return {
        name: {**item, "properties": _described(item, models[name])}
        if name in models and "properties" in item
        else item
        for name, item in definitions.items()
    }


def models_in(
    annotation: object, seen: frozenset[object] = frozenset()
) -> Iterator[type[BaseModel]]:
    """The models an annotation is made of, and those in their fields."""
    if annotation in seen:
        return
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation, seen | {annotation})
    for argument in get_args(annotation):
        yield from models_in(argument, seen)


def _described(schema: Json, model: type[BaseModel]) -> Json:
    docs = field_docs(model)
    return {
        name: {**field, "description": docs[name]}
        if name in docs and "description" not in field
        else field
        for name, field in schema["properties"].items()
    }


@cache
def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """Field -> the text under it, base classes included; empty where there is no source."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found |= _own_docs(base)
    return found


def _own_docs(model: type[BaseModel]) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(model))
    except OSError:
        return {}
    body = ast.parse(source).body[0]
    statements = body.body if isinstance(body, ast.ClassDef) else []
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(statements)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
