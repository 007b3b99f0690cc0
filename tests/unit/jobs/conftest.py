"""A node for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.jobs.node import SHELF, Node


@pytest.fixture
def node() -> Iterator[Node]:
    with tempfile.TemporaryDirectory(dir=SHELF) as folder:
        made = Node(Path(folder))
        yield made
        made.close()
