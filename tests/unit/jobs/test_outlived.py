"""A command that outlived the agent is waited for, before its job is finished or taken back."""

from __future__ import annotations

import shlex

import pytest

from appliance.errors import BusyError, OutlivesError
from appliance.model.command import Command
from appliance.model.job import JobState
from tests.unit.fakehost import Killed
from tests.unit.jobs.node import Node
from tests.unit.jobs.sites import SMALL

# A killed thread ends by an exception that nobody catches; the jobs' states tell the rest.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

GROUP = "/system.slice/appliance-agent.service"


def killed_in(node: Node, verb: str) -> int:
    """Apply the site until the verb's command runs, then lose the agent; the job's number."""

    def kill(command: Command) -> None:
        if command.argv[0] == verb:
            raise Killed

    node.host.before = kill
    number = node.apply(SMALL).number
    node.host.before = lambda _: None
    node.crash()
    assert node.journal.job(number).state is JobState.UNKNOWN
    return number


def processes(node: Node, **running: tuple[str, ...]) -> None:
    """What runs in the agent's control group: p4711=("lvcreate", ...)."""
    files = node.host.files
    files.write("/proc/self/cgroup", f"0::{GROUP}\n", 0o644)
    numbers = "".join(f"{name.removeprefix('p')}\n" for name in running)
    files.write(f"/sys/fs/cgroup{GROUP}/cgroup.procs", numbers, 0o644)
    for name, words in running.items():
        line = "".join(f"{word}\0" for word in words)
        files.write(f"/proc/{name.removeprefix('p')}/cmdline", line, 0o644)


@pytest.mark.parametrize("interpreter", [(), ("/usr/bin/python3", "-u")])
@pytest.mark.parametrize("folder", ["", "/usr/sbin/"])
def test_a_step_that_still_runs_is_waited_for(
    node: Node, interpreter: tuple[str, ...], folder: str
) -> None:
    number = killed_in(node, "format")
    words = ("format", "tank", "d1")
    processes(node, p17=(), p4711=(*interpreter, folder + words[0], *words[1:]))
    for way in (node.jobs.finish, node.jobs.undo, node.jobs.abandon):
        with pytest.raises(BusyError) as raised:
            way(number)
        assert "Step 1 of job 1 (" in raised.value.message
        assert "as process 4711" in raised.value.message
        assert "appliance job finish 1" in raised.value.hint
    assert node.journal.job(number).state is JobState.UNKNOWN
    processes(node)
    assert node.run(node.jobs.finish(number)).state is JobState.DONE


def test_a_step_that_cannot_be_killed_is_not_taken_back_while_it_runs(node: Node) -> None:
    """The kernel waits for a disk: the command may yet do what it was begun for."""
    ran: list[str] = []

    def hang(command: Command) -> None:
        ran.append(command.argv[0])
        if command.argv[0] == "vgcreate":
            raise OutlivesError("It cannot be killed.", hint="Pull the disk.", subject="vgcreate")

    node.host.before = hang
    job = node.apply(SMALL)
    assert job.state is JobState.UNKNOWN
    assert "cannot be killed. Pull the disk." in job.error
    assert ran[-1] == "vgcreate"
    step = next(item for item in job.steps if item.line.startswith("vgcreate "))
    processes(node, p4711=tuple(shlex.split(step.line)))
    with pytest.raises(BusyError, match="as process 4711"):
        node.jobs.undo(job.number)


def test_other_processes_of_the_agent_stop_nothing(node: Node) -> None:
    number = killed_in(node, "format")
    processes(
        node,
        p1=("appliance-agent", "serve"),
        p2=("smartctl", "-x", "/dev/sda"),
        p3=("format", "tank", "d2"),
        p4=("reformat", "tank", "d1"),
        p5=("tank", "d1"),
    )
    assert node.run(node.jobs.finish(number)).state is JobState.DONE


def test_a_way_back_that_still_runs_is_waited_for(node: Node) -> None:
    number = killed_in(node, "vgcreate")

    def kill(command: Command) -> None:
        if command.argv[0] == "unformat":
            raise Killed

    node.host.before = kill
    node.undo(number)
    node.host.before = lambda _: None
    node.crash()
    processes(node, p99=("unformat", "tank", "d2"))
    with pytest.raises(BusyError, match="as process 99"):
        node.jobs.undo(number)
    processes(node)
    assert node.undo(number).state is JobState.UNDONE
    assert node.host.formatted == {}
