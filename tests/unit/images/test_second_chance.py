"""Which lab modules run again: those whose rig broke, and only when nothing else failed."""

from __future__ import annotations

import pytest

from images.errors import CheckFailedError, RigError
from tests.lab.second_chance import SecondChance


def failed(module: str, error: Exception) -> pytest.TestReport:
    with pytest.raises(type(error)) as raised:
        raise error
    shown = raised.getrepr()
    place = (f"tests/lab/{module}.py", 1, "test_it")
    return pytest.TestReport(f"{place[0]}::test_it", place, {}, "failed", shown, "setup")


BROKEN = RigError("ssh to port 1 broke", hint="Is the node up?")
FALSE = CheckFailedError("status 1 from: appliance status")


def test_a_kernel_that_panicked_is_a_broken_rig() -> None:
    chance = SecondChance()
    report = failed("test_a", FALSE)
    report.sections.append(("the end of node's serial console", "Kernel panic - not syncing: x"))
    chance.pytest_runtest_logreport(report)
    assert chance.modules() == ["tests/lab/test_a.py"]


@pytest.mark.parametrize(
    ("reports", "again"),
    [
        ([], []),
        ([("test_b", BROKEN), ("test_a", BROKEN)], ["tests/lab/test_a.py", "tests/lab/test_b.py"]),
        ([("test_a", BROKEN), ("test_a", FALSE)], ["tests/lab/test_a.py"]),
        ([("test_a", FALSE), ("test_a", BROKEN)], []),
        ([("test_a", BROKEN), ("test_b", FALSE)], []),
        ([("test_a", AssertionError("images.errors.RigError"))], []),
    ],
)
def test_only_a_broken_rig_gets_one(reports: list[tuple[str, Exception]], again: list[str]) -> None:
    chance = SecondChance()
    for module, error in reports:
        chance.pytest_runtest_logreport(failed(module, error))
    assert chance.modules() == again
