"""The long form of test_faults: the demo's whole plan, and all edges of every step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from images.clinic import SPEC, Clinic
from images.frozen import Frozen
from tests.lab.every_kind import EVERY_KIND, prepare
from tests.lab.test_faults import PROGRAMS, every_boundary, every_edge, slow_mirrors, stands

pytestmark = [pytest.mark.lab, pytest.mark.timeout(4500, func_only=True)]


@pytest.fixture
def box(golden: Frozen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    """A blank node with what both sites need."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    machine = golden.clone("test-edges", number=3)
    try:
        site = Clinic(machine, tmp_path / "clinic")
        prepare(site)
        machine.copy_in(PROGRAMS, "/opt/tests")
        yield site
    finally:
        machine.remove()


def test_sigkill_at_every_boundary_of_the_demos_plan(box: Clinic) -> None:
    every_boundary(box, SPEC)


def test_sigkill_at_all_edges_of_every_step(box: Clinic) -> None:
    slow_mirrors(box.node)
    every_edge(box, EVERY_KIND)
    stands(box, EVERY_KIND)
