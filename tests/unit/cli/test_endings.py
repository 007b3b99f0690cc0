"""How commands end: exit statuses from the error tree, ctrl-C, a reader that has gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.cli import main as cli
from appliance.errors import ApplianceError, _tree

BIN = Path(sys.executable).parent
# The lab's own errors stay in the lab.
TREE = [kind for kind in _tree(ApplianceError).values() if kind.__module__ == "appliance.errors"]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: str(kind.code))
def test_every_error_ends_with_its_own_status(
    kind: type[ApplianceError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(argv: list[str]) -> int:
        raise kind("What is wrong.", hint="What to do.", details=("one finding",))

    monkeypatch.setattr(cli, "run", run)
    assert cli.main(["status"]) == kind.exit_status
    assert 64 <= kind.exit_status <= 78, "sysexits.h"
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "error: What is wrong.\n  - one finding\nnext: What to do.\n"


@pytest.mark.parametrize(
    ("words", "said"), [("", "Interrupted."), ("The job goes on.", "The job goes on.")]
)
def test_ctrl_c_is_one_line(
    words: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(argv: list[str]) -> int:
        raise KeyboardInterrupt(*filter(None, [words]))

    monkeypatch.setattr(cli, "run", run)
    assert cli.main(["status"]) == cli.INTERRUPTED == 130
    assert capsys.readouterr() == ("", f"{said}\n")


LONG = "for n in range(40000): print('a line', n)"


@pytest.mark.usefixtures("allow_processes", "allow_sockets")
@pytest.mark.parametrize(
    ("code", "status"),
    [
        (f"lambda: ({LONG!r} and exec({LONG!r})) or 0", 141),
        ("lambda: print('short') or 0", 141),
        ("lambda: print('short') or 75", 75),
    ],
)
def test_a_reader_that_has_gone_ends_it_without_a_trace(code: str, status: int) -> None:
    program = f"import sys\nfrom appliance.cli.pipes import run_piped\nsys.exit(run_piped({code}))"
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (status, b"")


@pytest.mark.usefixtures("allow_processes", "allow_sockets")
@pytest.mark.parametrize(
    "argv",
    [["appliance", "--help"], ["appliance", "job", "--help"], ["appliance-lab", "--help"],
     ["appliance", "completion", "bash"], ["appliance-lab", "status"]],
    ids=" ".join,
)  # fmt: skip
def test_commands_piped_into_head(argv: list[str]) -> None:
    line = " ".join([str(BIN / argv[0]), *argv[1:]])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line} | head -c 1 > /dev/null"],
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    assert done.returncode in {0, 141}
