"""What others named is shown to a person, and never obeyed by the terminal."""

from __future__ import annotations

import pytest

from appliance.api.words import Span
from appliance.cli import render
from appliance.cli.main import tell
from appliance.errors import NotFoundError

ERASES_A_LINE = "a\x1b[1A\x1b[2K\x9bz"
SHOWN = "a\\x1b[1A\\x1b[2K\\x9bz"


def test_it_is_made_visible_in_tables_pairs_and_lines() -> None:
    table = render.table(("NAME", "WHO"), [(ERASES_A_LINE, "mary")])
    assert f"{SHOWN}  mary" in table
    assert render.pairs([("name", ERASES_A_LINE)]) == f"name  {SHOWN}"
    assert render.line((Span(ERASES_A_LINE), Span(" ok"))) == f"{SHOWN} ok"


def test_it_is_made_visible_in_errors(capsys: pytest.CaptureFixture[str]) -> None:
    tell(NotFoundError(f"There is no {ERASES_A_LINE}.", hint=ERASES_A_LINE))
    said = capsys.readouterr().err
    assert said.count(SHOWN) == 2
    assert "\x1b[1A" not in said


def test_text_keeps_its_lines_and_letters() -> None:
    assert render.plain("Müller\n\tdœs") == "Müller\n\tdœs"
