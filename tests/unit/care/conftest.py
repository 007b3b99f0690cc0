"""A node to care for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.care.node import CareNode


@pytest.fixture
def node(tmp_path: Path) -> Iterator[CareNode]:
    made = CareNode(tmp_path)
    yield made
    made.close()
