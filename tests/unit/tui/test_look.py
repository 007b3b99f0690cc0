"""Every word the API's texts are toned with has a style, in each palette."""

from __future__ import annotations

import pytest

from appliance.model.resource import Severity
from tui.look import tones


@pytest.mark.parametrize("palette", ["", "blind"])
def test_each_severity_has_a_tone(palette: str) -> None:
    assert set(Severity) <= set(tones(palette))
