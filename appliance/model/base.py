"""The base of every value, the shared field types and the digest of what is stable in a value."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


class Value(BaseModel):
    """A frozen value that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64")


class VolatileMark:
    """Marks a field that moves by itself (a temperature, a fill level): not in the digest."""

    __slots__ = ()


VOLATILE: Final = VolatileMark()

_UNITS: Final = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40, "PIB": 2**50,
                 "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}  # fmt: skip
_SIZE: Final = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$")


LARGEST: Final = 2**63 - 1
"""Of SQLite's numbers, and of the bytes of a block device (off_t)."""


def parse_size(text: object) -> object:
    """Bytes of "2 GiB", "500 MB" or a plain number; anything else is left to pydantic to refuse."""
    if not isinstance(text, str):
        return text
    match = _SIZE.match(text)
    if match is None or match[2].upper() not in _UNITS:
        msg = f"'{text}' is not a size; write for example 500 GiB, 2 TB or a number of bytes"
        raise ValueError(msg)
    size = float(match[1]) * _UNITS[match[2].upper()]
    if size > LARGEST:
        msg = f"'{text[:40]}' is larger than any disk; write for example 500 GiB, 2 TB"
        raise ValueError(msg)
    return int(size)


def without_scope(address: str) -> str:
    """An address that names no interface. What follows an IPv6 address's % may hold anything
    (RFC 4007), and addresses go into the files of other programs. Raises ValueError."""
    if "%" in address:
        msg = f"'{address}' names an interface"
        raise ValueError(msg)
    return address


def format_size(size: int) -> str:
    """A size in binary units with at most one decimal: 1.5 TiB."""
    amount, unit = float(size), "B"
    for step in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if amount < 1024:  # noqa: PLR2004 - the binary step itself
            break
        amount, unit = amount / 1024, step
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"


Bytes = Annotated[int, Field(ge=0)]
Size = Annotated[int, BeforeValidator(parse_size, json_schema_input_type=int | str), Field(gt=0)]
"""A size a person writes: bytes, or text with a unit."""

NAME_PATTERN: Final = r"^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$"
NAME_RULE: Final = (
    "1 to 31 characters, a small letter first, then small letters, digits and inner hyphens"
)
"""The pattern, in words."""

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""1 to 31 characters: a letter, then letters, digits and inner hyphens. Safe in a path, an LVM
name, an IQN and an SMB share name alike."""


def stable(value: object) -> object:
    """The JSON form of a value without its volatile fields; sets and maps in a fixed order."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {
            name: stable(getattr(value, name))
            for name, info in fields.items()
            if VOLATILE not in info.metadata
        }
    if isinstance(value, Mapping):
        return {str(key): stable(item) for key, item in sorted(value.items())}
    if isinstance(value, frozenset | set):
        return sorted(str(stable(item)) for item in value)
    if isinstance(value, tuple | list):
        return [stable(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def digest(value: object) -> str:
    """SHA-256 of the stable form, in hexadecimal."""
    text = json.dumps(stable(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
