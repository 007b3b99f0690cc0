"""Verdicts over 1,000 recorded outputs: reading, parsing and judging, in processor time.

What else runs on the machine does not count; alone, the clock shows the same.
"""

from __future__ import annotations

import time
from itertools import cycle, islice
from pathlib import Path

import pytest

from appliance.health.judge import judge
from appliance.model.smartctl import parse_smart

CAPTURES = Path(__file__).parents[3] / "shared" / "captures" / "smart"
HOW_MANY = 1_000
LIMIT_S = 2.0


@pytest.mark.bench
def test_a_thousand_verdicts():
    files = [path for path in sorted(CAPTURES.iterdir()) if path.suffix in {".json", ".txt"}]
    started = time.process_time()
    for path in islice(cycle(files), HOW_MANY):
        judge(parse_smart(path.read_text(encoding="utf-8", errors="replace")))
    took = time.process_time() - started
    print(f"{HOW_MANY} verdicts in {took:.2f} s, {took / HOW_MANY * 1000:.2f} ms each")
    assert took < LIMIT_S
