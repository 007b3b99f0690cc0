"""A module whose rig broke runs again, once, on a new node; a check that did not hold never does.

Emulated machines die of their emulator now and then. A RigError says that this happened and nothing
about the appliance (images/errors.py), and so does a kernel that panicked: QEMU without KVM now and
then runs into code that the kernel is just patching. The module it hit first is run anew, in the
open: both runs are in the log, and the second one counts.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

ONCE = "--no-second-chance"
RIG = "images.errors.RigError"
PANIC = "Kernel panic - not syncing"
"""In the end of a node's serial console, which conftest keeps of a failure."""
TIMEOUT_S = 2400


class SecondChance:
    """Watches the reports of a whole session, workers' included, and runs what has to run again."""

    def __init__(self) -> None:
        self._first: dict[str, bool] = {}
        self._again: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what the first failure of a module was: the later ones follow from it."""
        if report.failed:
            module = report.nodeid.partition("::")[0]
            self._first.setdefault(module, broke_the_rig(report))

    def modules(self) -> list[str]:
        """The modules to run again; none when any module failed by what it tests."""
        return sorted(self._first) if all(self._first.values()) else []

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Run them; their outcome is the session's."""
        modules = self.modules()
        if not modules or session.exitstatus != pytest.ExitCode.TESTS_FAILED:
            return
        words = ("-m", "lab", "-p", "no:randomly", "-v", ONCE, *modules)
        sys.stdout.write(f"\nThe rig broke in {', '.join(modules)}: once more on new nodes.\n")
        sys.stdout.flush()
        done = subprocess.run(
            (sys.executable, "-m", "pytest", *words), check=False, timeout=TIMEOUT_S
        )
        session.exitstatus = done.returncode
        self._again = "passed" if not done.returncode else "failed again"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say at the end which outcome counts."""
        if self._again:
            terminalreporter.section(f"second run after the rig broke: {self._again}")


def broke_the_rig(report: pytest.TestReport) -> bool:
    """Whether a failure is the lab's own: by the type that was raised, not by its words, or by
    what a node said last."""
    crash = getattr(report.longrepr, "reprcrash", None)
    panicked = any(PANIC in text for _, text in report.sections)
    return panicked or (crash is not None and crash.message.startswith(RIG))
