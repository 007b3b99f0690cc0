"""Real processes: exit codes, time-outs, input, output, secrets, words."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.node.apply import executor as door
from agents.node.apply.executor import MASK, Executor, _Conversation
from agents.node.apply.files import NodeFiles
from agents.node.apply.secrets import SecretStore
from appliance.errors import FullError, NotFoundError, OutlivesError, StepFailedError
from appliance.model.command import Command, Effect, SecretInput, change, read

pytestmark = pytest.mark.usefixtures("allow_processes", "allow_sleep")


@pytest.fixture
def secrets(tmp_path: Path) -> SecretStore:
    return SecretStore(NodeFiles(tmp_path))


@pytest.fixture
def executor(secrets: SecretStore) -> Executor:
    return Executor(secrets)


def shell(text: str, timeout_s: float = 20, stdin: str | SecretInput | None = None) -> Command:
    return change("sh", "-c", text, timeout_s=timeout_s, stdin=stdin)


def test_both_streams_and_the_exit_code(executor: Executor) -> None:
    output = executor.run(
        Command(
            argv=("sh", "-c", "echo out; echo err >&2; exit 3"),
            timeout_s=20,
            effect=Effect.READ,
            ok_codes=(0, 3),
        )
    )
    assert (output.code, output.stdout, output.stderr) == (3, "out\n", "err\n")


def test_no_shell_ever_sees_an_argument(executor: Executor) -> None:
    words = "$(id) `id` ; | > * ' \" \\ \n ä"
    assert executor.run(read("printf", "%s", words)).stdout == words


def test_the_environment_is_small_and_english(executor: Executor) -> None:
    lines = dict(line.split("=", 1) for line in executor.run(read("env")).stdout.splitlines())
    assert lines["LC_ALL"] == "C.UTF-8"
    assert set(lines) == set(door.ENVIRONMENT)


def test_stdin_is_closed_unless_given(executor: Executor) -> None:
    assert executor.run(read("cat")).stdout == ""
    assert executor.run(change("cat", stdin="some\ntext")).stdout == "some\ntext"


def test_more_text_than_a_pipe_holds_goes_in_and_out(executor: Executor) -> None:
    text = "0123456789abcdef" * 40_000
    assert executor.run(change("cat", stdin=text)).stdout == text


def test_a_program_that_does_not_read_its_input(executor: Executor) -> None:
    assert executor.run(change("true", stdin="x" * 1_000_000)).code == 0


def test_a_failure_says_what_why_and_how_to_try(executor: Executor) -> None:
    with pytest.raises(StepFailedError) as raised:
        executor.run(shell("echo working; echo first >&2; echo the disk is sad >&2; exit 5"))
    error = raised.value
    assert error.message == "'sh' ended with exit code 5: the disk is sad"
    assert error.details == ("first", "the disk is sad")
    assert error.exit_code == 5
    assert "sh -c 'echo working;" in error.hint


def test_a_failure_without_a_word(executor: Executor) -> None:
    with pytest.raises(StepFailedError, match="exit code 1: it gave no reason"):
        executor.run(read("false"))


def test_a_signal_has_its_own_words(executor: Executor) -> None:
    with pytest.raises(StepFailedError, match="'sh' was ended by signal 9"):
        executor.run(shell("kill -9 $$"))


def test_a_missing_program_has_its_own_sentence(executor: Executor) -> None:
    with pytest.raises(StepFailedError, match="'no-such-tool' is not installed") as raised:
        executor.run(read("no-such-tool"))
    assert "apt-file search no-such-tool" in raised.value.hint


def test_a_program_that_may_not_be_started(executor: Executor, tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("no program")
    with pytest.raises(StepFailedError, match="could not be started: Permission denied"):
        executor.run(read(str(tmp_path / "tool")))


def test_no_space_is_told_apart(executor: Executor) -> None:
    with pytest.raises(FullError) as raised:
        executor.run(shell("echo write failed: No space left on device >&2; exit 1"))
    assert "Make room" in raised.value.hint


def test_a_full_root_is_named_when_a_program_gives_another_reason(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = (4096, 4096, 1000, 400, 10, 0, 0, 0, 0, 255)
    monkeypatch.setattr(os, "statvfs", lambda folder: os.statvfs_result(blocks))
    with pytest.raises(FullError, match=r"cannot lock\. The root file system is full") as raised:
        executor.run(shell("echo usermod: cannot lock >&2; exit 1"))
    assert "Make room" in raised.value.hint


def test_what_cannot_be_killed_is_told_apart(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test can make a process that survives SIGKILL; one that was killed is said to."""
    kill = _Conversation._kill
    monkeypatch.setattr(_Conversation, "_kill", lambda self: kill(self) and False)
    with pytest.raises(OutlivesError, match="cannot be killed: it still runs as process"):
        executor.run(shell("sleep 60", timeout_s=0.2))


def test_a_time_out_ends_the_whole_group(executor: Executor, tmp_path: Path) -> None:
    marks = tmp_path / "pid"
    begun = time.monotonic()
    with pytest.raises(StepFailedError, match=r"did not end within 0\.5 s and was killed"):
        executor.run(shell(f"sleep 60 & echo $! > {marks}; wait", timeout_s=0.5))
    assert time.monotonic() - begun < 15
    child = int(marks.read_text())
    for _ in range(100):
        if not _runs(child):
            break
        time.sleep(0.05)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_daemon_left_behind_does_not_hold_us(executor: Executor, tmp_path: Path) -> None:
    marks = tmp_path / "pid"
    begun = time.monotonic()
    output = executor.run(shell(f"sleep 30 & echo $! > {marks}; echo done", timeout_s=25))
    assert output.stdout == "done\n"
    assert time.monotonic() - begun < 15
    os.kill(int(marks.read_text()), 9)


def test_a_flood_of_output_is_a_failure_not_half_a_report(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "OUTPUT_LIMIT", 100_000)
    with pytest.raises(StepFailedError, match="wrote more than 100000 bytes"):
        executor.run(read("head", "-c", "200000", "/dev/zero"))


def test_bytes_that_are_no_text(executor: Executor) -> None:
    assert executor.run(read("printf", "a\\377b")).stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_a_secret_goes_in_by_stdin_and_is_masked_everywhere(
    executor: Executor, secrets: SecretStore, caplog: pytest.LogCaptureFixture
) -> None:
    secrets.put("chap", SecretStr("hunter2hunter2"))
    asked = SecretInput(name="chap", template="{secret}\n{secret}\n")
    command = shell("cat; wc -c < /proc/$$/cmdline >&2", stdin=asked)
    with caplog.at_level(logging.DEBUG):
        output = executor.run(command)
    assert output.stdout == f"{MASK}\n{MASK}\n"
    assert "hunter2" not in caplog.text
    assert "# stdin: secret 'chap'" in caplog.text
    with pytest.raises(StepFailedError) as raised:
        executor.run(shell("cat >&2; exit 1", stdin=asked))
    assert "hunter2" not in " ".join((raised.value.message, *raised.value.details))
    assert raised.value.details == (MASK, MASK)


def test_a_secret_that_is_not_stored(executor: Executor) -> None:
    with pytest.raises(NotFoundError, match="no secret 'gone'") as raised:
        executor.run(change("cat", stdin=SecretInput(name="gone")))
    assert raised.value.hint == "Store it with: appliance secret set gone"


def test_changes_are_logged_louder_than_looks(
    executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        executor.run(read("true"))
        executor.run(change("sh", "-c", "exit 0"))
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("sh -c 'exit 0'  -> 0 in ")
