"""Flags from the fields of a spec: one flag a field, nested fields with dots.

`--capacity.disks bay:1,bay:2` sets the list `disks` in the table `capacity`. What stands twice is
added to a list or a map; api/fields.py says how values are written.
"""

from __future__ import annotations

import argparse
from typing import Any, Final

from appliance.api.fields import Field, collect

Json = dict[str, Any]

_METAVAR: Final = {
    "text": "VALUE",
    "yes-no": "yes|no",
    "list": "A,B",
    "map": "KEY=VALUE",
    "table": "yes|none",
}


def option(field: Field) -> str:
    """The field as a flag: --capacity.raid."""
    return "--" + field.dotted.replace("_", "-")


def add_flags(parser: argparse.ArgumentParser, fields: tuple[Field, ...], *, partly: bool) -> None:
    """Add the flags; `partly` when fields left out keep their value."""
    group = parser.add_argument_group("fields of the spec")
    for field in fields:
        words = [
            "required" if field.required and not partly else "",
            field.title,
            " | ".join(field.choices),
            f"each as {_table_form(field)}" if field.keys else "",
        ]
        settings: Json = {
            "dest": _target(field),
            "action": "append",
            "metavar": _METAVAR[field.shape],
            "help": "; ".join(filter(None, words)).replace("%", "%%"),
        }
        if field.shape == "table":
            settings |= {"nargs": "?", "const": "yes"}
        group.add_argument(option(field), **settings)


def given(fields: tuple[Field, ...], arguments: argparse.Namespace) -> Json:
    """The nested values that were given. Raises InvalidInputError."""
    words = ((field, getattr(arguments, _target(field))) for field in fields)
    return collect((field, texts) for field, texts in words if texts is not None)


def _target(field: Field) -> str:
    """Its attribute in the parsed arguments."""
    return f"spec:{field.dotted}"


def _table_form(field: Field) -> str:
    first, *rest = field.keys
    return f"'{first.upper()}{''.join(f';{key}=...' for key in rest)}'"
