"""A wrong key is told with the line it stands on."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cli.toml_lines import key_lines, line_of, place

SPEC = """\
# the site
[pool.tank]
disks = [
  "bay:1",  # a = b
]
capacity.raid = "raid6"

[ share . "images" ]   # a header with blanks
volume = "x"
[share.images.nfs]
clients = [{ address = "10.0.0.1", squash = "none" }]
"""


@pytest.mark.parametrize(
    ("dotted", "line"),
    [
        ("pool.tank", 2),
        ("pool.tank.disks", 3),
        ("pool.tank.disks.0", 3),
        ("pool.tank.capacity.raid", 6),
        ("share.images", 8),
        ("share.images.volume", 9),
        ("share.images.nfs.clients.0.squash", 11),
        ("pool.tank.nothing", 2),
        ("pool", 2),
        ("vm.none", None),
        ("", None),
    ],
)
def test_the_line_of_a_key_or_of_what_is_around_it(dotted: str, line: int | None) -> None:
    assert line_of(key_lines(SPEC), dotted) == line


def test_a_finding_gets_file_and_line() -> None:
    detail = "pool.tank.capacity.raid: unknown key; did you mean 'raids'?"
    assert place(SPEC, "site.toml", detail) == f"site.toml:6: {detail}"
    assert place(SPEC, "site.toml", "no key here") == "no key here"
    assert place(SPEC, "site.toml", "vm.x: gone") == "vm.x: gone"


def test_the_example_is_found_key_by_key() -> None:
    text = (Path(__file__).parents[3] / "examples/clinic.toml").read_text()
    lines, written = key_lines(text), text.splitlines()
    for noun, tables in tomllib.loads(text).items():
        for name, spec in tables.items():
            header = line_of(lines, f"{noun}.{name}")
            assert header is not None
            assert written[header - 1].startswith(f"[{noun}.{name}")
            for key in spec:
                assert key in written[lines[f"{noun}.{name}.{key}"] - 1]


NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,6}", fullmatch=True)


@given(
    site=st.dictionaries(NAMES, st.dictionaries(NAMES, st.integers(), min_size=1), min_size=1),
    blanks=st.integers(0, 3),
)
def test_every_key_of_a_plain_file_is_on_its_line(
    site: dict[str, dict[str, int]], blanks: int
) -> None:
    text, expected = "", {}
    for table, values in site.items():
        text += "\n" * blanks + f"[{table}]\n"
        expected[table] = text.count("\n")
        for key, value in values.items():
            text += f"{' ' * blanks}{key} = {value}\n"
            expected[f"{table}.{key}"] = text.count("\n")
    assert tomllib.loads(text) == site
    lines = key_lines(text)
    assert {dotted: line_of(lines, dotted) for dotted in expected} == expected


@given(text=st.text(alphabet="ab.[]=\"\n# '-,{}\x85\x1e", max_size=80), dotted=st.text(max_size=20))
def test_any_text_has_lines_or_none(text: str, dotted: str) -> None:
    found = line_of(key_lines(text), dotted)
    assert found is None or 1 <= found <= text.count("\n") + 1
