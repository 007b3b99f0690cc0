"""A node to watch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.kinds.registry import all_kinds
from appliance.state.db import Store
from tests.unit.watch.node import Node


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def node(store: Store) -> Node:
    return Node(store, all_kinds())
