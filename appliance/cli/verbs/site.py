"""appliance site: the whole wish, to keep in a file, edit and apply again."""

from __future__ import annotations

import argparse
from typing import Any

from appliance.api import paths
from appliance.cli.parsing import Parser, parser_for
from appliance.cli.session import Session

Json = dict[str, Any]


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for("site", "Print the whole wish as a site spec.", "appliance site > site.toml")
    top.set_defaults(run=_site)
    return top


def _site(session: Session, arguments: argparse.Namespace) -> int:
    del arguments
    site: Json = session.fetch(paths.SITE)["site"]
    if session.as_json:
        session.print_json(site)
        return 0
    print("\n".join(_tables(site)) or "# nothing is managed yet")
    return 0


def _tables(site: Json) -> list[str]:
    lines: list[str] = []
    for noun, resources in site.items():
        for name, spec in resources.items():
            lines += [*([""] if lines else []), *_table(f"{noun}.{_key(name)}", spec)]
    return lines


def _table(header: str, values: Json) -> list[str]:
    """A table and the tables in it; plain values first, as TOML wants it."""
    lines = [f"[{header}]"]
    inner = [(key, value) for key, value in values.items() if isinstance(value, dict)]
    lines += [
        f"{_key(key)} = {_value(value)}"
        for key, value in values.items()
        if not isinstance(value, dict)
    ]
    for key, value in inner:
        lines += _table(f"{header}.{_key(key)}", value)
    return lines


def _key(text: str) -> str:
    plain = text.replace("-", "").replace("_", "")
    return text if plain.isascii() and plain.isalnum() else _value(text)


def _value(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
        )
    return str(value)
