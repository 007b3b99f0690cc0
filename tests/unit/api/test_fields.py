"""Fields from the kinds' schemas, and values written and read back."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from appliance.api.catalog import kind_list
from appliance.api.fields import Field, collect, fields_of_kind, merge, text_of, value_of
from appliance.errors import InvalidInputError
from appliance.kinds.registry import all_kinds

CLINIC = tomllib.loads((Path(__file__).parents[3] / "examples/clinic.toml").read_text())
KINDS = [item.model_dump() for item in kind_list(all_kinds()).kinds]


def fields(noun: str) -> dict[str, Field]:
    view = next(item for item in KINDS if item["noun"] == noun)
    faces = [item for item in KINDS if item["face_of"] == noun]
    return {item.dotted: item for item in fields_of_kind(view, faces)}


def written(fields: dict[str, Field], spec: dict[str, Any]) -> list[tuple[Field, list[str]]]:
    """What a person would write for a spec."""
    found = []
    for dotted, field in fields.items():
        value: Any = spec
        for key in field.path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and (field.shape != "table" or not value):
            found.append((field, [text_of(field, value)]))
        assert dotted == field.dotted
    return found


@pytest.mark.parametrize(
    ("noun", "name"), [(noun, name) for noun, tables in CLINIC.items() for name in tables]
)
def test_a_spec_written_as_text_reads_back_as_the_same_spec(noun: str, name: str) -> None:
    kind, spec = all_kinds()[noun], CLINIC[noun][name]
    faces = {
        face: item for face, item in all_kinds().items() if item.face_of == noun and face in spec
    }
    again = collect(written(fields(noun), spec))
    for face, of in faces.items():
        assert of.spec_type.model_validate(again.pop(face)) == of.spec_type.model_validate(
            spec[face]
        )
    own = {key: value for key, value in spec.items() if key not in faces}
    assert kind.spec_type.model_validate(again) == kind.spec_type.model_validate(own)


def test_the_schema_gives_shapes_choices_bounds_and_words() -> None:
    pool, vm, share = fields("pool"), fields("vm"), fields("share")
    assert pool["capacity"].shape == "table"
    assert pool["capacity.raid"].choices == ("raid1", "raid5", "raid6", "raid10")
    assert pool["capacity.disks"].title.startswith("Each `bay:LABEL`")
    assert pool["capacity.cache"].rule["format"] == "size"
    assert vm["memory"].required
    assert vm["memory"].rule["format"] == "size"
    assert vm["cpus"].rule["maximum"] == 256
    assert "format" not in vm["cpus"].rule
    assert vm["disks"].rule["pattern"].startswith("^[a-z]")
    assert vm["autostart"].default is True
    assert share["nfs"].shape == "table"
    assert share["nfs.clients"].keys[0] == "address"


def test_what_is_no_value_is_refused_by_the_fields_name() -> None:
    with pytest.raises(InvalidInputError, match="autostart takes yes or no, not 'maybe'"):
        value_of(fields("vm")["autostart"], ["maybe"])
    with pytest.raises(InvalidInputError, match="capacity looks like JSON but is not"):
        value_of(fields("pool")["capacity"], ["{bad"])


def test_merging_replaces_adds_and_takes_away() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": 3}
    assert merge(base, {"a": {"y": None, "z": 4}, "b": 5}) == {"a": {"x": 1, "z": 4}, "b": 5}
