"""Commands that outlived the agent.

systemd leaves them alone (KillMode=process): lvm(8) killed between suspending and resuming a
device would leave that device suspended. So after a restart a step may still be running.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from agents.node.apply.files import NodeFiles
from appliance.errors import StepFailedError
from appliance.model.command import Command
from appliance.model.job import StepState
from appliance.model.plan import Plan
from appliance.model.steps import RunStep
from appliance.state.journal import Executed


@dataclass(frozen=True)
class Outlived:
    """A step that is still running, and the process that it is."""

    step: int
    title: str
    pid: int


def still_running(plan: Plan, executed: tuple[Executed, ...], files: NodeFiles) -> Outlived | None:
    """The step of a job that was cut off whose command, or whose undo's, has not ended yet."""
    processes = tuple(_processes(files))
    for item in executed:
        if item.state is not StepState.BEGUN:
            continue
        step = plan.steps[item.number - 1]
        for each in (step, *(item.undo or ())):
            if isinstance(each, RunStep):
                for pid, words in processes:
                    if _is(words, each.command):
                        return Outlived(item.number, step.title, pid)
    return None


def _processes(files: NodeFiles) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Process numbers and arguments in the agent's own control group (cgroups(7), proc(5))."""
    own = (files.read("/proc/self/cgroup") or "").strip().rpartition(":")[2]
    for pid in (files.read(f"/sys/fs/cgroup{own}/cgroup.procs") or "").split():
        try:
            text = files.read(f"/proc/{pid}/cmdline") or ""
        except StepFailedError:
            continue  # It ended while it was looked at (ESRCH).
        if text:
            yield int(pid), tuple(text.rstrip("\0").split("\0"))


def _is(words: tuple[str, ...], command: Command) -> bool:
    """A script runs as its interpreter, its own path and then the arguments."""
    program, *arguments = command.argv
    before = len(words) - len(arguments)
    if before < 1 or words[before:] != tuple(arguments):
        return False
    name = PurePath(program).name
    return any(PurePath(word).name == name for word in words[:before])
